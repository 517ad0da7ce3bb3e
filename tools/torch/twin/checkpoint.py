"""Files: checkpoints in the format of include/gancodec/train/checkpoint.hpp, and gancodec's weights read back."""
from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from .layers import QuantizedConv2d
from .networks import HyperScale, Model
from .parameters import FlatParameters
from .rates import LogisticMixture

FORMAT = "gancodec checkpoint 1"


@dataclass
class TrainingState:
    """Counters of a run, as in checkpoint.hpp."""

    step: int = 0
    learning_rate_factor: float = 1.0
    running_loss: float = 0.0
    pixel_steps: float = 0.0
    seconds: float = 0.0


def read_file(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}


def write_file(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Through a temporary name: a kill leaves the old file or the new one, never half of one."""
    temporary = path.with_name(path.name + ".part")
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary, metadata)
    with open(temporary, "rb") as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)


def save_checkpoint(path: Path, flat: FlatParameters, state: TrainingState, metadata: dict[str, str]) -> None:
    """`gancodec train --resume` and `gancodec export` read it. Numbers are written as C's %a, exactly."""
    tensors = {f"{part}.{name}": flat.view(part, name).detach().cpu() for part in flat.STATE for name in flat.places}
    counters = {name: float(value).hex() for name, value in vars(state).items()}
    write_file(path, tensors, {**metadata, **counters, "format": FORMAT, "step": str(state.step)})


def load_checkpoint(path: Path, flat: FlatParameters) -> TrainingState:
    """From this trainer or the C++ one. Tensors that are missing or of another shape are listed, all at once. Moments
    that the file lacks (a file of averages alone) start at zero."""
    tensors, metadata = read_file(path)
    if metadata.get("format") != FORMAT:
        raise ValueError(f"{path}: expected a file of format '{FORMAT}', found {metadata.get('format')!r}")
    wrong = []
    for name, (_, shape) in flat.places.items():
        found = tensors.get(f"average.{name}")
        if found is None or found.shape != shape:
            wrong.append(f"average.{name} (expected {list(shape)}, found {'none' if found is None else list(found.shape)})")
    if wrong:
        raise ValueError(f"{path}: expected the tensors of this architecture; missing or of another shape: {' '.join(wrong)}")
    with torch.no_grad():
        for name in flat.places:
            average = tensors[f"average.{name}"].float()
            for part in flat.STATE:
                default = average if part == "value" else torch.zeros_like(average)
                flat.view(part, name).copy_(tensors.get(f"{part}.{name}", default))
    def number(key: str, otherwise: float) -> float:
        return float.fromhex(metadata[key]) if key in metadata else otherwise
    return TrainingState(int(metadata["step"]), number("learning_rate_factor", 1.0), number("running_loss", 0.0),
                         number("pixel_steps", 0.0), number("seconds", 0.0))


def load_weights(path: Path, model: Model, prior: LogisticMixture) -> None:
    """Reads gancodec's own weights (architecture gancodec-2) for fine-tuning. The integer hyper scale network becomes a
    trainable one that rounds to the same integers (a bias in some thousand to its neighbour, 1e-5 of an index); the
    prior's mixture is fitted to its tables."""
    tensors, metadata = read_file(path)
    if metadata.get("architecture") != "gancodec-2":
        raise ValueError(f"{path}: expected weights of architecture gancodec-2, found {metadata.get('architecture')!r}")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not name.startswith("hyper_scale."):
                parameter.copy_(tensors[name].float())
        hyper = model.hyper_scale
        step = HyperScale.ACTIVATION_STEP
        for name, layer, slope, offset, unit in (("reduce", hyper.reduce, 1.0, 0.0, step),
                                                 ("inner", hyper.inner, 1.0, 0.0, step),
                                                 ("expand", hyper.expand, HyperScale.SLOPE, HyperScale.OFFSET, 0.5)):
            parts = {part: tensors[f"hyper_scale.{name}.{part}"].double() for part in ("weight", "bias", "multiplier", "shift")}
            _from_integers(layer, parts, slope, offset, unit)
        hyper.level_offset.copy_(tensors["hyper_scale.level_offset"].float() / 2)
    _fit_prior(prior, tensors["prior.first"].tolist(), tensors["prior.length"].tolist(), tensors["prior.frequencies"])


def _from_integers(layer: QuantizedConv2d, parts: dict[str, Tensor], slope: float, offset: float, unit: float) -> None:
    """Undoes train/integer_export.hpp: multiplier / 2^shift is the real value of an accumulator step, in output units."""
    real = parts["multiplier"] * torch.exp2(-parts["shift"]) * unit  # step · input step · slope
    step = real / (layer.input_step * slope)
    layer.weight.copy_(parts["weight"] * step.view(-1, 1, 1, 1))
    assert layer.bias is not None
    layer.bias.copy_((parts["bias"] - torch.round(offset / real)) * real / slope)


def _fit_prior(prior: LogisticMixture, first: list[int], length: list[int], frequencies: Tensor) -> None:
    """Moves the mixture until its probabilities of the tabulated integers are the tables' (cross entropy)."""
    limit = 127
    wanted = torch.zeros(len(first), 2 * limit + 1)
    begin = 0
    for channel, (low, count) in enumerate(zip(first, length)):
        symbols = frequencies[begin + 1:begin + count].float() / 65536
        wanted[channel, low + limit:low + limit + count - 1] = symbols
        begin += count
    z = torch.arange(-limit, limit + 1.0).view(1, 1, -1, 1).expand(1, len(first), -1, 1)
    optimiser = torch.optim.Adam(prior.parameters(), lr=0.03)
    for _ in range(600):
        optimiser.zero_grad()
        loss = -(wanted * torch.log(prior.probability(z)[0, :, :, 0] + 1e-9)).sum()
        loss.backward()
        optimiser.step()
        prior.project()
    prior.zero_grad(set_to_none=True)
