#!/usr/bin/env python3
"""Writes the weights of LPIPS and DISTS in the form that gancodec loads.

    convert_metric_weights.py IN... OUT [--kind KIND] [--dtype f16|bf16|f32] [--source TEXT]

IN     .safetensors or .pth files that together hold the tensors: the classifier as torchvision publishes it
       (alexnet, vgg16, squeezenet1_1), the linear layers as LPIPS v0.1 publishes them (alex.pth, vgg.pth, squeeze.pth),
       for DISTS the authors' weights.pt with alpha and beta. Tensors that the metric does not need are left out.
KIND   lpips_alex, lpips_vgg, lpips_squeeze or dists; without it the name of OUT says it.

    convert_metric_weights.py alexnet-owt-7be5be79.pth alex.pth weights/lpips_alex.safetensors
    convert_metric_weights.py vgg16-397923af.pth weights.pt dists.safetensors

Names stay torchvision's, with linN.weight [c] for the linear layers. Needs torch and safetensors.
"""
import argparse
import pathlib
import sys

import torch
from safetensors import safe_open
from safetensors.torch import save

VGG_CONVOLUTIONS = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
FIRE_MODULES = [3, 4, 6, 7, 9, 10, 11, 12]
LPIPS_INPUT = "RGB in [-1, 1], minus (-.030, -.088, -.188), divided by (.458, .448, .450)"
LPIPS_LICENCE = "BSD-2-Clause (LPIPS, Zhang et al. 2018), BSD-3-Clause (torchvision)"


def convolutions(names):
    return [f"features.{name}.{part}" for name in names for part in ("weight", "bias")]


def linear(count):
    return [f"lin{i}.weight" for i in range(count)]


SQUEEZENET = ["0"] + [f"{i}.{part}" for i in FIRE_MODULES for part in ("squeeze", "expand1x1", "expand3x3")]
KINDS = {
    "lpips_alex": (convolutions([0, 3, 6, 8, 10]) + linear(5), LPIPS_LICENCE, LPIPS_INPUT),
    "lpips_vgg": (convolutions(VGG_CONVOLUTIONS) + linear(5), LPIPS_LICENCE, LPIPS_INPUT),
    "lpips_squeeze": (convolutions(SQUEEZENET) + linear(7), LPIPS_LICENCE, LPIPS_INPUT),
    "dists": (
        convolutions(VGG_CONVOLUTIONS) + ["alpha", "beta"],
        "MIT (DISTS, Ding et al. 2020), BSD-3-Clause (torchvision)",
        "RGB in [0, 1], ImageNet mean and deviation",
    ),
}
SOURCES = {
    "lpips_alex": "torchvision alexnet, LPIPS v0.1 alex",
    "lpips_vgg": "torchvision vgg16, LPIPS v0.1 vgg",
    "lpips_squeeze": "torchvision squeezenet1_1, LPIPS v0.1 squeeze",
    "dists": "torchvision vgg16, DISTS alpha and beta",
}
DTYPES = {"f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32}


def read(path):
    if path.suffix == ".safetensors":
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}
    return torch.load(path, map_location="cpu", weights_only=True)


def project_name(name):
    """LPIPS calls its layers linN.model.1.weight."""
    return name.replace(".model.1.", ".") if name.startswith("lin") else name


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("inputs", nargs="+", type=pathlib.Path, metavar="IN")
    parser.add_argument("output", type=pathlib.Path, metavar="OUT")
    parser.add_argument("--kind", choices=KINDS)
    parser.add_argument("--dtype", choices=DTYPES, default="f16")
    parser.add_argument("--source", help="where the numbers come from, for the metadata")
    arguments = parser.parse_args()
    kind = arguments.kind or arguments.output.stem
    if kind not in KINDS:
        parser.error(f"{arguments.output}: expected --kind or a name among {', '.join(KINDS)}")
    wanted, licence, expects = KINDS[kind]

    found = {}
    for path in arguments.inputs:
        found.update({project_name(name): tensor for name, tensor in read(path).items()})
    missing = [name for name in wanted if name not in found]
    if missing:
        sys.exit(f"{kind}: expected tensors {', '.join(missing)}, found none in {', '.join(map(str, arguments.inputs))}")
    tensors = {}
    for name in wanted:
        tensor = found[name].float()
        if not name.startswith("features."):
            tensor = tensor.flatten()
        # alpha and beta are few, and cancel: they stay as they are.
        tensors[name] = tensor.to(torch.float32 if name in ("alpha", "beta") else DTYPES[arguments.dtype]).contiguous()
    metadata = {
        "architecture": kind,
        "input": expects,
        "licence": licence,
        "source": arguments.source or SOURCES[kind],
    }
    temporary = arguments.output.with_suffix(".part")
    temporary.write_bytes(save(tensors, metadata=metadata))
    temporary.replace(arguments.output)
    print(f"{arguments.output}: {len(tensors)} tensors, {arguments.output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
