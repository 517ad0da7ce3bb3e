"""Layers, as in include/gancodec/nn/, and the operations on latents of include/gancodec/autograd/latent_ops.hpp."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2


class _RoundStraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return torch.round(x)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return gradient


class _ClampLeadingBack(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, low: float, high: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.low, ctx.high = low, high
        return x.clamp(low, high)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        (x,) = ctx.saved_tensors
        blocked = ((x < ctx.low) & (gradient > 0)) | ((x > ctx.high) & (gradient < 0))
        return gradient.masked_fill(blocked, 0.0), None, None


def round_straight_through(x: Tensor) -> Tensor:
    """Nearest integer; the gradient passes as if nothing had happened."""
    return _RoundStraightThrough.apply(x)


def clamp_leading_back(x: Tensor, low: float, high: float) -> Tensor:
    """Clamps; outside the range the gradient passes only where a step against it leads back inside."""
    return _ClampLeadingBack.apply(x, low, high)


def quantize(x: Tensor, step: float, low: float, high: float) -> Tensor:
    """clamp(round(x / step), low, high)·step; the gradient passes straight through what was not clamped."""
    rounded = round_straight_through(x / step)
    kept = rounded.detach().clamp(low, high)
    # Not rounded.clamp(): which gradient that has at the ends of the range depends on the version of PyTorch.
    return torch.where(rounded.detach() == kept, rounded, kept) * step


def full_precision(x: Tensor) -> torch.autocast:
    """Within this context nothing is rounded to bf16: what is decided in it is decided by integers or by bits."""
    return torch.autocast(x.device.type, enabled=False)


def conv3x3(channels_in: int, channels_out: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, 3, stride, 1)


class ResidualBlock(nn.Module):
    """x + conv2(act(conv1(x))), act a leaky ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = conv3x3(channels, channels)
        self.conv2 = conv3x3(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.leaky_relu(self.conv1(x), SLOPE))


class QuantizedConv2d(nn.Conv2d):
    """Trained in floating point, run in integers (nn/quantized_conv2d.hpp). Forward uses the weights rounded to 8 bits and
    the bias rounded to the step of the accumulator; gradients pass straight through.

    `input_step`: the value of 1 in the integers that come in. The convolution itself is done on integers, which bf16's
    and TF32's products hold exactly."""

    BIAS_LIMIT = float(1 << 26)

    def __init__(self, channels_in: int, channels_out: int, kernel: int, input_step: float = 1.0) -> None:
        super().__init__(channels_in, channels_out, kernel, 1, kernel // 2)
        self.input_step = input_step

    def forward(self, x: Tensor) -> Tensor:
        assert self.bias is not None
        # In double, as C++ computes them: a step that differs in its last bit would round some weights otherwise.
        weight = self.weight.double()
        step = weight.detach().abs().amax(dim=(1, 2, 3)).clamp_min(1e-6) / 127
        integers = round_straight_through(weight / step.view(-1, 1, 1, 1)).float()
        unit = step * self.input_step
        bias = self.bias.double()
        rounded = (bias / unit).clamp(-self.BIAS_LIMIT, self.BIAS_LIMIT).round() * unit
        bias = (bias + (rounded - bias).detach()).float()
        out = F.conv2d(x / self.input_step, integers, padding=self.padding)
        return out * unit.float().view(1, -1, 1, 1) + bias.view(1, -1, 1, 1)


def at_position(table: Tensor, position: Tensor) -> Tensor:
    """Rows of a table [levels, C] interpolated at positions [n] in 0 … levels − 1: [n, C, 1, 1]."""
    level = position.floor().clamp(0, table.shape[0] - 2)
    fraction = (position.clamp(0, table.shape[0] - 1) - level).to(table.dtype).unsqueeze(1)
    level = level.long()
    low, high = table[level], table[level + 1]
    return (low + fraction * (high - low))[:, :, None, None]


class Gain(nn.Module):
    """One gain per latent channel and quality level, interpolated in the log domain (nn/gain.hpp)."""

    def __init__(self, levels: int, channels: int, lowest_log2: float = 0.0, octaves: float = 2.0) -> None:
        super().__init__()
        rows = lowest_log2 + octaves * torch.linspace(0, 1, levels, dtype=torch.float64)
        self.log2_gain = nn.Parameter(rows.float().unsqueeze(1).repeat(1, channels))

    def forward(self, position: Tensor) -> Tensor:
        """Shapes: position [n] · result [n, C, 1, 1]"""
        return torch.exp2(at_position(self.log2_gain, position))
