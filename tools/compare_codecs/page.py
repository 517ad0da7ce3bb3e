"""The comparison as one HTML page without external resources."""
import base64
import html
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from .campaign import ImageResult
from .codecs import OURS, Codec
from .plots import plots
from .store import METRICS
from .summary import FIGURES, LABELS, LESS_IS_BETTER, show

CROPS_PX = (384, 320, 256, 192, 128)  # tried in this order until the viewer's pictures fit
MOST_IMAGE_BYTES = 14_000_000         # 19 MB as base64
TEMPLATE = Path(__file__).with_name("page.html")


def data_url(picture: Image.Image, quality: int = 90) -> str:
    """WebP at a quality where its own losses are far below those shown."""
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=quality, method=4)
    return "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode()


def centre_crop(picture: Image.Image, side: int) -> Image.Image:
    """The middle `side` x `side` pixels, or what there is: the same rule for all images, nobody chose."""
    w, h = min(side, picture.width), min(side, picture.height)
    x, y = (picture.width - w) // 2, (picture.height - h) // 2
    return picture.crop((x, y, x + w, y + h))


def viewer(results: Sequence[ImageResult], codecs: Sequence[Codec], rates: Sequence[float]) -> list[dict[str, Any]]:
    """Per image: the original's crop, and each codec's at each rate with its bytes and figures."""
    pictures = []
    for result in results:
        shown = {(codec.name, rate): centre_crop(result.store.picture(codec, result.settings[codec.name, rate]), CROPS_PX[0])
                 for codec in codecs for rate in rates}
        pictures.append((result, centre_crop(result.store.pixels, CROPS_PX[0]), shown))
    for side in CROPS_PX:
        entries = [{"name": result.store.image.name, "original": data_url(centre_crop(original, side)),
                    "codings": {f"{rate:g}": {codec: {"src": data_url(centre_crop(shown[codec, r], side)),
                                                     "caption": caption(result.matches[codec, r, 1]),
                                                     "reached": result.matches[codec, r, 1]["reached"]}
                                              for codec, r in shown if r == rate} for rate in rates}}
                   for result, original, shown in pictures]
        if len(json.dumps(entries)) * 3 // 4 <= MOST_IMAGE_BYTES:
            break
    return entries


def caption(record: dict[str, Any]) -> str:
    figures = ", ".join(f"{LABELS[m].split(',')[0]} {show(record[m], m)}" for m in METRICS if record.get(m) is not None)
    return f"{record['bytes']} bytes" + ("" if record["reached"] else " (reaches no less)") + f": {figures}"


def match_table(rows: Sequence[dict[str, Any]], labels: dict[str, str]) -> str:
    head = "".join(f"<th>{html.escape(LABELS[n])}</th>" for n in FIGURES)
    body, last = [], None
    for row in rows:
        group = (row["target_bpp"], row["multiple"])
        if group != last:
            last = group
            title = f"{row['target_bpp']:g} bpp" + ("" if row["multiple"] == 1 else f": the others at {row['multiple']} times our bytes")
            body.append(f'<tr class="group"><th colspan="{len(FIGURES) + 2}">{title}</th></tr>')
            ours = next(r for r in rows if r["target_bpp"] == row["target_bpp"] and r["codec"] == OURS)
            if row["multiple"] > 1:
                body.append(cells(ours, ours, labels))
        body.append(cells(row, ours, labels))
    return f'<table><tr><th>codec</th>{head}<th>images at these bytes</th></tr>{"".join(body)}</table>'


def cells(row: dict[str, Any], ours: dict[str, Any], labels: dict[str, str]) -> str:
    def cell(name: str) -> str:
        value, own = row[name], ours[name]
        better = name in METRICS and row is not ours and value is not None and own is not None \
            and (value < own if name in LESS_IS_BETTER else value > own)
        return f'<td{" class=better" if better else ""}>{show(value, name)}</td>'
    mark = " class=ours" if row["codec"] == OURS else ""
    return (f'<tr{mark}><td>{html.escape(labels[row["codec"]])}</td>' + "".join(cell(n) for n in FIGURES)
            + f'<td>{row["reached"]} of {row["images"]}</td></tr>')


def bd_table(rates: dict[str, dict[str, float | None]], labels: dict[str, str]) -> str:
    head = "".join(f"<th>{html.escape(LABELS[m].split(',')[0])}</th>" for m in METRICS)
    rows = "".join(f"<tr><td>{html.escape(labels[codec])}</td>"
                   + "".join(f"<td>{'–' if row[m] is None else format(row[m], '+.1f') + ' %'}</td>" for m in METRICS) + "</tr>"
                   for codec, row in rates.items())
    return f"<table><tr><th>codec</th>{head}</tr>{rows}</table>"


def write_page(path: Path, data: dict[str, Any], results: Sequence[ImageResult], codecs: Sequence[Codec], rates: Sequence[float],
               notes: Sequence[str]) -> None:
    labels = {codec.name: codec.label for codec in codecs}
    shown = {"labels": labels, "ours": OURS, "images": viewer(results, codecs, rates)}
    path.with_name("viewer.json").write_text(json.dumps(shown), encoding="utf-8")  # tools/user_study reads it
    parts = {"@PLOTS@": "".join(f"<figure>{plot}</figure>" for plot in plots(data["ladders"])),
             "@MATCHES@": match_table(data["matches"], labels), "@BD@": bd_table(data["bd_rate_percent"], labels),
             "@IMAGES@": str(data["images"]), "@NOTES@": "".join(f"<li>{html.escape(note)}</li>" for note in notes),
             "@VIEWER@": json.dumps(shown).replace("</", "<\\/")}
    text = TEMPLATE.read_text(encoding="utf-8")
    for mark, part in parts.items():
        text = text.replace(mark, part)
    path.write_text(text, encoding="utf-8")
