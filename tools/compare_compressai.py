#!/usr/bin/env python3
"""Decodes streams of CompressAI here and there: symbols, pixels, and scales that fall on the other side of a threshold.

    cmake --preset native -DGANCODEC_BUILD_TESTS=ON && cmake --build --preset native --target gancodec_cli record_compressai
    tools/compare_compressai.py --images KODAK --train PHOTOS      (needs compressai 1.2.8, torch, safetensors, Pillow)

Of each model: weights seeded at random, trained for --steps on crops of PHOTOS and kept in --out for the next call; COUNT images
compressed and decompressed by CompressAI on one thread; the same streams decoded by `gancodec decode --format compressai` and by
tests/compressai/record_compressai.cpp, which also writes the symbols and the scales. Fails when symbols differ or a pixel is more
than 1/255 away in a picture without flips.

A flip: the float scale of a latent lies on one side of an entry of the scale table here, on the other in PyTorch.
"""
import argparse
import pathlib
import random
import subprocess
import sys

import numpy
import torch
from torch.nn import functional as F

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tools")]
import compressai_stream  # noqa: E402
import convert_weights  # noqa: E402

N, M = 128, 192
LAMBDA = 0.05


def crops(paths, count, side):
    """Random squares of random pictures, which are kept in memory."""
    pictures = [compressai_stream.read_image(path)[0] for path in paths]

    def one():
        x = random.choice(pictures)
        top, left = random.randint(0, x.shape[1] - side), random.randint(0, x.shape[2] - side)
        return x[:, top : top + side, left : left + side]

    while True:
        yield torch.stack([one() for _ in range(count)])


def train(name, paths, steps):
    """A model whose latents are those of a codec, if not of a good one."""
    torch.manual_seed(1)
    random.seed(1)
    model = compressai_stream.model_class(name)(N, M)
    priors = list(model.entropy_bottleneck.parameters())
    networks = [p for key, p in model.named_parameters() if not key.startswith("entropy_bottleneck")]
    optimizer = torch.optim.Adam([{"params": networks, "lr": 2e-4}, {"params": priors, "lr": 1e-2}])
    data = crops(paths, 2, 128)
    for step in range(steps):
        x = next(data)
        found = model(x)
        bits = sum(-likelihood.log2().sum() for likelihood in found["likelihoods"].values())
        loss = LAMBDA * 255**2 * F.mse_loss(found["x_hat"], x) + bits / (x.numel() / 3)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1)
        optimizer.step()
        if step % 50 == 49:
            print(f"{name}: step {step + 1}, loss {loss.item():.3f}", file=sys.stderr, flush=True)
    model.eval().update(force=True, update_quantiles=True)
    return model


def trained(name, out, folder, steps):
    path = out / f"{name}.pth"
    if not path.exists():
        paths = sorted(p for p in folder.rglob("*") if p.suffix in (".png", ".jpg", ".jpeg"))
        random.seed(1)
        torch.save(train(name, random.sample(paths, min(60, len(paths))), steps).state_dict(), path)
    return compressai_stream.model_class(name).from_state_dict(torch.load(path, weights_only=True)).eval()


class Tally:
    def __init__(self):
        self.symbols = self.wrong = self.latents = self.flips = self.flipped = self.refused = self.bytes = 0
        self.pixels, self.samples, self.unequal, self.scales = [], 0, 0, []


def compare(tally, path, pixels_path, theirs, expected, table):
    """One picture; returns whether everything that must be equal is."""
    def numbers(suffix, kind=numpy.int32):
        return numpy.fromfile(f"{path}.{suffix}", kind)

    flips = 0
    tally.bytes += path.stat().st_size
    if "z" in theirs:
        tally.symbols += theirs["z"].size
        tally.wrong += int((numbers("z") != theirs["z"]).sum())
        index = numbers("index")
        flips = int((index != theirs["y.index"]).sum())
        tally.latents += index.size
        tally.flips += flips
        tally.flipped += flips > 0
        here, there = numbers("scales", numpy.float32), theirs["scales"]
        used = numpy.abs(there) > table[0]
        tally.scales.append(numpy.abs(here - there)[used] / numpy.abs(there)[used])
    y = numbers("y")
    if y.size == 0:
        tally.refused += 1
        return flips > 0
    tally.symbols += y.size
    wrong = int((y != theirs["y"]).sum())
    tally.wrong += wrong
    found = (compressai_stream.read_image(pixels_path) * 255).round()
    difference = (found - (expected.clamp(0, 1) * 255).round()).abs()
    tally.pixels.append(difference.max().item())
    tally.samples += difference.numel()
    tally.unequal += int((difference > 0).sum())
    return wrong == 0 and difference.max() <= 1


def measure(name, arguments):
    model = trained(name, arguments.out, arguments.train, arguments.steps)
    weights = arguments.out / f"{name}.safetensors"
    convert_weights.main([str(arguments.out / f"{name}.pth"), "--model", name, "--out", str(weights)])
    table = model.gaussian_conditional.scale_table.tolist() if hasattr(model, "gaussian_conditional") else [0]
    pictures, tally = [], Tally()
    for image in sorted(arguments.images.glob("*.png"))[: arguments.count]:
        x = compressai_stream.read_image(image)
        with torch.no_grad():
            compressed = model.compress(compressai_stream.pad(x))
            theirs = compressai_stream.decompress(model, compressed)
        path = arguments.out / f"{image.stem}.{name}.cai"
        compressai_stream.write_stream(path, name, model, compressed, x.shape[3], x.shape[2])
        pictures.append((path, theirs, theirs["x_hat"][:, :, : x.shape[2], : x.shape[3]]))
    record = arguments.build / "tests/record_compressai"
    subprocess.run([record, weights, *(path for path, _, _ in pictures)], check=True)
    good = True
    for path, theirs, expected in pictures:
        image = path.with_suffix(".png")
        decode = [arguments.build / "gancodec", "decode", path, image, "--format", "compressai", "--weights", weights]
        subprocess.run(decode, check=False, stdout=subprocess.DEVNULL)
        good &= compare(tally, path, image, theirs, expected, table)
    print(f"{name}: {len(pictures)} pictures, {tally.bytes} bytes, {tally.symbols} symbols, {tally.wrong} different; "
          f"largest difference of a pixel {max(tally.pixels, default=0):.0f}/255 in {len(tally.pixels)} pictures, "
          f"{tally.unequal} of {tally.samples} samples unequal")
    if tally.latents:
        relative = numpy.concatenate(tally.scales)
        print(f"{name}: {tally.latents} scales, {tally.flips} flips, {1e6 * tally.flips / tally.latents:.2f} per million, in {tally.flipped} pictures, "
              f"{tally.refused} refused; relative difference of scales above the first entry: mean {relative.mean():.1e}, largest {relative.max():.1e}")
    return good and tally.wrong == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=pathlib.Path, required=True)
    parser.add_argument("--train", type=pathlib.Path, required=True)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build/compare_compressai")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/native", help="where the two programs are")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    failed = [name for name in compressai_stream.MODELS if not measure(name, arguments)]
    if failed:
        sys.exit(f"compare_compressai: FAILED: {', '.join(failed)}")


if __name__ == "__main__":
    main()
