#!/usr/bin/env python3
"""Trains the codec of include/gancodec/networks/presets.hpp in PyTorch: on a CPU, a GPU, or many (torchrun).

    python3 tools/torch/train.py --data PHOTOS --out RUN --minutes 25 --by-time
    torchrun --nproc-per-node 8 tools/torch/train.py --data PHOTOS --out RUN
    gancodec export RUN/checkpoint.safetensors RUN/gancodec.safetensors

RUN gets checkpoint.safetensors (read and written by `gancodec train` as well), log.jsonl, recipe.json and sheet.png."""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

from twin.adversarial import Adversary
from twin.checkpoint import FORMAT, TrainingState, load_checkpoint, load_weights, read_file
from twin.data import BatchSource, Photographs, read_pictures
from twin.dists import Dists
from twin.evaluate import choose_samples
from twin.lpips import Lpips
from twin.networks import HYPER_CHANNELS, IMAGE_MULTIPLE, QUALITY_LEVELS, Model
from twin.principal_components import initialise
from twin.rates import LogisticMixture
from twin.recipe import AdversarialRecipe, AnyRecipe, Augmentation, read_recipe, recipe_text
from twin.runtime import Runtime
from twin.stages import CHECKPOINT, RateDistortion, codec_parameters
from twin.trainer import Options, Trainer

ROOT = Path(__file__).resolve().parents[2]
START_CROPS = 96


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of images, or of .tar files of them")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--recipe", type=Path, help="JSON of what differs from the defaults, as gancodec train "
                        "reads it; {\"stage\": \"adversarial\"} is stage 2")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out, if there is one")
    parser.add_argument("--start", type=Path, help="begin a new run with the averaged weights of this checkpoint, or "
                        "with these gancodec weights")
    parser.add_argument("--minutes", type=float, default=0, help="stop so that all is written after this time")
    parser.add_argument("--by-time", action="store_true", help="the learning rate falls by the minutes, not by the steps")
    parser.add_argument("--span", type=float, nargs=2, default=(0, 1), metavar=("FROM", "TO"), help="with --by-time, the "
                        "part of the schedule that these minutes are: 0 0.4, then 0.4 1 with --resume")
    parser.add_argument("--batch", type=int, help="images per process and step, in place of the recipe's")
    parser.add_argument("--device", default="", choices=["", "cpu", "cuda"])
    parser.add_argument("--precision", default="", choices=["", "bf16", "tf32", "fp32"],
                        help="default: bf16 on a GPU, fp32 on a CPU")
    parser.add_argument("--compile", default="none", choices=["none", "default", "reduce-overhead", "max-autotune-no-cudagraphs"],
                        help="torch.compile; a failure falls back to none")
    parser.add_argument("--lpips", type=Path, default=ROOT / "weights/lpips_alex.safetensors")
    parser.add_argument("--dists", type=Path, default=ROOT / "weights/dists.safetensors", help="for recipes that weigh DISTS")
    parser.add_argument("--samples", type=Path, help="folder of the contact sheet's pictures; default: training images")
    parser.add_argument("--evaluate", type=Path, help="folder of pictures whose means are logged at the end")
    parser.add_argument("--save-minutes", type=float, default=2)
    parser.add_argument("--sheet-minutes", type=float, default=5)
    parser.add_argument("--long-side", type=int, default=0, help="shrink larger images to this long side")
    return parser.parse_args(arguments)


def choose_recipe(options: argparse.Namespace) -> AnyRecipe:
    """The recipe that was named; without one that of the run to resume, else the default."""
    saved = options.out / "recipe.json"
    path = options.recipe or (saved if options.resume and saved.exists() else None)
    recipe = read_recipe(path)
    if options.batch:
        recipe.batch = options.batch
    if options.by_time and not options.minutes:
        raise ValueError("--by-time: expected --minutes too, found none")
    crop = recipe.augmentation.crop_px
    if len(recipe.lambdas) != QUALITY_LEVELS:
        raise ValueError(f"recipe: expected {QUALITY_LEVELS} lambdas, found {len(recipe.lambdas)}")
    if crop % IMAGE_MULTIPLE or crop < 2 * IMAGE_MULTIPLE:
        raise ValueError(f"recipe: expected crops of a multiple of {IMAGE_MULTIPLE} from 128 px, found {crop}")
    return recipe


def start_networks(options: argparse.Namespace, recipe: AnyRecipe, pictures: list) -> tuple[Model, LogisticMixture]:
    """As --start says, or by principal components of the data."""
    model = Model(recipe.lowest_gain_log2, recipe.gain_octaves)
    prior = LogisticMixture(HYPER_CHANNELS)
    if options.start is None:
        how = Augmentation(IMAGE_MULTIPLE, recipe.augmentation.smallest_scale, recipe.augmentation.flip)
        store = Photographs([picture for _, picture in pictures], torch.device("cpu"))
        initialise(model, store.cut(store.plan(START_CROPS, how, np.random.default_rng(recipe.seed)), how), recipe.seed)
    elif read_file(options.start)[1].get("format") == FORMAT:
        flat = codec_parameters(model, prior)
        load_checkpoint(options.start, flat)
        flat.value.copy_(flat.average)
    else:
        load_weights(options.start, model, prior)
    return model, prior


def main() -> None:
    options = parse()
    on_gpu = options.device == "cuda" or (not options.device and torch.cuda.is_available())
    runtime = Runtime.start(options.device, options.precision or ("bf16" if on_gpu else "fp32"))
    options.out.mkdir(parents=True, exist_ok=True)
    saved = (options.out / CHECKPOINT).exists()
    if saved and not options.resume:
        raise ValueError(f"{options.out}: expected a new folder or --resume, found a checkpoint")
    recipe = choose_recipe(options)
    pictures = read_pictures(options.data, options.long_side)
    store = Photographs([picture for _, picture in pictures], runtime.device)
    runtime.say(f"{len(store)} pictures, {store.pixels.numel() / 3e6:.0f} Mpx in memory after {runtime.elapsed():.1f} s")
    if isinstance(recipe, AdversarialRecipe) and options.start is None and not saved:
        raise ValueError("stage 2: expected --start with a checkpoint or weights of stage 1, found none")
    model, prior = start_networks(options, recipe, pictures)
    lpips = Lpips(options.lpips).to(runtime.device) if recipe.lpips_weight > 0 else None
    dists = Dists(options.dists).to(runtime.device) if recipe.dists_weight > 0 else None
    model, prior = model.to(runtime.device), prior.to(runtime.device)
    stage: Adversary | RateDistortion
    if isinstance(recipe, AdversarialRecipe):
        stage = Adversary(recipe, model, prior, lpips, dists, runtime, options.compile)
    else:
        stage = RateDistortion(recipe, model, prior, lpips, dists, runtime, options.compile)
    state = stage.resume(options.out) if saved else TrainingState()
    for flat in stage.trained:
        for part in flat.STATE:
            runtime.from_leader(getattr(flat, part))
    if runtime.leads:
        (options.out / "recipe.json").write_text(recipe_text(recipe, 2) + "\n")

    samples = choose_samples(read_pictures(options.samples) if options.samples else pictures)
    trainer = Trainer(stage, BatchSource(store, recipe, runtime.rank), samples, runtime,
                      Options(options.out, options.minutes, options.by_time, tuple(options.span), options.save_minutes,
                              options.sheet_minutes),
                      state, {"recipe": recipe_text(recipe)})
    del pictures
    trainer.train()
    runtime.say(f"stopped at step {state.step} after {runtime.elapsed():.1f} s")
    if options.evaluate:
        trainer.evaluate(read_pictures(options.evaluate), [float(q) for q in range(0, 101, 10)])
    runtime.finish()


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        sys.exit(f"train.py: {error}")
