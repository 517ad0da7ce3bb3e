"""What a model does to pictures: figures, and a contact sheet like the C++ trainer's. Rates are those of an ideal coder with
the codec's tables; `gancodec eval` measures whole files."""
from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw

from .data import Picture
from .lpips import Lpips
from .networks import IMAGE_MULTIPLE, QUALITY_LEVELS, Model
from .rates import LogisticMixture
from .stage1 import transmit

SHEET_QUALITIES = (10, 50, 90)
SMALLEST_FOR_LPIPS = 32


@dataclass
class Decoded:
    sample: str
    quality: float
    bpp: float
    psnr: float
    lpips: float | None
    picture: Picture

    def figures(self) -> dict[str, object]:
        found = {"sample": self.sample, "quality": self.quality, "bpp": self.bpp, "psnr": self.psnr}
        return found if self.lpips is None else {**found, "lpips": self.lpips}


@torch.inference_mode()
def code(model: Model, prior: LogisticMixture, lpips: Lpips | None, name: str, picture: Picture, quality: float) -> Decoded:
    """One picture through encoder and decoder, in 32 bits; quality 0 … 100."""
    device = model.gain.log2_gain.device
    height, width = picture.shape[:2]
    x = torch.from_numpy(picture.astype(np.float32)).to(device).permute(2, 0, 1).unsqueeze(0) / 255
    padding = (0, -width % IMAGE_MULTIPLE, 0, -height % IMAGE_MULTIPLE)
    position = torch.tensor([quality / 100 * (QUALITY_LEVELS - 1)], device=device)
    sent = transmit(model, prior, F.pad(x, padding, mode="replicate"), position)
    x_hat = (model.generator(sent.y_hat) + 0.5)[:, :, :height, :width]
    x_hat = (x_hat.clamp(0, 1) * 255).round() / 255
    mse = float((x_hat - x).square().mean())
    wide = min(height, width) >= SMALLEST_FOR_LPIPS
    return Decoded(name, quality, float(sent.bits_y + sent.bits_z) / (height * width), -10 * math.log10(mse + 1e-12),
                   float(lpips(x_hat, x)) if lpips is not None and wide else None,
                   (x_hat[0] * 255).round().byte().permute(1, 2, 0).cpu().numpy())


def choose_samples(pictures: list[tuple[str, Picture]], count: int = 3, side: int = 256) -> list[tuple[str, Picture]]:
    """The middles of a few pictures, spread over the list."""
    samples = []
    count = min(count, len(pictures))
    for i in range(count):
        name, picture = pictures[(2 * i + 1) * len(pictures) // (2 * count)]
        height, width = (min(side, extent) for extent in picture.shape[:2])
        top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
        samples.append((name, picture[top:top + height, left:left + width]))
    return samples


def draw_sheet(path: Path, rows: list[tuple[str, Picture, list[Decoded]]]) -> None:
    """A row per sample: the original, then what came back at each quality, with its figures below."""
    text_px, gap = 16, 4
    columns = 1 + max(len(decoded) for _, _, decoded in rows)
    cell_w = max(picture.shape[1] for _, picture, _ in rows) + gap
    cell_h = max(picture.shape[0] for _, picture, _ in rows) + text_px + gap
    sheet = Image.new("RGB", (columns * cell_w, len(rows) * cell_h), "white")
    draw = ImageDraw.Draw(sheet)
    for y, (name, picture, decoded) in enumerate(rows):
        cells = [(picture, name)]
        for d in decoded:
            distance = "" if d.lpips is None else f"  LPIPS {d.lpips:.3f}"
            cells.append((d.picture, f"{d.bpp:.3f} bpp  {d.psnr:.2f} dB{distance}"))
        for x, (pixels, text) in enumerate(cells):
            sheet.paste(Image.fromarray(pixels), (x * cell_w, y * cell_h))
            draw.text((x * cell_w, y * cell_h + pixels.shape[0]), text, fill="black")
    temporary = path.with_name(path.name + ".part")
    sheet.save(temporary, format="PNG")
    temporary.replace(path)


def means(decoded: list[Decoded]) -> dict[str, float]:
    """Over pictures, as eval reports them."""
    result = {name: float(np.mean([getattr(d, name) for d in decoded])) for name in ("bpp", "psnr")}
    distances = [d.lpips for d in decoded if d.lpips is not None]
    return {**result, "lpips": float(np.mean(distances))} if distances else result
