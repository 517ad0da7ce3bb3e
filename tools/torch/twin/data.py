"""Photographs in memory, decoded once, and batches of random crops cut, rescaled and flipped where the network runs."""
from __future__ import annotations

import io
import os
import tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Callable, Iterator

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .networks import IMAGE_MULTIPLE, QUALITY_LEVELS
from .recipe import Augmentation, AnyRecipe
from .stage1 import LPIPS_PHASES, Batch

EXTENSIONS = (".png", ".jpg", ".jpeg", ".ppm")
Picture = np.ndarray  # [h,w,3] uint8


def _encoded_files(folder: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Every image below `folder`, also those inside .tar files (pack_data.py writes them), in a fixed order."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in EXTENSIONS:
            yield str(path.relative_to(folder)), path.read_bytes
        elif path.suffix == ".tar":
            with tarfile.open(path) as archive:
                for member in archive:
                    file = archive.extractfile(member)
                    if file is not None and member.name.lower().endswith(EXTENSIONS):
                        yield member.name, partial(bytes, file.read())


def read_pictures(folder: Path, long_side: int = 0) -> list[tuple[str, Picture]]:
    """Name and pixels of every image below `folder`; larger ones are shrunk to `long_side` where that is not 0."""
    def decode(job: tuple[str, Callable[[], bytes]]) -> tuple[str, Picture]:
        name, encoded = job
        image = Image.open(io.BytesIO(encoded())).convert("RGB")
        if long_side and max(image.size) > long_side:
            image.thumbnail((long_side, long_side), Image.Resampling.BOX)
        return name, np.asarray(image)
    with ThreadPoolExecutor(max(1, len(os.sched_getaffinity(0)))) as pool:
        pictures = list(pool.map(decode, _encoded_files(Path(folder))))
    if not pictures:
        raise ValueError(f"{folder}: expected PNG, JPEG or PPM images, or .tar files of them, found none")
    return pictures


@dataclass
class Plan:
    """Where the crops of a batch come from; arrays of n numbers."""

    image: np.ndarray
    window: np.ndarray  # side of the square in the image, which becomes crop_px
    top: np.ndarray
    left: np.ndarray
    mirror: np.ndarray
    transpose: np.ndarray


class Photographs:
    """All pixels of all pictures in one array on `device`; crops are drawn as Dataset does (train/dataset.hpp), only that
    the random numbers are others."""

    def __init__(self, pictures: list[Picture], device: torch.device) -> None:
        self.heights = np.array([p.shape[0] for p in pictures])
        self.widths = np.array([p.shape[1] for p in pictures])
        areas = self.heights * self.widths
        self.begins = np.concatenate([[0], np.cumsum(areas)[:-1]])
        # Large photographs hold more to see, but not in proportion.
        self.cumulative = np.cumsum(np.sqrt(areas))
        self.pixels = torch.from_numpy(np.concatenate([p.reshape(-1, 3) for p in pictures])).to(device)

    def __len__(self) -> int:
        return len(self.heights)

    def plan(self, images: int, how: Augmentation, random: np.random.Generator) -> Plan:
        index = np.searchsorted(self.cumulative, random.uniform(0, self.cumulative[-1], images), side="right")
        index = np.minimum(index, len(self) - 1)
        shorter = np.minimum(self.heights[index], self.widths[index])
        lowest = np.clip(how.crop_px / shorter, how.smallest_scale, 1.0)
        scale = np.exp2(np.log2(lowest) * random.uniform(size=images))
        window = np.minimum(shorter, np.maximum(how.crop_px, (how.crop_px / scale).astype(np.int64)))
        top = (random.uniform(size=images) * (self.heights[index] - window + 1)).astype(np.int64)
        left = (random.uniform(size=images) * (self.widths[index] - window + 1)).astype(np.int64)
        coins = random.uniform(size=(2, images)) < (0.5 if how.flip else 0.0)
        return Plan(index, window, top, left, coins[0], coins[1])

    def cut(self, plan: Plan, how: Augmentation) -> Tensor:
        """[n,3,crop,crop] in [0, 1], rounded to 8 bits. The box filter, the mirror and the repeated edges of pictures
        that are too small are one matrix per axis: out = rows · window · columnsᵀ."""
        device, crop = self.pixels.device, how.crop_px
        reach = max(crop, int(crop / how.smallest_scale))
        numbers = np.stack([self.begins[plan.image], self.widths[plan.image], plan.window, plan.top, plan.left,
                            plan.mirror, plan.transpose])
        begin, width, window, top, left, mirror, transpose = to_device(numbers, device)
        offset = torch.minimum(torch.arange(reach, device=device), window[:, None] - 1)  # [n,reach]
        address = ((top[:, None] + offset) * width[:, None] + begin[:, None])[:, :, None] + (left[:, None] + offset)[:, None]
        windows = self.pixels[address].permute(0, 3, 1, 2).float()
        rows = box_filter(window, crop, reach)
        columns = torch.where(mirror.bool()[:, None, None], rows.flip(1), rows)
        out = rows[:, None] @ windows @ columns[:, None].transpose(2, 3)
        out = torch.where(transpose.bool()[:, None, None, None], out.transpose(2, 3), out)
        return (out.round() / 255).contiguous(memory_format=torch.channels_last)


def to_device(numbers: np.ndarray, device: torch.device) -> Tensor:
    tensor = torch.from_numpy(numbers)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor


def box_filter(window: Tensor, crop: int, reach: int) -> Tensor:
    """[n,crop,reach]: which share of output o each of the window's pixels i has. An output covers window/crop pixels; a
    window smaller than the crop keeps its size, and its last pixel is repeated."""
    size = (window.double() / crop)[:, None]
    o = torch.arange(crop, device=window.device).double()
    low = torch.where(size >= 1, o * size, torch.minimum(o, window[:, None].double() - 1))[:, :, None]
    size = size.clamp_min(1.0)[:, :, None]
    i = torch.arange(reach, device=window.device).double()
    overlap = torch.minimum(i + 1, low + size) - torch.maximum(i, low)
    return (overlap.clamp_min(0) / size).float()


def draw_levels(recipe: AnyRecipe, offset: float, images: int, ramp: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Quality positions spread evenly over a batch, the lambda of each and its weight in the loss (mean 1)."""
    position = (np.arange(images) + offset) / images * (QUALITY_LEVELS - 1)
    log_lambda = np.interp(position, np.arange(QUALITY_LEVELS), np.log(recipe.lambdas))
    weight = np.exp(-recipe.level_balance * log_lambda)
    return position, ramp * np.exp(log_lambda), weight * (images / weight.sum())


def window(random: np.random.Generator, places: int, side: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Rows and columns of a square that begins at one of so many places, each way."""
    top, left = random.integers(places, size=2).tolist()
    both = torch.arange(side, device=device)
    return both + top, both + left


class BatchSource:
    """Batches for the steps of a run. What step s holds depends on seed, s and rank alone."""

    def __init__(self, photographs: Photographs, recipe: AnyRecipe, rank: int = 0) -> None:
        self.photographs, self.recipe, self.rank = photographs, recipe, rank
        self.generator = torch.Generator(photographs.pixels.device)

    def draw(self, step: int, ramp: float) -> Batch:
        recipe, how = self.recipe, self.recipe.augmentation
        random = np.random.default_rng([recipe.seed, step, self.rank])
        x = self.photographs.cut(self.photographs.plan(recipe.batch, how, random), how)
        levels = draw_levels(recipe, random.uniform(), recipe.batch, ramp)
        position, rate, weight = to_device(np.stack(levels).astype(np.float32), x.device)
        height = width = how.crop_px
        if random.uniform() < recipe.odd_size_probability:
            height, width = (how.crop_px - random.integers(IMAGE_MULTIPLE, size=2)).tolist()
            row, column = (torch.arange(how.crop_px, device=x.device).clamp_max(e - 1) for e in (height, width))
            x = x[:, :, row][:, :, :, column].contiguous(memory_format=torch.channels_last)
        mask = torch.zeros(1, 1, how.crop_px, how.crop_px, device=x.device)
        mask[:, :, :height, :width] = 1
        self.generator.manual_seed(int(random.integers(2**62)))
        noise_y, noise_z = Batch.draw_noise(recipe.batch, how.crop_px, how.crop_px, self.generator)
        everything = how.crop_px - (LPIPS_PHASES - 1)
        lpips_window = window(random, LPIPS_PHASES, everything, x.device)
        dists_window = None
        if recipe.dists_weight > 0:
            side = min(recipe.dists_px, how.crop_px)
            dists_window = window(random, how.crop_px - side + 1, side, x.device)
        return Batch(x, mask, position, rate, weight, noise_y, noise_z, lpips_window, dists_window)
