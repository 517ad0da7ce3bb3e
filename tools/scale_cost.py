#!/usr/bin/env python3
"""What the integer form of a converted model's scale network costs: our stream against the ideal bits of the float model.

    tools/scale_cost.py IMAGES --model NAME --checkpoint MODEL.pth --weights CONVERTED.safetensors [--gancodec PROGRAM]

Pictures are cropped to multiples of 64, so that nobody pads. Ideal: the sum of −log2 of the likelihoods that the float model gives the
rounded latents. Ours: whole files. CompressAI: the strings of compress(), without a container. Needs compressai, torch, Pillow.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import torch
from PIL import Image

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent)]
import compressai_stream  # noqa: E402


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
    ideal = ours = theirs = 0
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
    print(f"{arguments.model}: ideal {ideal:.0f} bytes, ours {ours} ({100 * (ours / ideal - 1):+.2f} %), "
          f"CompressAI {theirs} ({100 * (theirs / ideal - 1):+.2f} %)")


if __name__ == "__main__":
    main()
