"""The training loop on a CPU, in the small: python3 tools/torch/tests/test_training.py"""
from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch
from PIL import Image

TOOLS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOOLS))
from pack_data import END, pack  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from slim import slim  # noqa: E402

from twin.data import Photographs, Plan, box_filter, read_pictures  # noqa: E402
from twin.recipe import Augmentation, read_recipe  # noqa: E402

RECIPE = {"steps": 4, "batch": 2, "augmentation": {"crop_px": 128}, "odd_size_probability": 0.5, "lpips_weight": 0,
          "learning_rate": {"warm_up_steps": 2, "decay_from": 1.0}, "checkpoint_steps": 2}


def picture(height: int, width: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    smooth = np.stack([2 * x + y, x + 3 * y, 4 * x], axis=2)
    return ((smooth + random.integers(0, 24, (height, width, 3))) & 255).astype(np.uint8)


class Folder(unittest.TestCase):
    def setUp(self) -> None:
        work = tempfile.TemporaryDirectory()
        self.addCleanup(work.cleanup)
        self.path = Path(work.name)
        (self.path / "photos").mkdir()
        for i in range(3):
            Image.fromarray(picture(150 + 20 * i, 180, i)).save(self.path / f"photos/{i}.png")

    def train(self, out: str, recipe: dict, *words: str, launcher: tuple[str, ...] = (), good: bool = True) -> str:
        name = self.path / f"{out}.json"
        name.write_text(json.dumps(recipe))
        command = [sys.executable, *launcher, TOOLS / "train.py", "--device", "cpu", "--data", self.path / "photos",
                   "--out", self.path / out, "--recipe", name, *words]
        done = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(done.returncode == 0, good, done.stderr + done.stdout)
        return done.stdout if good else done.stderr

    def checkpoint(self, out: str) -> dict[str, torch.Tensor]:
        return load_file(self.path / out / "checkpoint.safetensors")

    def log(self, out: str) -> list[dict]:
        return [json.loads(line) for line in (self.path / out / "log.jsonl").read_text().splitlines()]


class Training(Folder):
    def test_a_resumed_run_equals_one_that_was_not_interrupted(self) -> None:
        self.train("whole", RECIPE)
        self.train("parts", {**RECIPE, "steps": 2})
        self.train("parts", RECIPE, "--resume")
        whole, parts = self.checkpoint("whole"), self.checkpoint("parts")
        for name, tensor in whole.items():
            self.assertTrue(torch.equal(tensor, parts[name]), name)

    def test_an_explosion_returns_to_the_snapshot(self) -> None:
        self.train("wild", {**RECIPE, "steps": 6, "learning_rate": {"peak": 1e6, "warm_up_steps": 0}})
        self.assertTrue(any(line.get("restored") for line in self.log("wild")))
        for name, tensor in self.checkpoint("wild").items():
            self.assertTrue(bool(tensor.isfinite().all()), name)

    def test_the_minutes_are_kept_and_leave_a_checkpoint(self) -> None:
        falling = {"warm_up_steps": 2, "decay_from": 0.0}
        said = self.train("timed", {**RECIPE, "steps": 100000, "learning_rate": falling}, "--minutes", "1", "--by-time")
        self.assertLess(float(said.rsplit("after ", 1)[1].split()[0]), 60)
        steps = [line for line in self.log("timed") if "loss" in line]
        self.assertGreater(len(self.checkpoint("timed")), 0)
        self.assertLess(steps[-1]["learning_rate"], 2e-4)

    def test_a_run_is_not_overwritten(self) -> None:
        self.train("once", {**RECIPE, "steps": 1})
        self.assertIn("--resume", self.train("once", RECIPE, good=False))

    def test_stage_2_moves_the_generator_alone(self) -> None:
        self.train("first", {**RECIPE, "steps": 2})
        slim(self.path / "first/checkpoint.safetensors", self.path / "slim.safetensors", moments=False)
        self.assertTrue(all(name.startswith("average.") for name in load_file(self.path / "slim.safetensors")))
        for kind in ("patch", "unet"):
            how = {"stage": "adversarial", "discriminator": kind, "discriminator_only_steps": 1}
            start = ("--start", str(self.path / "slim.safetensors"))
            shared = {key: RECIPE[key] for key in ("seed", "batch", "augmentation") if key in RECIPE}
            self.train(kind, {**shared, **how, "steps": 3}, *start)
            before, after = self.checkpoint("first"), self.checkpoint(kind)
            for name in before:
                if name.startswith("average."):
                    same = torch.equal(before[name], after[name])
                    self.assertEqual(same, not name.startswith("average.generator."), name)

    def test_two_processes_share_one_run(self) -> None:
        launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
        self.train("two", RECIPE, launcher=launcher)
        self.assertTrue(any("loss" in line for line in self.log("two")))

    def test_wrong_recipes_are_refused_by_name(self) -> None:
        for wrong, name in (({"stepz": 3}, "stepz"), ({"batch": "many"}, "batch"), ({"lambdas": [1, 2]}, "lambdas"),
                            ({"optimizer": "sgd"}, "optimizer"), ({"learning_rate": {"shape": "step"}}, "shape")):
            self.assertIn(name, self.train("wrong", wrong, good=False))


class Data(Folder):
    def test_packed_pictures_come_back(self) -> None:
        limit = 120_000 + END
        paths = pack(self.path / "photos", self.path / "packed", limit, 0, 92)
        self.assertGreater(len(paths), 1)
        for path in paths:
            self.assertLessEqual(path.stat().st_size, limit)
        before, after = (dict(read_pictures(self.path / folder)) for folder in ("photos", "packed"))
        self.assertEqual(sorted(before), sorted(after))
        for name, pixels in before.items():
            np.testing.assert_array_equal(pixels, after[name])

    def test_crops_are_what_they_say(self) -> None:
        pictures = [picture(200, 300, 1), picture(90, 140, 2)]
        store, how = Photographs(pictures, torch.device("cpu")), Augmentation(crop_px=128)
        def plan(image: int, window: int, top: int, left: int, mirror: bool, transpose: bool) -> Plan:
            return Plan(*(np.array([v]) for v in (image, window, top, left, mirror, transpose)))
        def pixels(p: Plan) -> np.ndarray:
            return (store.cut(p, how)[0] * 255).round().byte().permute(1, 2, 0).numpy()
        np.testing.assert_array_equal(pixels(plan(0, 128, 7, 9, False, False)), pictures[0][7:135, 9:137])
        np.testing.assert_array_equal(pixels(plan(0, 128, 7, 9, True, False)), pictures[0][7:135, 9:137][:, ::-1])
        np.testing.assert_array_equal(pixels(plan(0, 128, 7, 9, False, True)), pictures[0][7:135, 9:137].transpose(1, 0, 2))
        small = np.pad(pictures[1][:90, 5:95], ((0, 38), (0, 38), (0, 0)), mode="edge")
        np.testing.assert_array_equal(pixels(plan(1, 90, 0, 5, False, False)), small)
        # 192 to 128: every output pixel is the mean of 3x3 halves of pixels.
        halves = pictures[0][:192, 3:195].astype(float).repeat(2, axis=0).repeat(2, axis=1)
        wanted = halves.reshape(128, 3, 128, 3, 3).mean(axis=(1, 3))
        self.assertLessEqual(float(np.abs(pixels(plan(0, 192, 0, 3, False, False)) - wanted).max()), 0.5001)
        self.assertEqual(float(box_filter(torch.tensor([192]), 128, 256).sum()), 128.0)

    def test_the_recipes_of_the_repository_are_read(self) -> None:
        for path in sorted((TOOLS.parent / "recipes").glob("*.json")):
            self.assertGreater(read_recipe(path).steps, 0)


if __name__ == "__main__":
    unittest.main()
