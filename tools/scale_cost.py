#!/usr/bin/env python3
"""What the integer form of a converted model's scale network costs: our stream against the ideal bits of the float model.

    tools/scale_cost.py IMAGES --model NAME --checkpoint MODEL.pth --weights CONVERTED.safetensors [--gancodec PROGRAM]

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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=pathlib.Path)
    parser.add_argument("--model", required=True)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--gancodec", default="gancodec")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
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
