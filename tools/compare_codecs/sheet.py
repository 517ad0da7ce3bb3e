"""One picture for those who look first: the original and all codecs at equal bytes, side by side."""
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.font_manager import findfont
from PIL import Image, ImageDraw, ImageFont

from .campaign import ImageResult
from .codecs import Codec
from .page import centre_crop
from .summary import LABELS, show

SIDE_PX, COLUMNS, TEXT_PX, MARGIN_PX = 384, 3, 15, 8


def figures(record: dict[str, Any]) -> str:
    """Few enough for the width of a crop."""
    shown = (f"{LABELS[name].split(',')[0]} {show(record[name], name)}" for name in ("psnr", "lpips", "dists") if record.get(name) is not None)
    return f"{record['bytes']} bytes" + ("" if record["reached"] else " (no less)") + ": " + ", ".join(shown)


def write_sheet(path: Path, result: ImageResult, codecs: Sequence[Codec], rate: float) -> None:
    """Middle crops, in rows of three: the original first, then `codecs` in their order, with bytes and figures below."""
    name, pixels = result.store.image.name, result.store.width * result.store.height
    panels = [(result.store.pixels, f"{name}, {result.store.width} x {result.store.height}", "the original")]
    for codec in codecs:
        record = result.matches[codec.name, rate, 1]
        panels.append((result.store.picture(codec, result.settings[codec.name, rate]),
                       f"{codec.label}, {8 * record['bytes'] / pixels:.3f} bpp", figures(record)))
    font = ImageFont.truetype(findfont("DejaVu Sans"), TEXT_PX)
    small = ImageFont.truetype(findfont("DejaVu Sans"), TEXT_PX - 3)
    side = min(SIDE_PX, result.store.width, result.store.height)
    width, height = SIDE_PX + MARGIN_PX, side + 3 * TEXT_PX + MARGIN_PX
    columns = min(COLUMNS, len(panels))
    sheet = Image.new("RGB", (columns * width - MARGIN_PX, -(-len(panels) // columns) * height), "white")
    draw = ImageDraw.Draw(sheet)
    for i, (picture, title, line) in enumerate(panels):
        x, y = i % columns * width, i // columns * height
        sheet.paste(centre_crop(picture, side), (x, y))
        draw.text((x + 2, y + side + 2), title, "black", font)
        draw.text((x + 2, y + side + TEXT_PX + 6), line, "#444444", small)
    sheet.save(path)
