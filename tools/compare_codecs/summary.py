"""Means over images, BD-rates, and the tables as text and CSV."""
import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .bd_rate import bd_rate
from .campaign import MULTIPLES, ImageResult, Record
from .codecs import OURS, Codec
from .store import METRICS

FIGURES = ("bpp", *METRICS, "encode_s", "decode_s")
LABELS = {"bpp": "bpp", "psnr": "PSNR, dB", "ms_ssim": "MS-SSIM", "lpips": "LPIPS", "dists": "DISTS",
          "encode_s": "encode, s", "decode_s": "decode, s"}
DIGITS = {"bpp": 4, "psnr": 2, "ms_ssim": 4, "lpips": 4, "dists": 4, "encode_s": 2, "decode_s": 2}
LESS_IS_BETTER = ("lpips", "dists")


def means(records: Sequence[Record]) -> dict[str, float | None]:
    """Mean of each figure over images; None where an image has none."""
    def mean(name: str) -> float | None:
        values = [record.get(name) for record in records]
        return None if any(value is None for value in values) else float(np.mean(values))
    return {name: mean(name) for name in FIGURES}


def curve(results: Sequence[ImageResult], codec: str) -> list[dict[str, float | None]]:
    """The codec's ladder, each rung the mean over images."""
    return [means(list(rung)) for rung in zip(*(result.ladders[codec] for result in results))]


def bd_rates(results: Sequence[ImageResult], others: Sequence[Codec]) -> dict[str, dict[str, float | None]]:
    """codec -> metric -> extra rate in percent of the codec over ours at equal metric, from the ladders' mean points."""
    def points(codec: str, metric: str) -> list[tuple[float, float]] | None:
        rungs = curve(results, codec)
        if any(rung[metric] is None for rung in rungs):
            return None
        sign = -1 if metric in LESS_IS_BETTER else 1
        return [(rung["bpp"], sign * rung[metric]) for rung in rungs]

    table: dict[str, dict[str, float | None]] = {}
    for codec in others:
        table[codec.name] = {}
        for metric in METRICS:
            anchor, test = points(OURS, metric), points(codec.name, metric)
            table[codec.name][metric] = bd_rate(anchor, test) if anchor and test else None
    return table


def match_rows(results: Sequence[ImageResult], codecs: Sequence[Codec], rates: Sequence[float]) -> list[dict[str, Any]]:
    """One row per rate, multiple of our bytes and codec: means, and how many images reached the bytes."""
    rows = []
    for rate in rates:
        for multiple in MULTIPLES:
            for codec in codecs:
                records = [r.matches[codec.name, rate, multiple] for r in results if (codec.name, rate, multiple) in r.matches]
                if records:
                    rows.append({"target_bpp": rate, "multiple": multiple, "codec": codec.name, **means(records),
                                 "reached": sum(r["reached"] for r in records), "images": len(records)})
    return rows


def summary(results: Sequence[ImageResult], ours: Codec, others: Sequence[Codec], rates: Sequence[float]) -> dict[str, Any]:
    return {"images": len(results), "matches": match_rows(results, [ours, *others], rates),
            "ladders": {codec.name: curve(results, codec.name) for codec in (ours, *others)},
            "bd_rate_percent": bd_rates(results, others)}


def show(value: float | None, name: str) -> str:
    return "–" if value is None else f"{value:.{DIGITS[name]}f}"


def text_table(data: dict[str, Any]) -> str:
    lines = [f"{'rate':>10}  {'codec':<10}" + "".join(f"{LABELS[n]:>11}" for n in FIGURES) + "  at most 1.02 x the bytes"]
    for row in data["matches"]:
        rate = f"{row['target_bpp']:g}" + (f" x{row['multiple']}" if row["multiple"] > 1 else "")
        lines.append(f"{rate:>10}  {row['codec']:<10}" + "".join(f"{show(row[n], n):>11}" for n in FIGURES)
                     + f"  {row['reached']} of {row['images']}")
    lines += ["", "BD-rate over gancodec, percent (more: the codec needs more bits; piecewise cubic, ladder means)",
              f"{'codec':<10}" + "".join(f"{LABELS[m]:>11}" for m in METRICS)]
    for codec, row in data["bd_rate_percent"].items():
        lines.append(f"{codec:<10}" + "".join(f"{'–' if row[m] is None else format(row[m], '+.1f'):>11}" for m in METRICS))
    return "\n".join(lines)


def csv_text(results: Sequence[ImageResult]) -> str:
    """Every measurement: ladders and matches, a line each."""
    fields = ("image", "codec", "kind", "target_bpp", "multiple", "setting", "bytes", "target_bytes", "reached", *FIGURES)
    out = io.StringIO()
    writer = csv.DictWriter(out, fields, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for record in every_record(results):
        writer.writerow(record)
    return out.getvalue()


def every_record(results: Sequence[ImageResult]) -> Iterable[Record]:
    for result in results:
        for records in result.ladders.values():
            for record in records:
                yield {**record, "kind": "ladder"}
        for (_, rate, multiple), record in result.matches.items():
            yield {**record, "kind": "match", "target_bpp": rate, "multiple": multiple}
