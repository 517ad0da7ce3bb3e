"""The density of HiFiC's hyper latents (its port's HyperpriorDensity; Ballé et al. 2018, section 6.1) as integer tables.

Per channel the logits of the cumulative density are four layers, softplus(H_k)·x + b_k, then x + tanh(a_k)·tanh(x). Symbols are
z − median, rounded. Tables have CompressAI's form: sums of frequencies from 0 to 65536, the escape last.
"""
import scale_synthesis
import torch
from torch.nn import functional as F

PREFIX = "Hyperprior.hyperlatent_likelihood."
WIDTHS = (1, 3, 3, 3, 1)
LAYERS = len(WIDTHS) - 1
TOTAL = 1 << 16
FARTHEST = 2000  # no symbol beyond has a slot of its own


def shapes(n):
    """The tensors of the density of n channels: {name: shape}."""
    out = {}
    for k in range(LAYERS):
        out |= {f"{PREFIX}H_{k}": (n, WIDTHS[k + 1], WIDTHS[k]), f"{PREFIX}a_{k}": (n, WIDTHS[k + 1], 1), f"{PREFIX}b_{k}": (n, WIDTHS[k + 1], 1)}
    return out


def logits(tensors, x):
    """Of the cumulative density at x [n,1,count]."""
    for k in range(LAYERS):
        weight, factor, bias = (tensors[f"{PREFIX}{letter}_{k}"].double() for letter in "Hab")
        x = F.softplus(weight) @ x + bias
        x = x + torch.tanh(factor) * torch.tanh(x)
    return x


def medians(tensors):
    """Where the logits are 0: [n], by bisection, for they rise everywhere."""
    low = torch.full((len(tensors[f"{PREFIX}H_0"]), 1, 1), -1e4, dtype=torch.float64)
    high = -low
    for _ in range(60):
        middle = (low + high) / 2
        above = logits(tensors, middle) > 0
        low, high = torch.where(above, low, middle), torch.where(above, middle, high)
    return high.flatten()


def probabilities(tensors, centre):
    """Of the symbols −FARTHEST … FARTHEST about `centre` [n]: [n,count]."""
    edges = torch.arange(-FARTHEST, FARTHEST + 2).double() - 0.5
    at_edges = logits(tensors, edges + centre[:, None, None])[:, 0]
    lower, upper = at_edges[:, :-1], at_edges[:, 1:]
    sign = torch.where(lower + upper > 0, -1.0, 1.0)  # differences of small numbers keep their digits, of those near 1 they lose them
    return (torch.sigmoid(sign * upper) - torch.sigmoid(sign * lower)).abs()


def tables(tensors):
    """entropy_bottleneck.* of a converted file: a slot for every symbol between the outermost two that are worth
    one, at least a unit; the rest shares the escape."""
    centre = medians(tensors).float()  # as the decoder knows it
    lengths, offsets, rows = [], [], []
    for p in probabilities(tensors, centre.double()):
        worth = (p * TOTAL >= 1).nonzero().flatten()
        first, last = (int(worth[0]), int(worth[-1])) if len(worth) else (FARTHEST, FARTHEST)
        inside = p[first : last + 1]
        frequencies = torch.cat([inside, (1 - inside.sum()).reshape(1)]).mul(TOTAL).round().clamp(min=1).long()
        frequencies[frequencies[:-1].argmax()] += TOTAL - frequencies.sum()  # the likeliest takes what rounding left
        lengths.append(len(frequencies) + 1)
        offsets.append(first - FARTHEST)
        rows.append(F.pad(frequencies.cumsum(0), (1, 0)))
    cdf = torch.zeros(len(rows), max(lengths), dtype=torch.int32)
    for target, row in zip(cdf, rows):
        target[: len(row)] = row
    integers = {"_quantized_cdf": cdf, "_cdf_length": torch.tensor(lengths, dtype=torch.int32), "_offset": torch.tensor(offsets, dtype=torch.int32)}
    return {f"entropy_bottleneck.{key}": value for key, value in (integers | {"medians": centre}).items()}


def integer_tensors(tensors):
    """All integers of a converted file: the tables of z, and the form of synthesis_std that chooses those of y."""
    out = tables(tensors)
    of_z = {key: out[f"entropy_bottleneck.{key}"] for key in ("_quantized_cdf", "_cdf_length", "_offset")}
    return out | scale_synthesis.integer_form(scale_synthesis.hific_layers(tensors), of_z, out["entropy_bottleneck.medians"], leaky=False)
