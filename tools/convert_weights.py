#!/usr/bin/env python3
"""Converts weights of published models into the safetensors files that gancodec loads.

    convert_weights.py IN... --model NAME --out OUT.safetensors [--dtype f32|f16|bf16] [--source TEXT]

IN     PyTorch checkpoints (.pth, .pt, .pth.tar: state dicts, alone or beside optimisers and settings, with or without the
       prefix of DataParallel) or safetensors, which together hold the tensors. Nothing in a checkpoint is executed.
NAME   bmshj2018-factorized, bmshj2018-hyperprior, mbt2018-mean   CompressAI, any N and M
       hific                                                      the PyTorch port: encoder, generator, hyperprior and its density
       lpips_alex, lpips_vgg, lpips_squeeze                       torchvision's classifier and LPIPS v0.1's alex.pth, ...
       dists                                                      torchvision's VGG16 and DISTS's weights.pt

    convert_weights.py bmshj2018-hyperprior-4-de1b779c.pth.tar --model bmshj2018-hyperprior --out hyperprior.safetensors
    convert_weights.py alexnet-owt-7be5be79.pth alex.pth --model lpips_alex --out weights/lpips_alex.safetensors

The integer form of the scale network that gancodec's own streams need is added (tools/scale_synthesis.py), calibrated on hyper
latents drawn from the priors; and for HiFiC the tables of its hyper latents' density (tools/hific_prior.py). Whether HiFiC takes
pixels in [0, 1] or in [-1, 1] is in the settings of its checkpoint; where there are none, [0, 1], the port's default.
Names stay those of the source; GDN's beta and gamma lose their reparametrisation, channel norms become [c], LPIPS's layers
linN.weight [c]. Of CompressAI's entropy models the integer tables are kept, the scale table and the medians, for its own streams
(tools/compressai_stream.py); a model that was not updated has no tables, and is converted without. A file whose tensors do not fit is refused with everything that is missing, unexpected or of another shape.
Needs torch 2.6 or newer and safetensors.
"""
import argparse
import pathlib
import re
import sys

import torch
import hific_prior
import scale_synthesis
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

DTYPES = {"f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32}
STATE_KEYS = ("model_state_dict", "state_dict", "network", "model")


class Refused(Exception):
    pass


# --- reading ------------------------------------------------------------------------------------------------------


def read(path):
    """All tensors of a file, by name, and the settings beside them."""
    if not path.is_file():
        raise Refused(f"{path}: expected a file, found none")
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, "pt") as file:
                return {name: file.get_tensor(name) for name in file.keys()}, {}
        # weights_only: an unpickler of torch that makes tensors and plain containers, and refuses everything else.
        found = torch.load(path, map_location="cpu", weights_only=True)
    except SafetensorError as error:
        raise Refused(f"{path}: expected a safetensors file: {error}") from error
    except Exception as error:  # the errors of a damaged archive are of many kinds
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise Refused(f"{path}: expected a PyTorch checkpoint that holds tensors only: {reason}") from error
    settings = found.get("args") if isinstance(found, dict) else None
    return state_dict(found, path), settings if isinstance(settings, dict) else {}


def state_dict(found, path):
    """The state dict inside a checkpoint, without the prefix that data parallelism adds."""
    for key in STATE_KEYS:
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            return state_dict(found[key], path)
    if not isinstance(found, dict) or not any(isinstance(value, torch.Tensor) for value in found.values()):
        raise Refused(f"{path}: expected a state dict, or one under {', '.join(STATE_KEYS)}; found {type(found).__name__}")
    return {str(name).removeprefix("module."): value for name, value in found.items() if isinstance(value, torch.Tensor)}


# --- what models consist of: {name: shape} ---------------------------------------------------------------------------


def convolution(name, co, ci, kernel):
    return {f"{name}.weight": (co, ci, kernel, kernel), f"{name}.bias": (co,)}


def transposed(name, ci, co, kernel):
    return {f"{name}.weight": (ci, co, kernel, kernel), f"{name}.bias": (co,)}


def extent(tensors, name, axis, usual):
    """A number that the model leaves free, as the file has it."""
    tensor = tensors.get(name)
    return tensor.shape[axis] if tensor is not None and tensor.dim() > axis else usual


def factorized(tensors):
    n, m = extent(tensors, "g_a.0.weight", 0, 128), extent(tensors, "g_a.6.weight", 0, 192)
    shapes = {}
    for i, (ci, co) in enumerate([(3, n), (n, n), (n, n), (n, m)]):
        shapes |= convolution(f"g_a.{2 * i}", co, ci, 5)
    for i, (ci, co) in enumerate([(m, n), (n, n), (n, n), (n, 3)]):
        shapes |= transposed(f"g_s.{2 * i}", ci, co, 5)
    for network in ("g_a", "g_s"):
        for i in (1, 3, 5):
            shapes |= {f"{network}.{i}.beta": (n,), f"{network}.{i}.gamma": (n, n)}
    return shapes, {"N": n, "M": m}


def hyper_analysis(n, m):
    return convolution("h_a.0", n, m, 3) | convolution("h_a.2", n, n, 5) | convolution("h_a.4", n, n, 5)


def hyperprior(tensors):
    shapes, sizes = factorized(tensors)
    n, m = sizes["N"], sizes["M"]
    shapes |= hyper_analysis(n, m)
    shapes |= transposed("h_s.0", n, n, 5) | transposed("h_s.2", n, n, 5) | convolution("h_s.4", m, n, 3)
    return shapes, sizes


def mean_hyperprior(tensors):
    shapes, sizes = factorized(tensors)
    n, m = sizes["N"], sizes["M"]
    wide = m * 3 // 2
    shapes |= hyper_analysis(n, m)
    shapes |= transposed("h_s.0", n, m, 5) | transposed("h_s.2", m, wide, 5) | convolution("h_s.4", 2 * m, wide, 3)
    return shapes, sizes


def hific(tensors):
    c = extent(tensors, "Encoder.conv_block_out.1.weight", 0, 220)
    f = extent(tensors, "Encoder.conv_block1.1.weight", 0, 60)
    n = extent(tensors, "Hyperprior.analysis_net.conv1.weight", 0, 320)
    blocks = len({name.split(".")[1] for name in tensors if name.startswith("Generator.resblock_")}) or 9
    shapes = {}

    def norm(name, channels):
        shapes.update({f"{name}.gamma": (1, channels, 1, 1), f"{name}.beta": (1, channels, 1, 1)})

    shapes |= convolution("Encoder.conv_block1.1", f, 3, 7)
    norm("Encoder.conv_block1.2", f)
    for i in range(4):
        shapes |= convolution(f"Encoder.conv_block{i + 2}.1", f << i + 1, f << i, 3)
        norm(f"Encoder.conv_block{i + 2}.2", f << i + 1)
    shapes |= convolution("Encoder.conv_block_out.1", c, 16 * f, 3)
    norm("Generator.conv_block_init.0", c)
    shapes |= convolution("Generator.conv_block_init.2", 16 * f, c, 3)
    norm("Generator.conv_block_init.3", 16 * f)
    for i in range(blocks):
        for j in (1, 2):
            shapes |= convolution(f"Generator.resblock_{i}.conv{j}", 16 * f, 16 * f, 3)
            norm(f"Generator.resblock_{i}.norm{j}", 16 * f)
    for i in range(4):
        shapes |= transposed(f"Generator.upconv_block{i + 1}.0", 16 * f >> i, 8 * f >> i, 3)
        norm(f"Generator.upconv_block{i + 1}.1", 8 * f >> i)
    shapes |= convolution("Generator.conv_block_out.1", 3, f, 7)
    shapes |= convolution("Hyperprior.analysis_net.conv1", n, c, 3)
    for i in (2, 3):
        shapes |= convolution(f"Hyperprior.analysis_net.conv{i}", n, n, 5)
    for network in ("mu", "std"):
        for i in (1, 2):
            shapes |= transposed(f"Hyperprior.synthesis_{network}.conv{i}", n, n, 5)
        shapes |= transposed(f"Hyperprior.synthesis_{network}.conv3", n, c, 3)
    shapes |= hific_prior.shapes(n)
    return shapes, {"C": c, "F": f, "N": n, "blocks": blocks}


def alexnet():
    layers = [(0, 64, 3, 11), (3, 192, 64, 5), (6, 384, 192, 3), (8, 256, 384, 3), (10, 256, 256, 3)]
    return {k: v for i, co, ci, kernel in layers for k, v in convolution(f"features.{i}", co, ci, kernel).items()}


def vgg16():
    shapes, ci = {}, 3
    for width, names in ((64, (0, 2)), (128, (5, 7)), (256, (10, 12, 14)), (512, (17, 19, 21)), (512, (24, 26, 28))):
        for name in names:
            shapes |= convolution(f"features.{name}", width, ci, 3)
            ci = width
    return shapes


def squeezenet():
    shapes, ci = convolution("features.0", 64, 3, 3), 64
    for name, squeeze, expand in ((3, 16, 64), (4, 16, 64), (6, 32, 128), (7, 32, 128), (9, 48, 192), (10, 48, 192), (11, 64, 256), (12, 64, 256)):
        shapes |= convolution(f"features.{name}.squeeze", squeeze, ci, 1)
        shapes |= convolution(f"features.{name}.expand1x1", expand, squeeze, 1)
        shapes |= convolution(f"features.{name}.expand3x3", expand, squeeze, 3)
        ci = 2 * expand
    return shapes


def lpips(backbone, taps):
    return lambda tensors: (backbone() | {f"lin{i}.model.1.weight": (1, c, 1, 1) for i, c in enumerate(taps)}, {})


def dists(tensors):
    return vgg16() | {"alpha": (1, 1475, 1, 1), "beta": (1, 1475, 1, 1)}, {}


class Model:
    """shapes(tensors) gives the tensors wanted and the sizes found; `ignored` matches names that may be there as well."""

    def __init__(self, shapes, ignored, source, dtype="f32", **metadata):
        self.shapes, self.ignored, self.source, self.dtype, self.metadata = shapes, re.compile(ignored), source, dtype, metadata


# Entropy models, of which compressai_tables() takes what it needs.
COMPRESSAI_IGNORED = r"(entropy_bottleneck|gaussian_conditional)\..*|g_[as]\.\d\.(beta|gamma)_reparam\..*"
HIFIC_IGNORED = r"Hyperprior\.(hyperprior_entropy_model|prior_density|prior_entropy_model)\..*|(Discriminator|perceptual_loss)\..*"
LPIPS_INPUT = "RGB in [-1, 1], minus (-.030, -.088, -.188), divided by (.458, .448, .450)"
LPIPS_LICENCE = "BSD-2-Clause (LPIPS, Zhang et al. 2018), BSD-3-Clause (torchvision)"
CLASSIFIER = r"classifier\..*|.*\.num_batches_tracked"
MODELS = {
    "bmshj2018-factorized": Model(factorized, COMPRESSAI_IGNORED, "CompressAI"),
    "bmshj2018-hyperprior": Model(hyperprior, COMPRESSAI_IGNORED, "CompressAI"),
    "mbt2018-mean": Model(mean_hyperprior, COMPRESSAI_IGNORED, "CompressAI"),
    "hific": Model(hific, HIFIC_IGNORED, "HiFiC in PyTorch", variance="of a sample"),
    "lpips_alex": Model(lpips(alexnet, (64, 192, 384, 256, 256)), CLASSIFIER, "torchvision alexnet, LPIPS v0.1 alex", "f16",
                        input=LPIPS_INPUT, licence=LPIPS_LICENCE),
    "lpips_vgg": Model(lpips(vgg16, (64, 128, 256, 512, 512)), CLASSIFIER, "torchvision vgg16, LPIPS v0.1 vgg", "f16",
                       input=LPIPS_INPUT, licence=LPIPS_LICENCE),
    "lpips_squeeze": Model(lpips(squeezenet, (64, 128, 256, 384, 384, 512, 512)), CLASSIFIER,
                           "torchvision squeezenet1_1, LPIPS v0.1 squeeze", "f16", input=LPIPS_INPUT, licence=LPIPS_LICENCE),
    "dists": Model(dists, CLASSIFIER, "torchvision vgg16, DISTS alpha and beta", "f16",
                   input="RGB in [0, 1], ImageNet mean and deviation", licence="MIT (DISTS, Ding et al. 2020), BSD-3-Clause (torchvision)"),
}


# --- converting -------------------------------------------------------------------------------------------------------


def check(model, tensors, shapes, where):
    def text(shape):
        return "[" + ",".join(map(str, shape)) + "]"

    def same(name):
        # LPIPS's and DISTS's vectors come flat or not.
        found, wanted = tuple(tensors[name].shape), shapes[name]
        return found == wanted or (wanted[0] == 1 and found == (wanted[1],))

    problems = [f"missing {name} {text(shape)}" for name, shape in shapes.items() if name not in tensors]
    problems += [f"{name}: expected {text(shape)}, found {text(tensors[name].shape)}"
                 for name, shape in shapes.items() if name in tensors and not same(name)]
    problems += [f"unexpected {name} {text(tensor.shape)}" for name, tensor in tensors.items()
                 if name not in shapes and not model.ignored.fullmatch(name)]
    if problems:
        raise Refused(f"{where}: expected another architecture:\n  " + "\n  ".join(problems))


def folded(name, tensor, tensors):
    """The value that a parameter of CompressAI's GDN stands for: max(x, bound)² − pedestal (Ballé et al. 2016; 2^-36)."""
    pedestal = 2.0**-36
    smallest = 1e-6 if name.endswith("beta") else 0.0
    bound = tensors.get(f"{name}_reparam.lower_bound.bound")
    bound = bound.double() if bound is not None else (smallest + pedestal) ** 0.5
    return torch.clamp(tensor.double(), min=float(bound)).square() - pedestal


def compressai_tables(name, tensors, sizes, where):
    """What decodes CompressAI's own streams: integer tables, and floats that select them, as they are. A model that was not
    updated has none."""
    out = {}
    models = {"entropy_bottleneck": sizes["M" if name == "bmshj2018-factorized" else "N"]}
    if name != "bmshj2018-factorized":
        models["gaussian_conditional"] = extent(tensors, "gaussian_conditional.scale_table", 0, 0)
    for part, count in models.items():
        cdf = tensors.get(f"{part}._quantized_cdf")
        if cdf is None or cdf.numel() == 0:
            return {}
        wanted = {"_quantized_cdf": (count, *cdf.shape[1:2]), "_cdf_length": (count,), "_offset": (count,)}
        floats = {"quantiles": (count, 1, 3)} if part == "entropy_bottleneck" else {"scale_table": (count,)}
        for key, shape in (wanted | floats).items():
            tensor = tensors.get(f"{part}.{key}")
            if tensor is None or tuple(tensor.shape) != shape or tensor.is_floating_point() != (key in floats) or len(wanted["_quantized_cdf"]) != 2:
                found = "nothing" if tensor is None else f"{list(tensor.shape)} of {tensor.dtype}"
                raise Refused(f"{where}: {part}.{key}: expected {list(shape)} of {'floats' if key in floats else 'integers'}, found {found}")
            out[f"{part}.{key}"] = tensor.float() if key in floats else tensor.to(torch.int32)
    out["entropy_bottleneck.medians"] = out.pop("entropy_bottleneck.quantiles")[:, 0, 1]
    bound = tensors.get("gaussian_conditional.scale_bound")
    if bound is not None and bound.numel() > 0 and bound.max() > out["gaussian_conditional.scale_table"].min():
        raise Refused(f"{where}: gaussian_conditional.scale_bound: expected at most the least scale of the table, found {bound.max():g}")
    out = {key: value.contiguous() for key, value in out.items()}
    if name != "bmshj2018-factorized":
        tables = {key: out[f"entropy_bottleneck.{key}"] for key in ("_quantized_cdf", "_cdf_length", "_offset")}
        out |= scale_synthesis.integer_form(scale_synthesis.compressai_layers(tensors), tables, out["entropy_bottleneck.medians"], leaky=name == "mbt2018-mean")
    return out


def hific_settings(settings, where):
    """What the metadata say of a checkpoint's settings."""
    if settings.get("likelihood_type", "gaussian") != "gaussian":
        raise Refused(f"{where}: expected likelihood_type gaussian, found {settings['likelihood_type']}")
    return {"pixels": "-1 to 1" if settings.get("normalize_input_image", False) else "0 to 1"}


def convert(name, tensors, dtype, where, settings={}):
    """The tensors of the file to write, and its metadata."""
    model = MODELS[name]
    # LPIPS as gancodec writes it has lost the names of its dropout layers.
    tensors = {re.sub(r"^lin(\d)\.weight$", r"lin\1.model.1.weight", key): value for key, value in tensors.items()}
    shapes, sizes = model.shapes(tensors)
    check(model, tensors, shapes, where)
    out = {}
    for key in shapes:
        if key.startswith(hific_prior.PREFIX):
            continue  # in the tables
        value = tensors[key].double()
        if model.source == "CompressAI" and key.endswith((".beta", ".gamma")):
            value = folded(key, value, tensors)
        if shapes[key][0] == 1 and len(shapes[key]) == 4 and shapes[key][2:] == (1, 1):
            value = value.flatten()
        # DISTS's alpha and beta are few, and cancel: they stay as they are.
        kind = torch.float32 if key in ("alpha", "beta") else DTYPES[dtype or model.dtype]
        out[key.replace(".model.1.", ".")] = value.to(kind).contiguous()
    if model.source == "CompressAI":
        out |= compressai_tables(name, tensors, sizes, where)
    if name == "hific":
        sizes |= hific_settings(settings, where)
        out |= hific_prior.integer_tensors(tensors)
    return out, {"architecture": name, "source": model.source, **model.metadata, **{k: str(v) for k, v in sizes.items()}}


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("inputs", nargs="+", type=pathlib.Path, metavar="IN")
    parser.add_argument("--model", required=True, choices=MODELS, metavar="NAME")
    parser.add_argument("--out", required=True, type=pathlib.Path, metavar="OUT")
    parser.add_argument("--dtype", choices=DTYPES, help="default: f32, for LPIPS and DISTS f16")
    parser.add_argument("--source", help="where the numbers come from, for the metadata")
    arguments = parser.parse_args(words)
    if tuple(int(n) for n in torch.__version__.split(".")[:2]) < (2, 6):
        sys.exit(f"convert_weights: expected torch 2.6 or newer, whose weights_only is safe; found {torch.__version__}")
    try:
        tensors, settings = {}, {}
        for path in arguments.inputs:
            found, beside = read(path)
            tensors, settings = tensors | found, settings | beside
        converted, metadata = convert(arguments.model, tensors, arguments.dtype, ", ".join(map(str, arguments.inputs)), settings)
    except Refused as refusal:
        sys.exit(f"convert_weights: {refusal}")
    if arguments.source:
        metadata["source"] = arguments.source
    temporary = arguments.out.with_suffix(".part")
    temporary.write_bytes(save(converted, metadata=metadata))
    temporary.replace(arguments.out)
    print(f"{arguments.out}: {arguments.model}, {len(converted)} tensors, {arguments.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
