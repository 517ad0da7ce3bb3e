"""The optimiser's view of a network: all parameters in one array, so that an update, an average, a snapshot or an exchange
between processes is a handful of operations, whatever the number of layers."""
from __future__ import annotations

from typing import Callable, Iterable

import torch
from torch import Tensor, nn

from .recipe import Adam


class FlatParameters:
    """Parameters under training, with what Adam and the average remember of them (train/optimizer.hpp).

    The parameters become views of `value` and their gradients views of `gradient`, convolutions in channels-last order;
    `value`, `first_moment`, `second_moment` and `average` are what a checkpoint keeps."""

    STATE = ("value", "first_moment", "second_moment", "average")

    def __init__(self, named: Iterable[tuple[str, nn.Parameter]], learning_rate_factor: Callable[[str], float]) -> None:
        self.places: dict[str, tuple[slice, torch.Size]] = {}
        parameters = list(named)
        begin = 0
        for name, p in parameters:
            self.places[name] = (slice(begin, begin + p.numel()), p.shape)
            begin += p.numel()
        device = parameters[0][1].device
        self.value = torch.zeros(begin, device=device)
        self.gradient = torch.zeros_like(self.value)
        self.first_moment = torch.zeros_like(self.value)
        self.second_moment = torch.zeros_like(self.value)
        for name, p in parameters:
            self.view("value", name).copy_(p.detach())
        self.average = self.value.clone()
        self.factor = torch.cat([torch.full((p.numel(),), float(learning_rate_factor(name)), device=device)
                                 for name, p in parameters])
        for name, p in parameters:
            p.data = self.view("value", name)
            p.grad = self.view("gradient", name)

    def view(self, part: str, name: str) -> Tensor:
        place, shape = self.places[name]
        numbers = getattr(self, part)[place]
        if len(shape) != 4:
            return numbers.view(shape)
        out_channels, in_channels, height, width = shape
        return numbers.view(out_channels, height, width, in_channels).permute(0, 3, 1, 2)

    def clear_gradient(self) -> None:
        self.gradient.zero_()

    @torch.no_grad()
    def update(self, adam: Adam, learning_rate: float, step: int, clip_norm: float) -> Tensor:
        """One step of Adam with the gradient clipped to `clip_norm`; answers the gradient's norm. A gradient that is not
        finite changes nothing. Nothing here waits for the device."""
        norm = torch.linalg.vector_norm(self.gradient)
        finite = torch.isfinite(norm)
        gradient = self.gradient * (clip_norm / norm.clamp_min(1e-12)).clamp_max(1.0)
        correction1, correction2 = 1 - adam.beta1 ** (step + 1), 1 - adam.beta2 ** (step + 1)
        first = torch.lerp(gradient, self.first_moment, adam.beta1)
        second = torch.lerp(gradient.square(), self.second_moment, adam.beta2)
        change = self.factor * (learning_rate / correction1) * first / ((second / correction2).sqrt() + adam.epsilon)
        if adam.weight_decay:
            change += learning_rate * adam.weight_decay * self.value
        self.value.sub_(torch.where(finite, change, 0.0))
        self.first_moment.copy_(torch.where(finite, first, self.first_moment))
        self.second_moment.copy_(torch.where(finite, second, self.second_moment))
        return norm

    @torch.no_grad()
    def update_average(self, decay: float) -> None:
        self.average.lerp_(self.value, 1 - decay)

    def snapshot(self) -> dict[str, Tensor]:
        return {part: getattr(self, part).clone() for part in self.STATE}

    @torch.no_grad()
    def restore(self, snapshot: dict[str, Tensor]) -> None:
        for part in self.STATE:
            getattr(self, part).copy_(snapshot[part])

    class Averaged:
        """with flat.averaged(): the network computes with its averaged weights."""

        def __init__(self, flat: "FlatParameters") -> None:
            self.flat = flat

        def __enter__(self) -> None:
            self.kept = self.flat.value.clone()
            with torch.no_grad():
                self.flat.value.copy_(self.flat.average)

        def __exit__(self, *_: object) -> None:
            with torch.no_grad():
                self.flat.value.copy_(self.kept)

    def averaged(self) -> "FlatParameters.Averaged":
        return FlatParameters.Averaged(self)


def learning_rate_factor(name: str) -> float:
    """As Trainer::learning_rate_factor: the entropy model starts from nothing, and its tables are far from 1."""
    if name == "hyper_scale.level_offset":
        return 50
    if name.startswith("prior."):
        return 20
    if name.startswith("gain."):
        return 5
    return 3 if name.startswith("hyper_") else 1
