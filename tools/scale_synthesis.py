"""The integer form of a float scale network, CompressAI's h_s or HiFiC's synthesis_std, as zoo::IntegerScaleSynthesis (include/gancodec/networks/zoo/) runs it.

Weights are 8 bits, symmetric, one step per output channel; activations 0..255, one step per layer: the largest seen in
calibration. Inputs are z_hat in 1/unit, within ±255. A transposed 5x5 of stride 2 is a 3x3 to 4C channels and a pixel shuffle. Where
the network has LeakyReLU, what is negative becomes zero. What all this shifts on average, per output channel, goes into the bias.
"""
import math

import torch
from torch.nn import functional as F

SCALES, SMALLEST, LARGEST = 64, 0.11, 64.0
PER_SCALE = 1024  # thresholds are in 1/1024 of a scale


def phases(weight):
    """[ci,co,5,5] of a transposed convolution → [4co,ci,3,3]: out[2y+d] takes tap d+4−2k from in[y+k−1]."""
    ci, co = weight.shape[:2]
    out = weight.new_zeros(co, 2, 2, ci, 3, 3)
    for dy in range(2):
        for dx in range(2):
            for ky in range(3):
                for kx in range(3):
                    y, x = dy + 4 - 2 * ky, dx + 4 - 2 * kx
                    if y < 5 and x < 5:
                        out[:, dy, dx, :, ky, kx] = weight[:, :, y, x].T
    return out.reshape(4 * co, ci, 3, 3)


def doublings(tensors, *names):
    """Transposed 5x5 of stride 2 as 3x3 to phases: [(weight, bias)]."""
    return [(phases(tensors[f"{name}.weight"].double()), tensors[f"{name}.bias"].double().repeat_interleave(4)) for name in names]


def compressai_layers(tensors):
    """h_s as three 3x3 convolutions; its first outputs are the scales, as many as g_s takes."""
    channels = tensors["g_s.0.weight"].shape[0]
    return doublings(tensors, "h_s.0", "h_s.2") + [(tensors["h_s.4.weight"].double()[:channels], tensors["h_s.4.bias"].double()[:channels])]


def hific_layers(tensors):
    """synthesis_std as three 3x3 convolutions; its last layer is a transposed 3x3 of stride 1."""
    first, second, last = (f"Hyperprior.synthesis_std.conv{i}" for i in (1, 2, 3))
    return doublings(tensors, first, second) + [(tensors[f"{last}.weight"].double().transpose(0, 1).flip(2, 3), tensors[f"{last}.bias"].double())]


def samples(tables, medians, count, side):
    """z_hat drawn from the tables of the prior: [count, N, side, side]."""
    generator = torch.Generator().manual_seed(1)
    out = torch.empty(count, len(medians), side, side, dtype=torch.float64)
    for c, median in enumerate(medians.double()):
        length = int(tables["_cdf_length"][c])
        frequency = tables["_quantized_cdf"][c, :length].double().diff()[:-1]  # without the escape
        drawn = torch.multinomial(frequency, count * side * side, replacement=True, generator=generator)
        out[:, c] = drawn.reshape(count, side, side) + float(tables["_offset"][c]) + median
    return out


def thresholds():
    """Between scales i and i + 1 lies their geometric mean."""
    ratio = (LARGEST / SMALLEST) ** (1 / (SCALES - 1))
    return torch.tensor([round(PER_SCALE * SMALLEST * ratio ** (i + 0.5)) for i in range(SCALES - 1)], dtype=torch.int32)


def multiplier_and_shift(factor):
    """factor ≈ multiplier / 2^shift, multiplier below 2^31, shift 1 to 62."""
    shift = min(62, max(1, 30 - math.frexp(factor)[1]))
    return min(round(factor * 2.0**shift), 2**31 - 1), shift


def requantise(acc, multiplier, shift):
    """In doubles, where the products of two 31 bit numbers lose their last digits: calibration only."""
    return torch.floor((acc * multiplier[None, :, None, None] + 2.0 ** (shift - 1)[None, :, None, None]) / 2.0 ** shift[None, :, None, None])


def integer_form(layers, tables, medians, leaky, z_hat=None):
    """The tensors scale_synthesis.* of a scale network in three 3x3 `layers` and the priors of its z. `z_hat` [n,N,h,w] calibrates,
    drawn from the priors when there is none."""
    if z_hat is None:
        z_hat = samples(tables, medians, 4, 16)
    z_hat = z_hat.double()
    unit = min(64, max(1, math.floor(255 / float(z_hat.abs().max().clamp(min=1)))))
    offset = torch.round(unit * medians.double())
    x = z_hat
    q = torch.clamp(unit * torch.round(z_hat - medians.double()[None, :, None, None]) + offset[None, :, None, None], -255, 255)
    step = 1 / unit
    out = {"unit": torch.tensor([unit], dtype=torch.int32), "offset": offset.clamp(-32767, 32767).to(torch.int16), "thresholds": thresholds()}
    for i, (weight, bias) in enumerate(layers):
        exact = F.conv2d(x, weight, bias, padding=1)
        weight_step = weight.abs().amax((1, 2, 3)).clamp(min=1e-12) / 127
        integer = torch.round(weight / weight_step[:, None, None, None])
        sums = F.conv2d(q, integer, padding=1)
        units = (weight_step * step)[None, :, None, None]
        target = exact if i == 2 else exact.clamp(min=0)  # corrected where it matters: where either is positive
        active = (exact > 0) | (sums * units + bias[None, :, None, None] > 0)
        error = (exact - sums * units - bias[None, :, None, None]) * active
        shift_of_mean = error.sum((0, 2, 3)) / active.sum((0, 2, 3)).clamp(min=1)
        corrected = torch.round((bias + shift_of_mean) / units.flatten()).clamp(-(2**30), 2**30)
        acc = sums + corrected[None, :, None, None]
        step = 1 / PER_SCALE if i == 2 else float(target.max().clamp(min=1e-6)) / 255
        pairs = [multiplier_and_shift(float(u) / step) for u in units.flatten()]
        multiplier, shift = (torch.tensor([pair[k] for pair in pairs]) for k in (0, 1))
        out |= {f"{2 * i}.weight": integer.to(torch.int8), f"{2 * i}.bias": corrected.to(torch.int32),
                f"{2 * i}.multiplier": multiplier.to(torch.int32), f"{2 * i}.shift": shift.to(torch.uint8)}
        if i < 2:
            q = F.pixel_shuffle(requantise(acc, multiplier.double(), shift.double()).clamp(0, 255), 2)
            x = F.pixel_shuffle(F.leaky_relu(exact, 0.01) if leaky else exact.clamp(min=0), 2)
    return {f"scale_synthesis.{key}": value.contiguous() for key, value in out.items()}


def indices(form, symbols):
    """What zoo::IntegerScaleSynthesis chooses for symbols [1,N,h,w] of z: [1,M,4h,4w]. In doubles, see requantise()."""
    layer = {key.removeprefix("scale_synthesis."): value.double() for key, value in form.items()}
    q = torch.clamp(layer["unit"] * symbols.double() + layer["offset"][None, :, None, None], -255, 255)
    for i in ("0.", "2.", "4."):
        acc = F.conv2d(q, layer[i + "weight"], layer[i + "bias"], padding=1)
        q = requantise(acc, layer[i + "multiplier"], layer[i + "shift"])
        if i != "4.":
            q = F.pixel_shuffle(q.clamp(0, 255), 2)
    return torch.searchsorted(layer["thresholds"], q.contiguous(), right=True)
