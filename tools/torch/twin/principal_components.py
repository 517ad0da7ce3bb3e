"""The start of training: include/gancodec/train/pca_init.hpp and Trainer::initialise()."""
from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import SLOPE
from .networks import HyperScale, Model
from .rates import LOG_STEP, SIGMA_MIN

NOISE = 0.5


def initialise(model: Model, sample: Tensor, seed: int) -> None:
    """Residual blocks as the identity, encoder and generator as a linear transform of the data.
    Shapes: sample [n,3,h,w] in [0, 1], h and w multiples of 16"""
    random = torch.Generator().manual_seed(seed)
    _keep_variance(model.encoder, random, SLOPE, residual_scale=0.0)
    _keep_variance(model.generator, random, SLOPE, residual_scale=0.0)
    _keep_variance(model.hyper_encoder, random, SLOPE)
    _keep_variance(model.hyper_scale, random, 0.0)
    _keep_variance(model.hyper_mean, random, SLOPE)
    with torch.no_grad():
        model.hyper_scale.expand.weight.mul_(0.1)
        convolutions(model.hyper_mean)[-1].weight.mul_(0.1)
        _principal_components(model, sample.cpu().double(), random)


def convolutions(network: nn.Module) -> list[nn.Conv2d]:
    """Those that are not inside a residual block."""
    return [layer for layer in network.children() if isinstance(layer, nn.Conv2d)]


@torch.no_grad()
def _keep_variance(network: nn.Module, random: torch.Generator, slope: float, residual_scale: float = 0.3) -> None:
    for name, parameter in network.named_parameters():
        if parameter.dim() == 4:
            deviation = math.sqrt(2 / ((1 + slope**2) * parameter[0].numel()))
            if name.endswith("conv2.weight"):
                deviation *= residual_scale
            parameter.copy_(deviation * torch.randn(parameter.shape, generator=random))
        elif name.endswith("bias"):
            parameter.zero_()


def _components(x: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Eigenvectors [count,c] of the second moments of pixels, strongest first, and the root mean squares along them."""
    pixels = x.transpose(0, 1).flatten(1)
    values, vectors = torch.linalg.eigh(pixels @ pixels.T / pixels.shape[1])
    return vectors.flip(1).T[:count].contiguous(), values.flip(0)[:count].clamp_min(1e-12).sqrt()


def _clear(convolution: nn.Conv2d, used_in: int, first_free_out: int, random: torch.Generator) -> Tensor:
    """Zeros, but small noise in channels that the transform leaves free."""
    weight = convolution.weight
    weight.zero_()
    if convolution.bias is not None:
        convolution.bias.zero_()
    free = weight[first_free_out:, :used_in]
    free.copy_(NOISE / math.sqrt(9 * used_in) * torch.randn(free.shape, generator=random))
    return weight


def _principal_components(model: Model, sample: Tensor, random: torch.Generator) -> None:
    encoder, generator = convolutions(model.encoder), convolutions(model.generator)
    # Components of 4x4 blocks, of 2x2 groups of those, and of 2x2 groups again.
    blocks = F.pixel_unshuffle(sample - 0.5, 4)
    bases, scales = [], []
    for layer in encoder[:3]:
        count = min(layer.out_channels, blocks.shape[1])
        basis, deviation = _components(blocks, count)
        bases.append(basis)
        scales.append(deviation.clamp_min(1e-3).rsqrt())
        blocks = F.pixel_unshuffle(F.conv2d(blocks, basis[:, :, None, None]), 2)
    counts = [len(basis) for basis in bases]

    weight = _clear(encoder[0], counts[0], counts[0], random)
    weight[:counts[0], :, 1, 1] = (bases[0] * scales[0][:, None]).float()
    for i in (1, 2):  # a 3x3 of stride 2 sees its 2x2 group under taps 1 and 2
        weight = _clear(encoder[i], counts[i - 1], counts[i], random)
        groups = (bases[i] * scales[i][:, None]).view(counts[i], counts[i - 1], 2, 2) / scales[i - 1].view(1, -1, 1, 1)
        weight[:counts[i], :counts[i - 1], 1:, 1:] = groups.float()
    weight = _clear(encoder[3], counts[2], encoder[3].out_channels, random)
    kept = range(min(counts[2], encoder[3].out_channels))
    weight[kept, kept, 1, 1] = (1 / scales[2][: len(kept)]).float()

    weight = _clear(generator[0], len(kept), counts[2], random)
    weight[kept, kept, 1, 1] = scales[2][: len(kept)].float()
    for layer, i in ((generator[1], 2), (generator[2], 1)):
        weight = _clear(layer, counts[i], 4 * counts[i - 1], random)
        inverse = (bases[i] / scales[i][:, None]).view(counts[i], counts[i - 1], 4) * scales[i - 1].view(1, -1, 1)
        weight[:4 * counts[i - 1], :counts[i], 1, 1] = inverse.flatten(1).T.float()
    weight = _clear(generator[3], counts[0], 48, random)
    weight[:, :counts[0], 1, 1] = (bases[0] / scales[0][:, None]).T.float()

    # A gain of 2 moves the scale index by ln 2 / LOG_STEP; the network starts at the deviations under the middle gain.
    gain = model.gain.log2_gain
    model.hyper_scale.level_offset.copy_((gain - gain.mean(dim=0)) * (math.log(2) / LOG_STEP))
    assert model.hyper_scale.expand.bias is not None
    bias = model.hyper_scale.expand.bias.view(-1, 16)
    bias.zero_()
    sigma = (scales[2][: len(kept)] ** -2 * torch.exp2(gain.mean(dim=0)[: len(kept)])).clamp(0.12, 60.0)
    index = torch.log(sigma / SIGMA_MIN) / LOG_STEP
    bias[: len(kept)] = ((index - HyperScale.OFFSET) / HyperScale.SLOPE).float().unsqueeze(1)
