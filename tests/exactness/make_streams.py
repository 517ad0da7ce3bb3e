#!/usr/bin/env python3
"""Makes what is missing of tests/exactness/streams: small streams of the shipped weights, two of them in tiles and with
transparency, two with the scale context that the weights had from then on, for tools/determinism; and pixels.json, the
CRC-32 of what each decodes to, for tests/codec/test_goldens.cpp.

To be run when weights/gancodec.safetensors has changed, after a build of the native preset. Streams that are there stay, as those of
version 1 decode for ever: only those whose entropy tables new weights no longer have are to be removed before.
Needs Pillow (python3-pil). Usage: tests/exactness/make_streams.py
"""
import json
import pathlib
import subprocess
import tempfile
import zlib

from PIL import Image

TOP = pathlib.Path(__file__).resolve().parents[2]
# (left, top, width, height, quality) of crops of the photograph: single pixels, odd sides, sides around 64, strips
CROPS = [(0, 0, 1, 1, 50), (300, 200, 7, 5, 90), (380, 100, 64, 64, 0), (100, 60, 65, 63, 30), (400, 80, 96, 160, 45),
         (160, 40, 192, 128, 10), (0, 300, 3, 190, 70), (500, 128, 128, 128, 100), (90, 50, 256, 192, 20),
         (200, 256, 320, 37, 60)]
# (left, top, width, height, quality, side of tiles), with transparency where there are tiles
LATER = [(180, 60, 150, 133, 40, 64), (300, 100, 160, 176, 30, 0), (90, 200, 200, 140, 50, 128)]


def main() -> None:
    photo = Image.open(TOP / "examples/images/kodim23.png").convert("RGB")
    program = TOP / "build/native/gancodec"
    folder = TOP / "tests/exactness/streams"
    folder.mkdir(exist_ok=True)
    pixels = {}
    with tempfile.TemporaryDirectory() as work:
        crop, decoded = pathlib.Path(work) / "crop.png", pathlib.Path(work) / "decoded.png"
        for number, (left, top, width, height, quality, tile_px) in enumerate([*((*crop, 0) for crop in CROPS), *LATER]):
            tiles = f"_t{tile_px}" if tile_px else ""
            out = folder / f"{number}_{width}x{height}_q{quality}{tiles}.gnc"
            if not out.exists():
                picture = photo.crop((left, top, left + width, top + height))
                if tile_px:
                    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
                picture.save(crop)
                words = [program, "encode", crop, out, "--quality", str(quality), "--tile-px", str(tile_px)]
                subprocess.run(words, check=True)
            subprocess.run([program, "decode", out, decoded], check=True)
            pixels[out.name] = zlib.crc32(Image.open(decoded).convert("RGB").tobytes())
    (folder / "pixels.json").write_text(json.dumps(pixels, indent=1) + "\n")


if __name__ == "__main__":
    main()
