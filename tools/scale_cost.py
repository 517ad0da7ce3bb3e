#!/usr/bin/env python3
"""What the integer form of a converted model's scale network costs: our stream against the ideal bits of the float model.

    tools/scale_cost.py IMAGES --model NAME --checkpoint MODEL.pth --weights CONVERTED.safetensors [--gancodec PROGRAM]
    tools/scale_cost.py --random      # scale networks and hyper latents drawn at random, y from their scales: expected bits

Pictures are cropped to multiples of 64, so that nobody pads. Ideal: the sum of −log2 of the likelihoods that the float model gives the
rounded latents. Ours: whole files. CompressAI: the strings of compress(), without a container. Then the cost of the integer form alone: bits of y
under the 64 scales when the integer network chooses them, against those when the float network does, by the same thresholds.
Needs compressai, torch, safetensors, Pillow.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import torch
from PIL import Image
from safetensors.torch import load_file
from torch.nn import functional as F

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent)]
import compressai_stream  # noqa: E402
import scale_synthesis  # noqa: E402


def bits(model, x, form):
    """Of y, its scales chosen by the float network and by the integer one."""
    y = model.g_a(x)
    medians = model.entropy_bottleneck._get_medians().reshape(1, -1, 1, 1)
    has_means = getattr(model.h_s[-1], "out_channels", 0) == 2 * y.shape[1]
    symbols = torch.round(model.h_a(y if has_means else y.abs()) - medians)
    parameters = model.h_s(symbols + medians)
    scales, means = parameters.chunk(2, 1) if has_means else (parameters, torch.zeros_like(y))
    thresholds = form["scale_synthesis.thresholds"].double()
    chosen = [torch.searchsorted(thresholds, (scales.double() * scale_synthesis.PER_SCALE).contiguous(), right=True),
              scale_synthesis.indices(form, symbols)]
    ratio = scale_synthesis.LARGEST / scale_synthesis.SMALLEST
    r = torch.round(y - means).double().abs()

    def information(index):
        sigma = scale_synthesis.SMALLEST * ratio ** (index.double() / (scale_synthesis.SCALES - 1))
        mass = (torch.special.ndtr((0.5 - r) / sigma) - torch.special.ndtr((-0.5 - r) / sigma)).clamp(min=2.0**-16)
        return float(-mass.log2().sum())

    return [information(index) for index in chosen]


def random_networks():
    """The cost for networks whose scales vary over most of the tables, as those of models trained for long do."""
    for name, n, m in (("bmshj2018-hyperprior", 128, 192), ("mbt2018-mean", 192, 320), ("hific", 320, 220)):
        leaky = name == "mbt2018-mean"
        is_hific = name == "hific"
        generator = torch.Generator().manual_seed(3)

        def normal(*shape):
            return torch.randn(shape, generator=generator, dtype=torch.float64)

        inner, wide = (m, m * 3 // 2) if leaky else (n, n)
        keys = [f"Hyperprior.synthesis_std.conv{i}" for i in (1, 2, 3)] if is_hific else ["h_s.0", "h_s.2", "h_s.4"]
        tensors = {"g_s.0.weight": normal(m, n, 5, 5)}
        for key, ci, co in ((keys[0], n, inner), (keys[1], inner, wide)):
            tensors |= {f"{key}.weight": normal(ci, co, 5, 5) * (2 / (ci * 25 / 4)) ** 0.5, f"{key}.bias": normal(co) / 10}
        tensors |= {f"{keys[2]}.weight": normal(*((wide, m) if is_hific else (m, wide)), 3, 3) * (2 / (wide * 9)) ** 0.5, f"{keys[2]}.bias": normal(m) / 2}
        layers = (scale_synthesis.hific_layers if is_hific else scale_synthesis.compressai_layers)(tensors)
        medians, spread = normal(n) / 2, normal(n).exp()[None, :, None, None]
        calibration, symbols = (torch.round(normal(count, n, 8, 8) * spread) for count in (4, 1))
        form = scale_synthesis.integer_form(layers, {}, medians, leaky, calibration + medians[None, :, None, None])
        h = symbols + medians[None, :, None, None]
        for weight, bias in layers[:2]:
            h = F.pixel_shuffle(F.leaky_relu(F.conv2d(h, weight, bias, padding=1), 0.01 if leaky else 0.0), 2)
        scales = F.conv2d(h, *layers[2], padding=1).clamp(min=scale_synthesis.SMALLEST)
        thresholds = form["scale_synthesis.thresholds"].double()
        chosen = [torch.searchsorted(thresholds, scales * scale_synthesis.PER_SCALE, right=True), scale_synthesis.indices(form, symbols)]
        r = torch.arange(-300, 301).double()

        def information(index):
            bits = 0.0
            ratio = scale_synthesis.LARGEST / scale_synthesis.SMALLEST
            for true, table in zip(scales.flatten()[::29], index.flatten()[::29]):
                sigma = scale_synthesis.SMALLEST * ratio ** (float(table) / (scale_synthesis.SCALES - 1))
                mass = [torch.special.ndtr((r + 0.5) / s) - torch.special.ndtr((r - 0.5) / s) for s in (true, sigma)]
                bits -= float((mass[0] * mass[1].clamp(min=2.0**-16).log2()).sum())
            return bits

        by_float, by_integers = map(information, chosen)
        print(f"{name}, {n}/{m}, at random: {chosen[0].unique().numel()} tables, {100 * (by_integers / by_float - 1):+.2f} % of y")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=pathlib.Path, nargs="?")
    parser.add_argument("--random", action="store_true")
    parser.add_argument("--model")
    parser.add_argument("--checkpoint")
    parser.add_argument("--weights")
    parser.add_argument("--gancodec", default="gancodec")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.random:
        return random_networks()
    if None in (arguments.images, arguments.model, arguments.checkpoint, arguments.weights):
        parser.error("expected IMAGES, --model, --checkpoint and --weights, or --random")
    model = compressai_stream.model_class(arguments.model).from_state_dict(torch.load(arguments.checkpoint, weights_only=True)).eval()
    form = {key: value for key, value in load_file(arguments.weights).items() if key.startswith("scale_synthesis.")}
    ideal = ours = theirs = 0
    by_float = by_integers = 0
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        for path in sorted(arguments.images.glob("*.png")):
            picture = Image.open(path).convert("RGB")
            picture = picture.crop((0, 0, picture.width // 64 * 64, picture.height // 64 * 64))
            cropped, stream = pathlib.Path(folder) / "crop.png", pathlib.Path(folder) / "crop.gnc"
            picture.save(cropped)
            x = compressai_stream.read_image(cropped)
            ideal += sum(float(-likelihood.log2().sum()) / 8 for likelihood in model(x)["likelihoods"].values())
            theirs += sum(len(strings[0]) for strings in model.compress(x)["strings"])
            subprocess.run([arguments.gancodec, "encode", cropped, stream, "--weights", arguments.weights], check=True, stdout=subprocess.DEVNULL)
            ours += stream.stat().st_size
            if form:
                one, other = bits(model, x, form)
                by_float, by_integers = by_float + one / 8, by_integers + other / 8
    print(f"{arguments.model}: ideal {ideal:.0f} bytes, ours {ours} ({100 * (ours / ideal - 1):+.2f} %), "
          f"CompressAI {theirs} ({100 * (theirs / ideal - 1):+.2f} %)")
    if form:
        print(f"y: {by_float:.0f} bytes by float scales, {by_integers:.0f} by integers ({100 * (by_integers / by_float - 1):+.2f} %)")


if __name__ == "__main__":
    main()
