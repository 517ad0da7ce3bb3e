#!/usr/bin/env python3
"""Makes a checkpoint small enough to carry between machines.

    python3 tools/torch/slim.py RUN/checkpoint.safetensors SLIM.safetensors             # averages alone, 18 MB
    python3 tools/torch/slim.py RUN/checkpoint.safetensors SLIM.safetensors --moments   # all, moments in bf16, 56 MB

Averages are what `gancodec export` and `train.py --start` need; with moments both trainers resume from it."""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from twin.checkpoint import FORMAT, read_file, write_file


def slim(source: Path, out: Path, moments: bool) -> None:
    tensors, metadata = read_file(source)
    if metadata.get("format") != FORMAT:
        raise ValueError(f"{source}: expected a file of format '{FORMAT}', found {metadata.get('format')!r}")
    kept = {name: tensor for name, tensor in tensors.items() if moments or name.startswith("average.")}
    for name in kept:
        if "_moment." in name:
            kept[name] = kept[name].to(torch.bfloat16)
    write_file(out, kept, metadata)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--moments", action="store_true")
    options = parser.parse_args()
    slim(options.source, options.out, options.moments)


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        sys.exit(f"slim.py: {error}")
