#!/usr/bin/env python3
"""Makes tests/exactness/streams again: ten small streams of the shipped weights, for tools/determinism.

To be run when weights/gancodec.safetensors or the stream format has changed, after a build of the native preset.
Needs Pillow (python3-pil). Usage: tests/exactness/make_streams.py
"""
import pathlib
import subprocess
import tempfile

from PIL import Image

TOP = pathlib.Path(__file__).resolve().parents[2]
# (left, top, width, height, quality) of crops of the photograph: single pixels, odd sides, sides around 64, strips
CROPS = [(0, 0, 1, 1, 50), (300, 200, 7, 5, 90), (380, 100, 64, 64, 0), (100, 60, 65, 63, 30), (400, 80, 96, 160, 45),
         (160, 40, 192, 128, 10), (0, 300, 3, 190, 70), (500, 128, 128, 128, 100), (90, 50, 256, 192, 20),
         (200, 256, 320, 37, 60)]


def main() -> None:
    photo = Image.open(TOP / "examples/images/kodim23.png").convert("RGB")
    folder = TOP / "tests/exactness/streams"
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        for number, (left, top, width, height, quality) in enumerate(CROPS):
            crop = pathlib.Path(work) / "crop.png"
            photo.crop((left, top, left + width, top + height)).save(crop)
            out = folder / f"{number}_{width}x{height}_q{quality}.gnc"
            subprocess.run([TOP / "build/native/gancodec", "encode", crop, out, "--quality", str(quality)], check=True)


if __name__ == "__main__":
    main()
