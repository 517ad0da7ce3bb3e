"""Stage 1 as the loop sees it. Stage 2 is in adversarial.py."""
from __future__ import annotations

from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Callable

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from .checkpoint import TrainingState, load_checkpoint, save_checkpoint
from .dists import Dists
from .lpips import Lpips
from .networks import Model
from .parameters import FlatParameters, learning_rate_factor
from .rates import LogisticMixture
from .recipe import Recipe
from .runtime import Compiled, Runtime
from .stage1 import Batch, stage1_loss

CHECKPOINT = "checkpoint.safetensors"


def codec_parameters(model: Model, prior: LogisticMixture,
                     factor: Callable[[str], float] = learning_rate_factor) -> FlatParameters:
    """All that a checkpoint holds, under its names there; a factor of 0 leaves a parameter as it is."""
    named = chain(model.named_parameters(), (("prior." + name, p) for name, p in prior.named_parameters()))
    return FlatParameters(named, factor)


def count_flops(work: Callable[[], object]) -> float:
    """Multiplications and additions of convolutions and matrix products, backward passes included."""
    with FlopCounterMode(display=False) as counter:
        work()
    return float(counter.get_total_flops())


def smaller(batch: Batch, images: int) -> Batch:
    """The first few images of a batch."""
    return replace(batch, **{name: getattr(batch, name)[:images]
                             for name in ("x", "position", "rate", "weight", "noise_y", "noise_z")})


class RateDistortion:
    """Stage 1: all networks on rate and distortion, all rates at once."""

    def __init__(self, recipe: Recipe, model: Model, prior: LogisticMixture, lpips: Lpips | None,
                 dists: Dists | None, runtime: Runtime, compile_mode: str = "none") -> None:
        self.recipe, self.model, self.prior, self.runtime = recipe, model, prior, runtime
        self.lpips, self.dists = lpips, dists
        self.trained = [codec_parameters(model, prior)]
        self.loss = Compiled(self._loss, compile_mode, runtime)

    def _loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        return stage1_loss(self.model, self.prior, self.lpips, self.dists, batch, self.recipe)

    def step(self, batch: Batch, step: int, learning_rate: float) -> dict[str, Tensor]:
        flat = self.trained[0]
        flat.clear_gradient()
        with self.runtime.mixed_precision():
            loss, measured = self.loss(batch)
        loss.backward()
        self.runtime.mean_over_processes(flat.gradient)
        norm = flat.update(self.recipe.adam, learning_rate, step, self.recipe.clip_norm)
        self.prior.project()
        return {**{name: value.clone() for name, value in measured.items()}, "gradient_norm": norm}

    def prepare(self, batch: Batch) -> float:
        with self.runtime.mixed_precision():
            flops = count_flops(lambda: self._loss(smaller(batch, 1))[0].backward())
            self.loss.prove(batch)
        return flops * batch.x.shape[0]

    def save(self, folder: Path, state: TrainingState, metadata: dict[str, str]) -> None:
        save_checkpoint(folder / CHECKPOINT, self.trained[0], state, metadata)

    def resume(self, folder: Path) -> TrainingState:
        return load_checkpoint(folder / CHECKPOINT, self.trained[0])
