"""Rates in bits, differentiable, as in include/gancodec/train/losses/rate.hpp. Always in 32 bits."""
from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .layers import clamp_leading_back

SMALLEST_PROBABILITY = 1e-9
SCALES, SIGMA_MIN, SIGMA_MAX = 64, 0.11, 64.0
LOG_STEP = math.log(SIGMA_MAX / SIGMA_MIN) / (SCALES - 1)


def gaussian_bits(residual: Tensor, scale_index: Tensor) -> Tensor:
    """Bits of the interval of width 1 around each residual under N(0, σ(index)²); summed per image.
    Shapes: [n,c,h,w] twice · result [n]"""
    sigma = SIGMA_MIN * torch.exp(LOG_STEP * clamp_leading_back(scale_index, 0.0, SCALES - 1.0))
    x = residual.abs()  # symmetric: the far tail keeps its precision
    root = math.sqrt(0.5)
    p = 0.5 * (torch.erfc((x - 0.5) / sigma * root) - torch.erfc((x + 0.5) / sigma * root))
    tail = 0.5 * (x / sigma) ** 2 + torch.log(sigma) + 0.5 * math.log(2 * math.pi)
    nats = torch.where(p < SMALLEST_PROBABILITY, tail, -torch.log(p.clamp_min(SMALLEST_PROBABILITY)))
    return nats.sum(dim=(1, 2, 3)) / math.log(2)


class LogisticMixture(nn.Module):
    """The factorised prior of the hyper latents: per channel a mixture of three logistics."""

    PARTS = 3

    def __init__(self, channels: int) -> None:
        super().__init__()
        parts = torch.arange(self.PARTS).float().repeat(channels, 1)
        self.mean = nn.Parameter(parts - 1)
        self.log_scale = nn.Parameter(0.3 * parts)
        self.weight = nn.Parameter(torch.zeros_like(parts))

    def probability(self, z: Tensor) -> Tensor:
        """Of the interval of width 1 around z [n,C,h,w]; same shape."""
        def spread(table: Tensor) -> Tensor:
            return table[None, :, :, None, None]
        inverse = torch.exp(-spread(self.log_scale))
        # Both ends on the side where the logistic is small, where it keeps its precision.
        centre = -((z.unsqueeze(2) - spread(self.mean)) * inverse).abs()
        p = torch.sigmoid(centre + 0.5 * inverse) - torch.sigmoid(centre - 0.5 * inverse)
        return (spread(torch.softmax(self.weight, dim=1)) * p).sum(dim=2)

    def bits(self, z: Tensor) -> Tensor:
        """Summed per image: [n]"""
        return -torch.log2(self.probability(z) + SMALLEST_PROBABILITY).sum(dim=(1, 2, 3))

    @torch.no_grad()
    def project(self) -> None:
        """Keeps every logistic wide enough for integers."""
        self.log_scale.clamp_(-2.5, 5.0)
