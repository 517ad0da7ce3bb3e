"""LPIPS v0.1 with AlexNet, as in include/gancodec/metrics/lpips.hpp, from weights/lpips_alex.safetensors."""
from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
# (index in torchvision's features, stride, padding, whether a max-pool comes before)
LAYERS = ((0, 4, 2, False), (3, 1, 2, True), (6, 1, 1, True), (8, 1, 1, False), (10, 1, 1, False))


class Lpips(nn.Module):
    """Distance per image of x and y [n,3,h,w] in [0, 1]: [n]. The weights are constants."""

    shift: Tensor
    scale: Tensor

    def __init__(self, path: Path) -> None:
        super().__init__()
        file = load_file(path)
        for tap, (index, *_) in enumerate(LAYERS):
            self.register_buffer(f"weight{tap}", file[f"features.{index}.weight"].float(), persistent=False)
            self.register_buffer(f"bias{tap}", file[f"features.{index}.bias"].float(), persistent=False)
            self.register_buffer(f"linear{tap}", file[f"lin{tap}.weight"].float().view(1, -1, 1, 1), persistent=False)
        self.register_buffer("shift", torch.tensor(SHIFT).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(SCALE).view(1, 3, 1, 1), persistent=False)

    def features(self, x: Tensor) -> list[Tensor]:
        """Five feature maps, every pixel of length 1."""
        x = (2 * x - 1 - self.shift) / self.scale
        maps = []
        for tap, (_, stride, padding, pool) in enumerate(LAYERS):
            if pool:
                x = F.max_pool2d(x, 3, 2)
            weight, bias = getattr(self, f"weight{tap}"), getattr(self, f"bias{tap}")
            x = F.relu(F.conv2d(x, weight, bias, stride, padding))
            wide = x.float()
            # The tiny constant under the root keeps its gradient finite where all features are zero.
            maps.append(wide / ((wide.square().sum(dim=1, keepdim=True) + 1e-20).sqrt() + 1e-10))
        return maps

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self.features(y)
        total = x.new_zeros(x.shape[0], dtype=torch.float32)
        for tap, (seen, target) in enumerate(zip(self.features(x), wanted)):
            weighted = getattr(self, f"linear{tap}") * (seen - target).square()
            total = total + weighted.sum(dim=1).mean(dim=(1, 2))
        return total
