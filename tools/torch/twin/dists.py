"""DISTS, as in include/gancodec/metrics/dists.hpp, from the dists.safetensors that tools/convert_weights.py makes."""
from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
STAGES = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))  # indices in torchvision's features of VGG16
EPSILON = 1e-6


def l2_pool(x: Tensor) -> Tensor:
    """Root of the squares under a Hann window of 3x3, every second pixel."""
    window = torch.tensor([0.25, 0.5, 0.25], device=x.device, dtype=x.dtype)
    kernel = (window[:, None] * window[None, :]).expand(x.shape[1], 1, 3, 3)
    return (F.conv2d(x.square(), kernel, stride=2, padding=1, groups=x.shape[1]) + 1e-12).sqrt()


class Dists(nn.Module):
    """Distance per image of x and y [n,3,h,w] in [0, 1]: [n]. The weights are constants."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        file = load_file(path)
        for index in (i for stage in STAGES for i in stage):
            self.register_buffer(f"weight{index}", file[f"features.{index}.weight"].float(), persistent=False)
            self.register_buffer(f"bias{index}", file[f"features.{index}.bias"].float(), persistent=False)
        total = file["alpha"].double().sum() + file["beta"].double().sum()
        for name in ("alpha", "beta"):
            self.register_buffer(name, (file[name].double() / total).float(), persistent=False)
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION).view(1, 3, 1, 1), persistent=False)

    def features(self, x: Tensor) -> list[Tensor]:
        """The image itself and the five stages."""
        maps = [x.float()]
        x = (x - self.mean) / self.deviation
        for number, stage in enumerate(STAGES):
            if number > 0:
                x = l2_pool(x.float())
            for index in stage:
                x = F.relu(F.conv2d(x, getattr(self, f"weight{index}"), getattr(self, f"bias{index}"), padding=1))
            maps.append(x.float())
        return maps

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self.features(y)
        total = x.new_zeros(x.shape[0], dtype=torch.float32)
        first = 0
        for seen, target in zip(self.features(x), wanted):
            alpha, beta = (w[first:first + seen.shape[1]] for w in (self.alpha, self.beta))
            first += seen.shape[1]
            mean_x, mean_y = seen.mean(dim=(2, 3)), target.mean(dim=(2, 3))
            rest_x, rest_y = seen - mean_x[:, :, None, None], target - mean_y[:, :, None, None]
            of_means = (mean_x - mean_y).square() / (mean_x.square() + mean_y.square() + EPSILON)
            variances = rest_x.square().mean(dim=(2, 3)) + rest_y.square().mean(dim=(2, 3))
            of_rest = (rest_x - rest_y).square().mean(dim=(2, 3)) / (variances + EPSILON)
            total = total + (alpha * of_means + beta * of_rest).sum(dim=1)
        return total
