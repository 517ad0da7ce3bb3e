"""The twin against the C++ trainer: same weights, same batches. Run by hand, or by `tools/check full` where torch is:
    python3 tools/torch/tests/test_against_cpp.py
It needs the dev preset; the program record_training, which it builds, says what the C++ trainer computed."""
from __future__ import annotations

import subprocess
import sys
import tempfile
import unittest
from itertools import chain
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools/torch"))
from safetensors.torch import load_file  # noqa: E402

from twin.checkpoint import load_checkpoint, load_weights, save_checkpoint  # noqa: E402
from twin.data import draw_levels  # noqa: E402
from twin.lpips import Lpips  # noqa: E402
from twin.networks import HYPER_CHANNELS, Model  # noqa: E402
from twin.parameters import FlatParameters, learning_rate_factor  # noqa: E402
from twin.rates import LogisticMixture  # noqa: E402
from twin.recipe import LambdaRamp, LearningRate, Recipe  # noqa: E402
from twin.stage1 import LPIPS_PHASES, Batch, stage1_loss  # noqa: E402

REPORT = ("offset", "top", "left", "loss", "bpp", "bpp_y", "bpp_z", "psnr", "lpips", "gradient_norm")


def recorded_recipe(seed: int) -> Recipe:
    """That of tests/twin/record_training.cpp."""
    return Recipe(seed=seed, batch=3, learning_rate=LearningRate(warm_up_steps=8), lambda_ramp=LambdaRamp(hold_steps=2, ramp_steps=20))


class AgainstCpp(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        subprocess.run(["cmake", "--preset", "dev"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["cmake", "--build", "--preset", "dev", "--target", "record_training", "gancodec_cli"], cwd=ROOT,
                       check=True, stdout=subprocess.DEVNULL)
        cls.work = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.work.name)
        cls.lpips = Lpips(ROOT / "weights/lpips_alex.safetensors")
        for seed in range(4, 20):
            subprocess.run([ROOT / "build/dev/tests/record_training", cls.folder, str(seed)], check=True)
            cls.steps = load_file(cls.folder / "steps.safetensors")
            cls.recipe = recorded_recipe(seed)
            if cls("test_loss_is_equal").has_one_gradient():
                return
        raise AssertionError("expected a first step whose gradient the last bits do not decide, found none in 16 seeds")

    @classmethod
    def tearDownClass(cls) -> None:
        cls.work.cleanup()

    def setUp(self) -> None:
        self.model, self.prior = Model(), LogisticMixture(HYPER_CHANNELS)
        named = chain(self.model.named_parameters(), (("prior." + n, p) for n, p in self.prior.named_parameters()))
        self.flat = FlatParameters(named, learning_rate_factor)
        self.state = load_checkpoint(self.folder / "start.safetensors", self.flat)

    def has_one_gradient(self) -> bool:
        """Whether the twin's own gradients of the first step stay what they are when the parameters change in their last bits.
        Where a symbol lies on a tie, or a ReLU or a maximum of AlexNet on its kink, they do not, and no two programs agree."""
        def gradient(noise: float) -> dict[str, torch.Tensor]:
            self.setUp()
            with torch.no_grad():
                for parameter in self.model.parameters():
                    parameter.mul_(1 + noise * torch.randn_like(parameter))
            self.loss(0)[0].backward()
            return {name: self.flat.view("gradient", name).clone() for name in self.flat.places}

        torch.manual_seed(0)
        still = gradient(0)
        return all(float((moved[name] - still[name]).norm()) <= 1e-3 * float(still[name].norm())
                   for moved in (gradient(1e-6) for _ in range(6)) for name in still)

    def batch(self, k: int) -> Batch:
        x = self.steps[f"{k}.x"]
        ramp = self.recipe.lambda_ramp.at(self.state.step + k)
        levels = draw_levels(self.recipe, float(self.steps[f"{k}.report"][0]), len(x), ramp)
        position, rate, weight = (torch.from_numpy(a).float() for a in levels)
        mask = torch.ones(1, 1, *x.shape[2:])
        seen = torch.arange(x.shape[2] - (LPIPS_PHASES - 1))
        window = tuple(seen + int(self.report(k)[side]) for side in ("top", "left"))
        return Batch(x, mask, position, rate, weight, self.steps[f"{k}.noise_y"], self.steps[f"{k}.noise_z"], window)

    def report(self, k: int) -> dict[str, float]:
        return dict(zip(REPORT, self.steps[f"{k}.report"].tolist()))

    def loss(self, k: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        return stage1_loss(self.model, self.prior, self.lpips, None, self.batch(k), self.recipe)

    def test_loss_is_equal(self) -> None:
        _, measured = self.loss(0)
        for name, wanted in self.report(0).items():
            if name in measured:
                with self.subTest(name):
                    self.assertLess(abs(float(measured[name]) / wanted - 1), 1e-4)

    def test_gradients_are_equal(self) -> None:
        """The C++ gradient is what one step of Adam left in the first moment."""
        loss, _ = self.loss(0)
        loss.backward()
        after = load_file(self.folder / "after_1.safetensors")
        norm = self.report(0)["gradient_norm"]
        self.assertLess(abs(float(self.flat.gradient.norm()) / norm - 1), 1e-3)
        clip, beta = min(1.0, self.recipe.clip_norm / norm), self.recipe.adam.beta1
        for name in self.flat.places:
            before = self.flat.view("first_moment", name)
            wanted = (after[f"first_moment.{name}"] - beta * before) / ((1 - beta) * clip)
            found = self.flat.view("gradient", name)
            # A gradient far below the first moment cannot be read back from it to more than rounding.
            floor = 1e-6 * float(before.norm()) / ((1 - beta) * clip)
            with self.subTest(name):
                self.assertLess(float((found - wanted).norm()), 1e-3 * float(wanted.norm()) + floor)

    def test_ten_steps_stay_together(self) -> None:
        for k in range(10):
            self.flat.clear_gradient()
            loss, measured = self.loss(k)
            loss.backward()
            step = self.state.step + k
            self.flat.update(self.recipe.adam, self.recipe.learning_rate.at(step, step / self.recipe.steps), step,
                             self.recipe.clip_norm)
            self.prior.project()
            with self.subTest(step=k):
                self.assertLess(abs(float(measured["loss"]) / self.report(k)["loss"] - 1), 0.01)

    def test_a_checkpoint_comes_back_bit_for_bit(self) -> None:
        path = self.folder / "again.safetensors"
        save_checkpoint(path, self.flat, self.state, {})
        written, original = load_file(path), load_file(self.folder / "start.safetensors")
        self.assertEqual(sorted(written), sorted(original))
        for name, tensor in original.items():
            self.assertTrue(torch.equal(written[name], tensor), name)

    def test_exported_weights_come_back(self) -> None:
        path = self.folder / "gancodec.safetensors"
        subprocess.run([ROOT / "build/dev/gancodec", "export", self.folder / "start.safetensors", path], check=True,
                       stdout=subprocess.DEVNULL)
        model, prior = Model(), LogisticMixture(HYPER_CHANNELS)
        load_weights(path, model, prior)
        with self.flat.averaged(), torch.no_grad():
            for (name, original), (_, found) in zip(self.model.named_parameters(), model.named_parameters()):
                if not name.startswith("hyper_scale."):
                    self.assertTrue(torch.equal(found, original.half().float()), name)
            z = torch.randint(-4, 5, (2, HYPER_CHANNELS, 3, 3), generator=torch.Generator().manual_seed(1)).float()
            position = torch.tensor([0.0, 3.7])
            # The level offsets are exported in halves of an index, interpolated in between; the rest is the same integers.
            difference = model.hyper_scale(z, position) - self.model.hyper_scale(z, position)
            self.assertLess(float(difference.abs().max()), 0.26)
            bits, wanted = prior.bits(z.clamp(-1, 1)), self.prior.bits(z.clamp(-1, 1))
            self.assertLess(float((bits / wanted - 1).abs().max()), 0.01)


if __name__ == "__main__":
    unittest.main()
