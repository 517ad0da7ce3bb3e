"""The loop around a stage: clock, schedules, log, checkpoints, contact sheets, and the way back from an explosion."""
from __future__ import annotations

import copy
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping, Protocol

import torch
from torch import Tensor

from .checkpoint import TrainingState
from .data import BatchSource, Picture
from .evaluate import SHEET_QUALITIES, code, draw_sheet, means
from .lpips import Lpips
from .networks import Model
from .parameters import FlatParameters
from .rates import LogisticMixture
from .recipe import AnyRecipe
from .runtime import Runtime
from .stage1 import Batch


class Stage(Protocol):
    """What a stage is to the loop."""

    model: Model
    prior: LogisticMixture
    lpips: Lpips | None
    trained: list[FlatParameters]  # the first of them is what the weights file will hold

    @property
    def recipe(self) -> Recipe: ...

    def prepare(self, batch: Batch) -> float:
        """Counts the multiplications and additions of a step, and compiles what is to be compiled."""

    def step(self, batch: Batch, step: int, learning_rate: float) -> dict[str, Tensor]:
        """One update; answers what to report, "loss" among it, still on the device."""

    def save(self, folder: Path, state: TrainingState, metadata: dict[str, str]) -> None: ...


@dataclass
class Options:
    out: Path
    minutes: float = 0.0       # 0: until the recipe's steps are done
    by_time: bool = False      # the schedule follows the minutes, not the steps
    span: tuple[float, float] = (0.0, 1.0)  # the part of the schedule that these minutes are
    save_minutes: float = 2.0
    sheet_minutes: float = 5.0


LOG_EVERY = 50
PATIENCE = 100  # the first steps fall by themselves


class Trainer:
    def __init__(self, stage: Stage, source: BatchSource, samples: list[tuple[str, Picture]], runtime: Runtime,
                 options: Options, state: TrainingState, metadata: dict[str, str]) -> None:
        self.stage, self.source, self.samples = stage, source, samples
        self.runtime, self.options, self.state, self.metadata = runtime, options, state, metadata
        # Reading a number back stalls a fast device: it is asked rarely there.
        self.check_every = 10 if runtime.device.type == "cuda" else 1
        self.pending: list[dict[str, Tensor]] = []
        self.logged: list[dict[str, float]] = []
        self.last_save = self.last_sheet = 0.0  # minutes on the clock
        self.slowest_save = self.slowest_sheet = 0.0  # seconds
        self.progress = 0.0

    def train(self) -> None:
        flops = self.stage.prepare(self.source.draw(self.state.step, 1.0))
        self.flops_per_step = flops * self.runtime.processes
        self.runtime.say(f"start at step {self.state.step} on {self.runtime.device} x{self.runtime.processes}, "
                         f"{self.flops_per_step / 1e12:.3f} TFLOP per step, after {self.runtime.elapsed():.1f} s")
        self.snapshot = self._take_snapshot()
        self._write_samples()  # proves that all can be written, and tells how long that takes
        self._save()
        self.checked_at = time.monotonic()
        while not self._stop():
            state, recipe = self.state, self.stage.recipe
            batch = self.source.draw(state.step, recipe.lambda_ramp.at(state.step))
            rate = recipe.learning_rate.at(state.step, self.progress) * state.learning_rate_factor
            measured = self.stage.step(batch, state.step, rate)
            warm = (state.step + 1) / (state.step + 10)
            self.stage.trained[0].update_average(min(recipe.average_decay, warm))
            self.pending.append(measured)
            self.learning_rate = rate
            state.step += 1
            state.pixel_steps += batch.x.shape[0] * batch.mask.numel() * self.runtime.processes
            if state.step % self.check_every == 0:
                self._check()
        self._check()
        self._log()
        self._save()  # first what must not be lost
        self._write_samples()

    def _stop(self) -> bool:
        """Decided by the leading process where others must agree: asked for after every check."""
        if self.pending:
            return False
        state, recipe, limit = self.state, self.stage.recipe, self.options.minutes * 60
        finishing = max(5.0, 3 * (self.slowest_sheet + self.slowest_save))
        left = limit - self.runtime.elapsed() - finishing if limit else math.inf
        progress = state.step / recipe.steps
        if self.options.by_time and limit:
            begin, end = self.options.span
            progress = end - (end - begin) * max(0.0, left) / max(1.0, limit - finishing)
        done = self.runtime.stop_asked or left <= 0 or (state.step >= recipe.steps and not self.options.by_time)
        decision = self.runtime.from_leader(torch.tensor([float(done), progress], device=self.runtime.device))
        stop, self.progress = bool(decision[0]), float(decision[1])
        return stop

    def _check(self) -> None:
        """Brings the reports of the last steps here; goes back to the snapshot when one of them is an explosion."""
        if not self.pending:
            return
        names = list(self.pending[0])
        stacked = torch.stack([torch.stack([m[name].float() for name in names]) for m in self.pending])
        rows = self.runtime.mean_over_processes(stacked).tolist()
        now = time.monotonic()
        seconds, self.checked_at = (now - self.checked_at) / len(rows), now
        self.pending.clear()
        state, recipe = self.state, self.stage.recipe
        first = state.step - len(rows)
        for i, row in enumerate(rows):
            report = dict(zip(names, row))
            loss = report["loss"]
            limit = recipe.explosion_factor * max(state.running_loss, 1e-6)
            if not math.isfinite(loss) or (first + i > PATIENCE and state.running_loss > 0 and loss > limit):
                return self._go_back(loss)
            state.running_loss += (loss - state.running_loss) * (0.01 if state.running_loss > 0 else 1.0)
            state.seconds += seconds
            self.logged.append({**report, "seconds": seconds})
        if state.step // recipe.checkpoint_steps > first // recipe.checkpoint_steps:
            self.snapshot = self._take_snapshot()
        if len(self.logged) >= LOG_EVERY:
            self._log()
        clock = self.runtime.elapsed() / 60
        if clock - self.last_save > self.options.save_minutes:
            self._save()
        if clock - self.last_sheet > self.options.sheet_minutes:
            self._write_samples()
        self.checked_at = time.monotonic()

    def _take_snapshot(self) -> tuple[TrainingState, list[dict[str, Tensor]]]:
        return copy.copy(self.state), [flat.snapshot() for flat in self.stage.trained]

    def _go_back(self, loss: float) -> None:
        """The weights of the snapshot, half the learning rate, and other batches."""
        step, factor, seconds = self.state.step, self.state.learning_rate_factor * 0.5, self.state.seconds
        saved, parts = self.snapshot
        for flat, part in zip(self.stage.trained, parts):
            flat.restore(part)
        self.state.__dict__.update(vars(saved))
        self.state.step, self.state.learning_rate_factor, self.state.seconds = step, factor, seconds
        self.runtime.say(f"note: step {step}: the loss exploded to {loss:.3f}, back to the last snapshot")
        self._append({"step": step, "restored": True, "loss": loss if math.isfinite(loss) else None})

    def _log(self) -> None:
        if not self.logged:
            return
        mean = {name: sum(r[name] for r in self.logged) / len(self.logged) for name in self.logged[0]}
        seconds = mean.pop("seconds")
        images = self.stage.recipe.batch * self.runtime.processes
        line = {"step": self.state.step - 1, **mean, "learning_rate": self.learning_rate,
                "lambda_factor": self.stage.recipe.lambda_ramp.at(self.state.step), "steps_per_second": 1 / seconds,
                "images_per_second": images / seconds, "elapsed_seconds": self.runtime.elapsed()}
        text = (f"step {self.state.step}  loss {mean['loss']:.3f}  {mean['bpp']:.3f} bpp  {mean['psnr']:.2f} dB  "
                f"LPIPS {mean['lpips']:.3f}  {1 / seconds:.2f} it/s  {images / seconds:.0f} images/s")
        line["tflops"] = self.flops_per_step / seconds / 1e12
        text += f"  {line['tflops']:.2f} TFLOP/s"
        if peak := self.runtime.peak_flops():
            line["share_of_peak"] = self.flops_per_step / seconds / (peak * self.runtime.processes)
            text += f" ({100 * line['share_of_peak']:.1f} % of peak)"
        self._append(line)
        self.runtime.say(text)
        self.logged.clear()

    def _append(self, line: Mapping[str, object]) -> None:
        if self.runtime.leads:
            with open(self.options.out / "log.jsonl", "a") as file:
                file.write(json.dumps(line) + "\n")

    def _save(self) -> None:
        began = time.monotonic()
        if self.runtime.leads:
            note = f"tools/torch: {self.state.step} steps, {self.state.pixel_steps / 1e9:.2f} G crop pixels"
            self.stage.save(self.options.out, self.state, {**self.metadata, "training": note})
        self.last_save = self.runtime.elapsed() / 60
        self.slowest_save = max(self.slowest_save, time.monotonic() - began)

    def _write_samples(self) -> None:
        began = time.monotonic()
        if self.runtime.leads:
            stage = self.stage
            with stage.trained[0].averaged():
                rows = [(name, picture, [code(stage.model, stage.prior, stage.lpips, name, picture, quality)
                                         for quality in SHEET_QUALITIES]) for name, picture in self.samples]
            self._append({"step": self.state.step, "samples": [d.figures() for _, _, row in rows for d in row]})
            draw_sheet(self.options.out / "sheet.png", rows)
        self.last_sheet = self.runtime.elapsed() / 60
        self.slowest_sheet = max(self.slowest_sheet, time.monotonic() - began)

    def evaluate(self, pictures: list[tuple[str, Picture]], qualities: list[float]) -> None:
        """Means over whole pictures, averaged weights, a line per quality."""
        stage = self.stage
        if not self.runtime.leads:
            return
        with stage.trained[0].averaged():
            for quality in qualities:
                found = means([code(stage.model, stage.prior, stage.lpips, name, picture, quality) for name, picture in pictures])
                self._append({"step": self.state.step, "quality": quality, "pictures": len(pictures), **found})
                self.runtime.say(f"quality {quality:g}: {found['bpp']:.4f} bpp  {found['psnr']:.2f} dB  LPIPS {found.get('lpips', math.nan):.4f}")
