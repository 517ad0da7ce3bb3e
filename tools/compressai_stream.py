#!/usr/bin/env python3
"""Puts what CompressAI's model.compress() gives into a file that `gancodec decode --format compressai` reads.

    compressai_stream.py IMAGE OUT.cai --model NAME --checkpoint FILE

IMAGE  anything Pillow opens        NAME  bmshj2018-factorized, bmshj2018-hyperprior, mbt2018-mean
FILE   a checkpoint of CompressAI whose tables are made: after model.update(), as its published ones are

From Python, with a model of yours: write_stream("photo.cai", NAME, model, model.compress(pad(x)), width, height).
The file, byte by byte, is specified in include/gancodec/bitstream/compressai_format.hpp. Needs compressai and Pillow.
"""
import argparse
import pathlib
import struct
import sys
import zlib

import torch
from torch.nn import functional as F

MODELS = {"bmshj2018-factorized": "FactorizedPrior", "bmshj2018-hyperprior": "ScaleHyperprior", "mbt2018-mean": "MeanScaleHyperprior"}
MULTIPLE = 64


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def stream_bytes(name, model, compressed, width, height, left=0, top=0):
    """`compressed` is what model.compress() gave for one picture, which lies at (left, top) of what was compressed."""
    strings = [string[0] for string in compressed["strings"]]
    numbers = [model.N, model.M, width - 1, height - 1, left, top, *compressed["shape"], len(strings)]
    body = b"CAI\x01" + bytes([len(name)]) + name.encode() + b"".join(map(varint, numbers))
    body += b"".join(varint(len(string)) + string for string in strings)
    return body + struct.pack("<I", zlib.crc32(body))


def write_stream(path, *arguments, **named):
    pathlib.Path(path).write_bytes(stream_bytes(*arguments, **named))


def pad(x):
    """The batch enlarged with zeros at the right and at the bottom, as these models want it."""
    height, width = x.shape[-2:]
    return F.pad(x, (0, -width % MULTIPLE, 0, -height % MULTIPLE))


def decompress(model, compressed):
    """What model.decompress() gives, beside it the integers on the way as numpy arrays: symbols "y" and "z", and which table each
    had, "y.index" and "z.index"; where the model has them, "scales" of y."""
    import numpy

    found = {}

    def record(key, coder):
        original = coder.decode_with_indexes

        def decode(string, indexes, *tables):
            symbols = original(string, indexes, *tables)
            found[key], found[f"{key}.index"] = numpy.array(symbols, numpy.int32), numpy.array(indexes, numpy.int32)
            return symbols

        coder.decode_with_indexes = decode
        return coder

    coders = [record("z" if hasattr(model, "h_s") else "y", model.entropy_bottleneck.entropy_coder)]
    if hasattr(model, "h_s"):
        coders.append(record("y", model.gaussian_conditional.entropy_coder))
        handle = model.h_s.register_forward_hook(lambda _, __, out: found.update(scales=out[:, : model.M].numpy().reshape(-1)))
    found |= model.decompress(compressed["strings"], compressed["shape"])
    for coder in coders:
        del coder.decode_with_indexes
    if hasattr(model, "h_s"):
        handle.remove()
    return found


def model_class(name):
    from compressai.models import google

    return getattr(google, MODELS[name])


def read_image(path):
    """[1,3,h,w] in [0, 1]."""
    import numpy
    from PIL import Image

    pixels = numpy.asarray(Image.open(path).convert("RGB"))
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--model", required=True, choices=MODELS, metavar="NAME")
    parser.add_argument("--checkpoint", required=True, type=pathlib.Path, metavar="FILE")
    arguments = parser.parse_args()
    import convert_weights

    try:
        state = convert_weights.read(arguments.checkpoint)
    except convert_weights.Refused as refusal:
        sys.exit(f"compressai_stream: {refusal}")
    model = model_class(arguments.model).from_state_dict(state).eval()
    x = read_image(arguments.image)
    with torch.no_grad():
        write_stream(arguments.out, arguments.model, model, model.compress(pad(x)), x.shape[3], x.shape[2])


if __name__ == "__main__":
    main()
