#!/usr/bin/env python3
"""Prints the golden numbers of test_perceptual.cpp: LPIPS and DISTS as their papers define them, in PyTorch.

    python3 tests/metrics/make_perceptual_goldens.py FOLDER [A.ppm B.ppm]

FOLDER holds lpips_alex, lpips_vgg, lpips_squeeze and dists.safetensors, made by tools/convert_weights.py.
With two pictures it measures those instead. Needs torch, numpy and safetensors.
"""
import pathlib
import sys

import numpy
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

DATA = pathlib.Path(__file__).resolve().parent.parent / "data" / "metrics"
PAIRS = [("ex_ref", "ex_p0"), ("ex_ref", "ex_p1"), ("kodak_crop", "kodak_crop_jpeg")]


def picture(path):
    kind, width, height, depth, pixels = path.read_bytes().split(maxsplit=4)
    assert kind == b"P6" and depth == b"255"
    rgb = numpy.frombuffer(pixels, numpy.uint8).reshape(int(height), int(width), 3)
    return torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None].double() / 255


def colours(values):
    return torch.tensor(values, dtype=torch.float64).reshape(1, 3, 1, 1)


def convolve(x, weights, name, stride=1, padding=1):
    return F.conv2d(x, weights[f"features.{name}.weight"], weights[f"features.{name}.bias"], stride, padding).relu()


def alex(x, w):
    x = convolve(x, w, 0, 4, 2)
    yield x
    x = convolve(F.max_pool2d(x, 3, 2), w, 3, 1, 2)
    yield x
    x = convolve(F.max_pool2d(x, 3, 2), w, 6)
    yield x
    for name in (8, 10):
        x = convolve(x, w, name)
        yield x


def vgg(x, w, pool=lambda x: F.max_pool2d(x, 2, 2)):
    for stage, names in enumerate([(0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28)]):
        if stage > 0:
            x = pool(x)
        for name in names:
            x = convolve(x, w, name)
        yield x


def squeeze(x, w):
    x = convolve(x, w, 0, 2, 0)
    yield x
    for names in [(3, 4), (6, 7), (9,), (10,), (11,), (12,)]:
        if names[0] in (3, 6, 9):
            x = F.max_pool2d(x, 3, 2, ceil_mode=True)
        for name in names:
            s = convolve(x, w, f"{name}.squeeze", 1, 0)
            x = torch.cat([convolve(s, w, f"{name}.expand1x1", 1, 0), convolve(s, w, f"{name}.expand3x3")], 1)
        yield x


def lpips(net, w, a, b):
    shift, scale = colours([-0.030, -0.088, -0.188]), colours([0.458, 0.448, 0.450])
    total = 0
    taps = zip(*(net((2 * x - 1 - shift) / scale, w) for x in (a, b)))
    for tap, (x, y) in enumerate(taps):
        u, v = (f / (f.square().sum(1, keepdim=True).sqrt() + 1e-10) for f in (x, y))
        total += ((u - v).square() * w[f"lin{tap}.weight"].reshape(1, -1, 1, 1)).sum(1).mean()
    return total.item()


def l2_pool(x):
    window = torch.tensor([0.5, 1.0, 0.5], dtype=torch.float64)
    window = torch.outer(window, window) / window.sum() ** 2
    window = window.repeat(x.shape[1], 1, 1, 1)
    return (F.conv2d(x.square(), window, stride=2, padding=1, groups=x.shape[1]) + 1e-12).sqrt()


def dists(w, a, b):
    mean, deviation = colours([0.485, 0.456, 0.406]), colours([0.229, 0.224, 0.225])
    features = [[x, *vgg((x - mean) / deviation, w, l2_pool)] for x in (a, b)]
    total, first = 0, 0
    for x, y in zip(*features):
        alpha, beta = (w[name][first : first + x.shape[1]] for name in ("alpha", "beta"))
        first += x.shape[1]
        mx, my = (f.mean((2, 3))[0] for f in (x, y))
        vx, vy = (f.var((2, 3), unbiased=False)[0] for f in (x, y))
        covariance = (x * y).mean((2, 3))[0] - mx * my
        total += (alpha * (2 * mx * my + 1e-6) / (mx**2 + my**2 + 1e-6)).sum()
        total += (beta * (2 * covariance + 1e-6) / (vx + vy + 1e-6)).sum()
    assert first == w["alpha"].numel()
    return (1 - total / (w["alpha"].sum() + w["beta"].sum())).item()


def main():
    folder = pathlib.Path(sys.argv[1])
    weights = {
        kind: {name: tensor.double() for name, tensor in load_file(folder / f"{kind}.safetensors").items()}
        for kind in ("lpips_alex", "lpips_vgg", "lpips_squeeze", "dists")
    }
    pairs = [tuple(sys.argv[2:4])] if len(sys.argv) > 3 else [tuple(DATA / f"{n}.ppm" for n in p) for p in PAIRS]
    for paths in pairs:
        a, b = (picture(pathlib.Path(path)) for path in paths)
        values = [
            lpips(alex, weights["lpips_alex"], a, b),
            lpips(vgg, weights["lpips_vgg"], a, b),
            lpips(squeeze, weights["lpips_squeeze"], a, b),
            dists(weights["dists"], a, b),
        ]
        names = ", ".join(f'"{pathlib.Path(path).stem}"' for path in paths)
        print(f"{{{names}, {', '.join(f'{value:.8f}' for value in values)}}},")


main()
