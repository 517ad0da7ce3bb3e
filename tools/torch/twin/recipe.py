"""Recipes: the JSON of the C++ trainer, include/gancodec/train/recipe.hpp and adversarial_recipe.hpp."""
from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar


@dataclass
class Augmentation:
    crop_px: int = 256
    smallest_scale: float = 0.5
    flip: bool = True


@dataclass
class LearningRate:
    peak: float = 2e-4
    warm_up_steps: int = 200
    decay_from: float = 0.5
    final_factor: float = 0.02

    def at(self, step: int, progress: float) -> float:
        """Warm-up by steps, then constant, then half a cosine over the last part of the run; progress in [0, 1]."""
        warm = min(1.0, (step + 1) / max(1, self.warm_up_steps))
        t = min(1.0, max(0.0, (progress - self.decay_from) / max(1e-9, 1 - self.decay_from)))
        return self.peak * warm * (self.final_factor + (1 - self.final_factor) * 0.5 * (1 + math.cos(math.pi * t)))


@dataclass
class Adam:
    beta1: float = 0.9
    beta2: float = 0.99
    epsilon: float = 1e-8
    weight_decay: float = 0.0


@dataclass
class LambdaRamp:
    start_factor: float = 0.3
    hold_steps: int = 500
    ramp_steps: int = 4000

    def at(self, step: int) -> float:
        t = min(1.0, max(0.0, (step - self.hold_steps) / max(1, self.ramp_steps)))
        return self.start_factor ** (1 - t)


@dataclass
class Recipe:
    """Stage 1; every member is explained beside its twin in recipe.hpp."""

    seed: int = 1
    steps: int = 50000
    batch: int = 4
    augmentation: Augmentation = field(default_factory=Augmentation)
    odd_size_probability: float = 0.1
    learning_rate: LearningRate = field(default_factory=LearningRate)
    adam: Adam = field(default_factory=Adam)
    clip_norm: float = 1.0
    average_decay: float = 0.999
    lambdas: list[float] = field(default_factory=lambda: [40, 12.5, 3.9, 1.22, 0.38, 0.12])
    level_balance: float = 0.5
    mse_weight: float = 150.0
    lpips_weight: float = 1.0
    dists_weight: float = 0.0
    dists_px: int = 128
    lambda_ramp: LambdaRamp = field(default_factory=LambdaRamp)
    lowest_gain_log2: float = -1.4
    gain_octaves: float = 4.1
    checkpoint_steps: int = 500
    explosion_factor: float = 5.0


@dataclass
class Content:
    """How much each comparison with the original counts."""

    mse: float = 150.0
    lpips: float = 1.0


@dataclass
class Adversarial:
    loss: str = "non_saturating"          # the twin knows this one; the C++ trainer has more


@dataclass
class AdversarialRecipe:
    """Stage 2, encoder, hyper networks, gains and prior frozen; every member is explained beside its twin in
    adversarial_recipe.hpp. Of discriminators the twin has "patch", "patch_slim" and "unet"."""

    stage: str = "adversarial"
    seed: int = 1
    steps: int = 20000
    batch: int = 4
    augmentation: Augmentation = field(default_factory=Augmentation)
    generator_rate: LearningRate = field(default_factory=lambda: LearningRate(1e-4, 100, 0.5, 0.05))
    discriminator_rate: LearningRate = field(default_factory=lambda: LearningRate(4e-4, 100, 0.5, 0.05))
    adam: Adam = field(default_factory=lambda: Adam(0.5, 0.9))
    clip_norm: float = 1.0
    average_decay: float = 0.999
    content: Content = field(default_factory=Content)
    dists_weight: float = 0.0
    dists_px: int = 128
    adversarial_weight: float = 0.008
    adversarial: Adversarial = field(default_factory=Adversarial)
    discriminator: str = "patch"
    discriminator_only_steps: int = 200   # the generator learns from the content alone for so many steps
    checkpoint_steps: int = 500
    explosion_factor: float = 5.0

    # What the data and the loop ask of any recipe: no odd sizes, all levels alike, no ramp.
    @property
    def learning_rate(self) -> LearningRate:
        return self.generator_rate

    @property
    def lpips_weight(self) -> float:
        return self.content.lpips

    odd_size_probability: ClassVar[float] = 0.0
    lambdas: ClassVar[list[float]] = [1.0] * 6
    level_balance: ClassVar[float] = 0.0
    lambda_ramp: ClassVar[LambdaRamp] = LambdaRamp(1.0)
    lowest_gain_log2: ClassVar[float] = -1.4
    gain_octaves: ClassVar[float] = 4.1


AnyRecipe = Recipe | AdversarialRecipe

# Members that only the C++ trainer has. Its recipe.json writes every member out, so the one value that the twin can do is
# taken, and any other refused; None: the member has no effect beside these.
_NO_RAMP = {"from": 0, "until": 0}
_ANY_STAGE: dict[str, Any] = {
    "optimizer": "adam", "rms_prop": None, "sgd": None, "freeze": [], "rate_factors": [], "load": [], "early_stopping": None,
    "mixed_precision": "none",
    "curriculum": {"low_pass": _NO_RAMP, "growth": _NO_RAMP, "easy_crops": _NO_RAMP, "easiest_of": 4, "crop_phases": []}}
_CPP_ONLY: dict[type, dict[str, Any]] = {
    Augmentation: {"colour_jitter": 0, "cut_out_share": 0, "synthetic_share": 0},
    Recipe: _ANY_STAGE | {"target_rate": {"bpp": [], "over": 4, "under": 0.25}},
    AdversarialRecipe: _ANY_STAGE | {"adaptive_weights": "none", "r1_weight": 0, "r1_every": None, "instance_noise": 0,
                                     "noise_steps": None, "gradient_penalty_weight": 0, "gradient_penalty_every": None,
                                     "historical_average": 0, "dropout": 0,
                                     "unrolled": {"steps": 0, "rate": 0.1, "difference": 0.01},
                                     "diff_augment": {"colour": False, "translation": False, "cut_out": False}},
    Content: dict.fromkeys(("l1", "charbonnier", "ms_ssim", "total_variation", "feature_matching", "contextual"), 0),
    Adversarial: {"relativistic": False, "real_label": 1},
    LearningRate: {"shape": "cosine", "step_factor": None, "step_every": None, "patience_steps": None},
}


def _fill(target: Any, values: Any, where: str) -> None:
    if not isinstance(values, dict):
        raise ValueError(f"{where}: expected an object, found {values!r}")
    known = {f.name: f for f in dataclasses.fields(target) if f.name != "stage"}
    cpp_only = _CPP_ONLY.get(type(target), {})
    for name in sorted(set(values) & set(cpp_only)):
        if cpp_only[name] is not None and values[name] != cpp_only[name]:
            raise ValueError(f"{where}/{name}: expected {cpp_only[name]!r}, all that the twin has; found {values[name]!r}")
    values = {name: value for name, value in values.items() if name not in cpp_only}
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ValueError(f"{where}: expected members of a recipe, found also {' '.join(unknown)}")
    for name, value in values.items():
        current = getattr(target, name)
        if dataclasses.is_dataclass(current):
            _fill(current, value, f"{where}/{name}")
            continue
        numbers = (int, float)
        fits = (isinstance(value, bool) if isinstance(current, bool) else
                isinstance(value, str) if isinstance(current, str) else
                isinstance(value, list) and all(isinstance(v, numbers) for v in value) if isinstance(current, list) else
                isinstance(value, int if isinstance(current, int) else numbers) and not isinstance(value, bool))
        if not fits:
            raise ValueError(f"{where}/{name}: expected something like {current!r}, found {value!r}")
        setattr(target, name, value)


def read_recipe(path: Path | None) -> AnyRecipe:
    """The member "stage" says whose recipe it is: "reconstruction" (when left out) or "adversarial". What is left out keeps
    its default; no file: stage 1."""
    values = {} if path is None else json.loads(Path(path).read_text())
    stage = values.get("stage", "reconstruction") if isinstance(values, dict) else None
    if stage not in (None, "reconstruction", "adversarial"):
        raise ValueError(f"{path}/stage: expected reconstruction or adversarial, found {stage!r}")
    recipe: AnyRecipe = AdversarialRecipe() if stage == "adversarial" else Recipe()
    _fill(recipe, {k: v for k, v in values.items() if k != "stage"} if stage else values, str(path))
    if isinstance(recipe, AdversarialRecipe) and recipe.adversarial.loss != "non_saturating":
        raise ValueError(f"{path}/adversarial/loss: expected non_saturating, found {recipe.adversarial.loss!r}")
    return recipe


def recipe_text(recipe: AnyRecipe, indent: int | None = None) -> str:
    return json.dumps(dataclasses.asdict(recipe), indent=indent)
