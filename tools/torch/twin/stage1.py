"""The loss of stage 1, as in include/gancodec/train/stage1.hpp."""
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .dists import Dists
from .layers import quantize, round_straight_through
from .lpips import Lpips
from .networks import HYPER_CHANNELS, HYPER_STRIDE, LATENT_CHANNELS, LATENT_STRIDE, Model
from .rates import LogisticMixture, gaussian_bits
from .recipe import Recipe


LPIPS_PHASES = 4


@dataclass
class Batch:
    """Crops with what the loss needs to know about each; a step computes nothing else from chance."""

    x: Tensor         # [n,3,h,w] in [0, 1], h and w multiples of 64
    mask: Tensor      # [1,1,h,w]: 1 where pixels count; the rest repeats the last row and column, as the codec pads
    position: Tensor  # [n] quality position, 0 … levels − 1
    rate: Tensor      # [n] lambda
    weight: Tensor    # [n] of each image in the loss, mean 1
    noise_y: Tensor   # [n,128,h/16,w/16] uniform in [−½, ½)
    noise_z: Tensor   # [n,64,h/64,w/64]
    lpips_window: tuple[Tensor, Tensor]  # rows and columns that LPIPS sees: all but LPIPS_PHASES − 1, at a random phase
    dists_window: tuple[Tensor, Tensor] | None = None  # the same for DISTS

    @staticmethod
    def draw_noise(images: int, height: int, width: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        def noise(channels: int, stride: int) -> Tensor:
            shape = (images, channels, height // stride, width // stride)
            return torch.rand(shape, generator=generator, device=generator.device) - 0.5
        return noise(LATENT_CHANNELS, LATENT_STRIDE), noise(HYPER_CHANNELS, HYPER_STRIDE)


@dataclass
class Latents:
    """What the codec transmits, and how many bits that takes; [n] each where not said otherwise."""

    y: Tensor        # [n,128,h/16,w/16], before gain and rounding
    y_hat: Tensor    # the same, as the decoder has it
    symbols: Tensor  # [n,128,h/16,w/16]
    bits_y: Tensor
    bits_z: Tensor


def transmit(model: Model, prior: LogisticMixture, x: Tensor, position: Tensor,
             noise_y: Tensor | None = None, noise_z: Tensor | None = None) -> Latents:
    """Encodes x. With noise the rates are those of v − mu + noise and z + noise, which are differentiable; without, those
    of the symbols themselves under the scale index that the codec would pick."""
    gain = model.gain(position)
    y = model.encoder(x - 0.5).float()
    v = y * gain
    z = model.hyper_encoder(v).float()
    z_hat = quantize(z, 1.0, -127.0, 127.0)
    mu = model.hyper_mean(z_hat).float()
    index = model.hyper_scale(z_hat, position)
    residual = v - mu
    symbols = round_straight_through(residual)
    if noise_y is None or noise_z is None:
        bits_y = gaussian_bits(symbols, torch.floor(index + 0.5))
        bits_z = prior.bits(z_hat)
    else:
        bits_y = gaussian_bits(residual + noise_y, index)
        bits_z = prior.bits(z + noise_z)
    return Latents(y, (symbols + mu) / gain, symbols, bits_y, bits_z)


def distortion(batch: Batch, x_hat: Tensor, lpips: Lpips | None, dists: Dists | None) -> tuple[Tensor, Tensor, Tensor]:
    """Mean squared error, LPIPS and DISTS per image, over the pixels that count. What lies beyond is replaced by the original
    there, so that every step has the same shapes (C++ crops both instead: equal where nothing is masked)."""
    share = batch.mask.mean()
    seen = torch.where(batch.mask > 0, x_hat, batch.x)
    mse = (seen - batch.x).square().mean(dim=(1, 2, 3)) / share
    of_lpips = of_dists = torch.zeros_like(mse)
    if dists is not None and batch.dists_window is not None:
        rows, columns = batch.dists_window
        of_dists = dists(*(image[:, :, rows][:, :, :, columns] for image in (seen, batch.x)))
    if lpips is None:
        return mse, of_lpips, of_dists
    # AlexNet's first convolution moves by 4 pixels, as the generator's last shuffle does: always seen at one phase, a pattern
    # that repeats every 4 pixels would cost nothing.
    rows, columns = batch.lpips_window
    seen, wanted = (image[:, :, rows][:, :, :, columns] for image in (seen, batch.x))
    return mse, lpips(seen, wanted) / share, of_dists


def stage1_loss(model: Model, prior: LogisticMixture, lpips: Lpips | None, dists: Dists | None, batch: Batch,
                recipe: Recipe) -> tuple[Tensor, dict[str, Tensor]]:
    """(1/N) Σ_n weight_n·[ lambda_n·bits_n/pixels + mse_weight·MSE_n + lpips_weight·LPIPS_n + dists_weight·DISTS_n ], and
    what to report. As in C++ the reported loss holds the plain means of LPIPS and DISTS; the weights reach it through the gradient alone."""
    sent = transmit(model, prior, batch.x, batch.position, batch.noise_y, batch.noise_z)
    x_hat = model.generator(sent.y_hat).float() + 0.5
    mse, of_lpips, of_dists = distortion(batch, x_hat, lpips, dists)
    perceptual = recipe.lpips_weight * of_lpips + recipe.dists_weight * of_dists
    pixels = batch.mask.sum()
    bpp_y, bpp_z = sent.bits_y / pixels, sent.bits_z / pixels
    terms = batch.weight * (batch.rate * (bpp_y + bpp_z) + recipe.mse_weight * mse)
    loss = (terms + batch.weight * perceptual).mean()
    with torch.no_grad():
        measured = {
            "loss": (terms + perceptual).mean(),
            "bpp": (bpp_y + bpp_z).mean(),
            "bpp_y": bpp_y.mean(),
            "bpp_z": bpp_z.mean(),
            "psnr": (-10 * torch.log10(mse + 1e-12)).mean(),
            "lpips": of_lpips.mean(),
            "dists": of_dists.mean(),
            "live_channels": (sent.symbols != 0).any(dim=3).any(dim=2).any(dim=0).float().sum(),
        }
    return loss, measured
