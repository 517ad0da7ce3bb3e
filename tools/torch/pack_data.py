#!/usr/bin/env python3
"""Packs a folder of training photographs into a few .tar files, for machines that take uploads of limited size only.

    python3 tools/torch/pack_data.py PHOTOS OUT --mib 60        # OUT/000.tar, 001.tar, …, each of at most 60 MiB
    python3 tools/torch/train.py --data OUT …                   # reads them as they are

Files go in as they are, whole, with their relative names. With
--long-side larger pictures are shrunk and stored anew as JPEG."""
from __future__ import annotations

import argparse
import io
import sys
import tarfile
from pathlib import Path

from PIL import Image

from twin.data import EXTENSIONS

BLOCK = 512
END = 20 * BLOCK  # a tar ends in zeros, up to a multiple of its record


def shrunk(encoded: bytes, long_side: int, quality: int) -> bytes:
    """As it was where it already fits."""
    image: Image.Image = Image.open(io.BytesIO(encoded))
    if max(image.size) <= long_side:
        return encoded
    image = image.convert("RGB")
    image.thumbnail((long_side, long_side), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, subsampling=0)
    return out.getvalue()


def pack(source: Path, out: Path, limit: int, long_side: int, quality: int) -> list[Path]:
    """Each file goes into the first piece that has room for it, largest files first."""
    names = sorted(p for p in source.rglob("*") if p.suffix.lower() in EXTENSIONS)
    if not names:
        raise ValueError(f"{source}: expected PNG, JPEG or PPM images, found none")
    files = [(p.relative_to(source).as_posix(), p.read_bytes()) for p in names]
    if long_side:
        files = [(name, shrunk(encoded, long_side, quality)) for name, encoded in files]
    pieces: list[list[tuple[str, bytes]]] = []
    sizes: list[int] = []
    for name, encoded in sorted(files, key=lambda file: (-len(file[1]), file[0])):
        size = BLOCK + -(-len(encoded) // BLOCK) * BLOCK
        if size + END > limit:
            raise ValueError(f"{name}: expected a file of at most {limit - END - BLOCK} bytes, found {len(encoded)}")
        place = next((i for i, used in enumerate(sizes) if used + size + END <= limit), None)
        if place is None:
            place = len(pieces)
            pieces.append([])
            sizes.append(0)
        pieces[place].append((name, encoded))
        sizes[place] += size
    out.mkdir(parents=True, exist_ok=True)
    paths = []
    for i, piece in enumerate(pieces):
        paths.append(out / f"{i:03}.tar")
        with tarfile.open(paths[-1], "w", format=tarfile.USTAR_FORMAT) as archive:
            for name, encoded in sorted(piece):
                member = tarfile.TarInfo(name)
                member.size = len(encoded)
                archive.addfile(member, io.BytesIO(encoded))
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--mib", type=float, default=60)
    parser.add_argument("--long-side", type=int, default=0, help="shrink larger pictures to this long side; 0 keeps them")
    parser.add_argument("--jpeg-quality", type=int, default=92, help="of pictures that were shrunk")
    options = parser.parse_args()
    for path in pack(options.source, options.out, int(options.mib * 2**20), options.long_side, options.jpeg_quality):
        print(f"{path}: {path.stat().st_size / 2**20:.1f} MiB")


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        sys.exit(f"pack_data.py: {error}")
