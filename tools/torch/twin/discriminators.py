"""Discriminators of stage 2, conditioned on what the decoder knows: ŷ and the quality position. Training only."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from .layers import SLOPE
from .networks import LATENT_CHANNELS, LATENT_STRIDE, QUALITY_LEVELS


def _conv(channels_in: int, channels_out: int, kernel: int, stride: int = 1) -> nn.Module:
    """Spectrally normalised (Miyato et al. 2018)."""
    return spectral_norm(nn.Conv2d(channels_in, channels_out, kernel, stride, (kernel - 1) // 2))


def _condition(y_hat: Tensor, position: Tensor) -> Tensor:
    """ŷ and, as one more channel, the position: [n,129,h/16,w/16]"""
    level = (position / (QUALITY_LEVELS - 1)).view(-1, 1, 1, 1).expand(-1, 1, *y_hat.shape[2:])
    return torch.cat([y_hat, level], dim=1)


class PatchDiscriminator(nn.Module):
    """PatchGAN over the image beside the upsampled latents (Mentzer et al. 2020, "High-fidelity generative image
    compression", appendix A.3). Shapes: x [n,3,h,w] · y_hat [n,128,h/16,w/16] · logits [n,1,≈h/8,≈w/8]"""

    def __init__(self, channels: int, latent_channels: int) -> None:
        super().__init__()
        self.context = _conv(LATENT_CHANNELS + 1, latent_channels, 3)
        widths = [3 + latent_channels, channels, 2 * channels, 4 * channels]
        self.down = nn.ModuleList(_conv(a, b, 4, 2) for a, b in zip(widths, widths[1:]))
        self.deep = _conv(4 * channels, 8 * channels, 4)
        self.logits = _conv(8 * channels, 1, 1)

    def forward(self, x: Tensor, y_hat: Tensor, position: Tensor) -> Tensor:
        context = F.leaky_relu(self.context(_condition(y_hat, position)), SLOPE)
        h = torch.cat([x, F.interpolate(context, scale_factor=LATENT_STRIDE, mode="nearest")], dim=1)
        for layer in (*self.down, self.deep):
            h = F.leaky_relu(layer(h), SLOPE)
        return self.logits(h)


class UNetDiscriminator(nn.Module):
    """Judges every pixel: four halvings, the latents joining at 1/16, and back up with skips (after Schönfeld et al. 2020,
    and Muckley et al. 2023, whose labels are codes of a VQ network where these are real or fake).
    Shapes: as PatchDiscriminator, logits [n,1,h,w]"""

    def __init__(self, channels: int, latent_channels: int) -> None:
        super().__init__()
        self.context = _conv(LATENT_CHANNELS + 1, latent_channels, 3)
        widths = [3, channels, 2 * channels, 4 * channels, 8 * channels]
        self.down = nn.ModuleList(_conv(a, b, 4, 2) for a, b in zip(widths, widths[1:]))
        self.join = _conv(8 * channels + latent_channels, 8 * channels, 3)
        up_out = [4 * channels, 2 * channels, channels, channels]
        up_in = [8 * channels + 4 * channels, 4 * channels + 2 * channels, 2 * channels + channels, channels + 3]
        self.up = nn.ModuleList(_conv(a, b, 3) for a, b in zip(up_in, up_out))
        self.logits = _conv(channels, 1, 1)

    def forward(self, x: Tensor, y_hat: Tensor, position: Tensor) -> Tensor:
        skips, h = [], x
        for layer in self.down:
            skips.append(h)
            h = F.leaky_relu(layer(h), SLOPE)
        context = F.leaky_relu(self.context(_condition(y_hat, position)), SLOPE)
        h = F.leaky_relu(self.join(torch.cat([h, context], dim=1)), SLOPE)
        for layer, skip in zip(self.up, reversed(skips)):
            h = F.interpolate(h, scale_factor=2, mode="nearest")
            h = F.leaky_relu(layer(torch.cat([h, skip], dim=1)), SLOPE)
        return self.logits(h)


def make_discriminator(kind: str) -> nn.Module:
    """Widths as in include/gancodec/networks/discriminators.hpp; ŷ is brought to 12 channels before it is seen."""
    kinds = {"patch": (PatchDiscriminator, 64), "patch_slim": (PatchDiscriminator, 32), "unet": (UNetDiscriminator, 32)}
    if kind not in kinds:
        raise ValueError(f"recipe/discriminator: expected one of {' '.join(kinds)}, found {kind!r}")
    network, channels = kinds[kind]
    return network(channels, 12)
