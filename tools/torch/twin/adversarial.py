"""Stage 2: the generator against a discriminator; encoder, hyper networks, gains and prior are frozen, so that the entropy
tables, and with them every stream, stay what stage 1 made them."""
from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from .checkpoint import TrainingState, load_checkpoint, read_file, save_checkpoint, write_file
from .dists import Dists
from .discriminators import make_discriminator
from .lpips import Lpips
from .networks import Model
from .parameters import FlatParameters
from .rates import LogisticMixture
from .recipe import AdversarialRecipe
from .runtime import Compiled, Runtime
from .stage1 import Batch, Latents, distortion, transmit
from .stages import CHECKPOINT, codec_parameters, count_flops, smaller

DISCRIMINATOR = "discriminator.safetensors"


def generator_only(name: str) -> float:
    return 1.0 if name.startswith("generator.") else 0.0


class Adversary:
    """loss(generator) = (1/N) Σ_n [ content.mse·MSE_n + content.lpips·LPIPS_n + dists_weight·DISTS_n + adversarial_weight·softplus(−D(x̂_n)) ],
    loss(discriminator) = softplus(−D(x)) + softplus(D(x̂)): the non-saturating pair of Goodfellow et al. 2014."""

    def __init__(self, recipe: AdversarialRecipe, model: Model, prior: LogisticMixture, lpips: Lpips | None,
                 dists: Dists | None, runtime: Runtime, compile_mode: str = "none") -> None:
        self.recipe, self.model, self.prior, self.runtime = recipe, model, prior, runtime
        self.lpips, self.dists = lpips, dists
        torch.manual_seed(recipe.seed)
        self.discriminator = make_discriminator(recipe.discriminator).to(runtime.device)
        self.trained = [codec_parameters(model, prior, generator_only),
                        FlatParameters(self.discriminator.named_parameters(), lambda _: 1.0)]
        model.requires_grad_(False)
        prior.requires_grad_(False)
        model.generator.requires_grad_(True)
        self.adversarial_weight = torch.zeros((), device=runtime.device)  # a tensor, so that compiled code reads it anew
        self.transmit = Compiled(self._transmit, compile_mode, runtime)
        self.generator_loss = Compiled(self._generator_loss, compile_mode, runtime)
        self.discriminator_loss = Compiled(self._discriminator_loss, compile_mode, runtime)

    @torch.no_grad()
    def _transmit(self, batch: Batch) -> Latents:
        return transmit(self.model, self.prior, batch.x, batch.position)

    def _seen(self, batch: Batch, x_hat: Tensor) -> Tensor:
        return torch.where(batch.mask > 0, x_hat, batch.x)

    def _generator_loss(self, batch: Batch, y_hat: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        content, weight = self.recipe.content, self.adversarial_weight
        x_hat = self.model.generator(y_hat).float() + 0.5
        mse, of_lpips, of_dists = distortion(batch, x_hat, self.lpips, self.dists)
        logits = self.discriminator(self._seen(batch, x_hat), y_hat, batch.position).float()
        adversarial = F.softplus(-logits).mean(dim=(1, 2, 3))
        terms = content.mse * mse + content.lpips * of_lpips + self.recipe.dists_weight * of_dists + weight * adversarial
        loss = terms.mean()
        measured = {"loss": loss, "psnr": (-10 * torch.log10(mse + 1e-12)).mean(), "lpips": of_lpips.mean(), "dists": of_dists.mean(),
                    "adversarial": adversarial.mean()}
        return loss, x_hat.detach(), {name: value.detach() for name, value in measured.items()}

    def _discriminator_loss(self, batch: Batch, y_hat: Tensor, x_hat: Tensor) -> Tensor:
        images = torch.cat([batch.x, self._seen(batch, x_hat)])
        logits = self.discriminator(images, y_hat.repeat(2, 1, 1, 1), batch.position.repeat(2)).float()
        real, fake = logits.chunk(2)
        return F.softplus(-real).mean() + F.softplus(fake).mean()

    def step(self, batch: Batch, step: int, learning_rate: float) -> dict[str, Tensor]:
        recipe, (codec, judge) = self.recipe, self.trained
        self.adversarial_weight.fill_(recipe.adversarial_weight if step >= recipe.discriminator_only_steps else 0.0)
        with self.runtime.mixed_precision():
            sent = self.transmit(batch)
        # The generator, against a judge that stands still.
        self.discriminator.requires_grad_(False).eval()
        codec.clear_gradient()
        with self.runtime.mixed_precision():
            loss, x_hat, measured = self.generator_loss(batch, sent.y_hat)
        loss.backward()
        self.runtime.mean_over_processes(codec.gradient)
        norm = codec.update(recipe.adam, learning_rate, step, recipe.clip_norm)
        # The judge, on what the generator just painted.
        self.discriminator.requires_grad_(True).train()
        judge.clear_gradient()
        with self.runtime.mixed_precision():
            judgement = self.discriminator_loss(batch, sent.y_hat, x_hat)
        judgement.backward()
        self.runtime.mean_over_processes(judge.gradient)
        rate = recipe.discriminator_rate.peak * learning_rate / recipe.generator_rate.peak
        judge.update(recipe.adam, rate, step, recipe.clip_norm)
        pixels = batch.mask.sum()
        bpp_y, bpp_z = (sent.bits_y / pixels).mean(), (sent.bits_z / pixels).mean()
        return {**{name: value.clone() for name, value in measured.items()}, "bpp": bpp_y + bpp_z, "bpp_y": bpp_y,
                "bpp_z": bpp_z, "discriminator": judgement.detach().clone(), "gradient_norm": norm}

    def prepare(self, batch: Batch) -> float:
        def one_image() -> None:
            one = smaller(batch, 1)
            y_hat = self._transmit(one).y_hat
            loss, x_hat, _ = self._generator_loss(one, y_hat)
            (loss + self._discriminator_loss(one, y_hat, x_hat)).backward()
        with self.runtime.mixed_precision():
            flops = count_flops(one_image)
            y_hat = self.transmit.prove(batch).y_hat
            self.discriminator.requires_grad_(False).eval()
            _, x_hat, _ = self.generator_loss.prove(batch, y_hat)
            self.discriminator.requires_grad_(True).train()
            self.discriminator_loss.prove(batch, y_hat, x_hat)
        return flops * batch.x.shape[0]

    def save(self, folder: Path, state: TrainingState, metadata: dict[str, str]) -> None:
        judge = self.trained[1]
        tensors = {f"{part}.{name}": judge.view(part, name).cpu() for part in judge.STATE for name in judge.places}
        tensors |= {f"buffer.{name}": buffer.cpu() for name, buffer in self.discriminator.named_buffers()}
        write_file(folder / DISCRIMINATOR, tensors, {"step": str(state.step), **metadata})
        save_checkpoint(folder / CHECKPOINT, self.trained[0], state, metadata)

    def resume(self, folder: Path) -> TrainingState:
        tensors, _ = read_file(folder / DISCRIMINATOR)
        judge = self.trained[1]
        with torch.no_grad():
            for part in judge.STATE:
                for name in judge.places:
                    judge.view(part, name).copy_(tensors[f"{part}.{name}"])
            for name, buffer in self.discriminator.named_buffers():
                buffer.copy_(tensors[f"buffer.{name}"])
        return load_checkpoint(folder / CHECKPOINT, self.trained[0])
