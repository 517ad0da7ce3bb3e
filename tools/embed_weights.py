#!/usr/bin/env python3
"""Writes an assembler source that puts a weights file into a program as it is, to be read in place.

    tools/embed_weights.py weights/gancodec.safetensors weights.S [--symbol NAME]

In C++:   extern "C" const std::uint8_t NAME[], NAME_end[];   (NAME is embedded_weights when nothing is said)
"""
import argparse
import pathlib
import struct
import sys


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--symbol", default="embedded_weights")
    arguments = parser.parse_args()
    if not arguments.symbol.isidentifier():
        sys.exit(f"embed_weights: expected a name for --symbol, found '{arguments.symbol}'")
    try:
        with open(arguments.weights, "rb") as file:
            head = file.read(9)
    except OSError as error:
        sys.exit(f"embed_weights: {arguments.weights}: {error.strerror}")
    size = arguments.weights.stat().st_size
    if len(head) < 9 or head[8:] != b"{" or 8 + struct.unpack("<Q", head[:8])[0] > size:
        sys.exit(f"embed_weights: expected a safetensors file, found {arguments.weights}")
    path = str(arguments.weights.resolve()).replace("\\", "\\\\").replace('"', '\\"')
    name = arguments.symbol
    arguments.out.write_text(f"""// Made by tools/embed_weights.py.
    .section .rodata
    .balign 64
    .global {name}
{name}:
    .incbin "{path}"
    .global {name}_end
{name}_end:
    .byte 0
    .section .note.GNU-stack, "", %progbits
""")


main()
