#!/usr/bin/env python3
"""Prints the golden numbers of test_image_metrics.cpp, from pytorch-msssim in double precision.

    python3 tests/metrics/make_ssim_goldens.py          (needs torch and pytorch-msssim)
"""
import pytorch_msssim
import pytorch_msssim.ssim  # noqa: F401
import torch


def pair(width, height, strength):
    """The pictures that patterns() in test_image_metrics.cpp draws."""
    y, x, c = torch.meshgrid(torch.arange(height), torch.arange(width), torch.arange(3), indexing="ij")
    picture = ((x * 3 + y * 5 + c * 40) ^ ((x * y) >> 4)) & 255
    noise = (x * 7919 + y * 1047 + c * 929) & 0xFFFF
    noise = ((noise * noise) >> 4) % (2 * strength + 1) - strength
    distorted = (picture + noise).clamp(0, 255)
    return [t.permute(2, 0, 1)[None].double() for t in (picture, distorted)]


def window():
    offset = torch.arange(11, dtype=torch.float64) - 5
    weight = torch.exp(-(offset**2) / (2 * 1.5**2))
    return (weight / weight.sum()).reshape(1, 1, 1, 11).repeat(3, 1, 1, 1)


for width, height, strength in [(200, 177, 20), (161, 190, 90), (176, 256, 4), (40, 11, 20), (11, 29, 60)]:
    a, b = pair(width, height, strength)
    mse = ((a - b) ** 2).mean()
    psnr = 10 * torch.log10(255**2 / mse)
    ssim = pytorch_msssim.ssim(a, b, data_range=255, win=window())
    large = min(width, height) > 160
    ms = pytorch_msssim.ms_ssim(a, b, data_range=255, win=window()) if large else torch.tensor(0.0)
    print(f"{{{width}, {height}, {strength}, {psnr:.12f}, {ssim:.12f}, {ms:.12f}}},")
