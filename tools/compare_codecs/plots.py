"""Rate-distortion plots as inline SVG, readable on light and dark pages."""
import io
from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402  (the backend comes first)

from .codecs import OURS  # noqa: E402
from .store import METRICS  # noqa: E402
from .summary import LABELS, LESS_IS_BETTER  # noqa: E402

GREY = "#808890"  # readable on white and on black
COLOURS = {OURS: "#e4572e", "hevc": "#3a86c8", "avif": "#2a9d6f", "jxl": "#9b6bd3", "webp": "#c79a1b", "jpeg2000": "#d16ba5", "jpeg": "#808890"}
LARGEST_BPP = 0.8


def rate_distortion(ladders: dict[str, list[dict[str, Any]]], metric: str) -> str | None:
    """One plot of `metric` over bits per pixel; None where nobody has the metric."""
    curves = {codec: [(p["bpp"], p[metric]) for p in points if p["bpp"] <= LARGEST_BPP] for codec, points in ladders.items()
              if all(p[metric] is not None for p in points)}
    if not curves:
        return None
    with plt.rc_context({"svg.fonttype": "none", "text.color": GREY, "axes.labelcolor": GREY, "xtick.color": GREY,
                         "ytick.color": GREY, "axes.edgecolor": GREY, "font.family": "sans-serif", "svg.hashsalt": "gancodec"}):
        figure, axes = plt.subplots(figsize=(5.6, 4))
        for codec, points in curves.items():
            axes.plot(*zip(*points), marker="o", markersize=4, linewidth=2.6 if codec == OURS else 1.5,
                      color=COLOURS.get(codec), label=codec, zorder=3 if codec == OURS else 2)
        axes.set_xlabel("bits per pixel, whole file")
        axes.set_ylabel(LABELS[metric] + (" (less is better)" if metric in LESS_IS_BETTER else ""))
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
        out = io.StringIO()
        figure.savefig(out, format="svg", transparent=True, bbox_inches="tight", metadata={"Date": None})
        plt.close(figure)
    svg = out.getvalue()
    return svg[svg.index("<svg"):].replace('id="', f'id="{metric}-').replace("url(#", f"url(#{metric}-") \
        .replace('xlink:href="#', f'xlink:href="#{metric}-')


def plots(ladders: dict[str, list[dict[str, Any]]]) -> list[str]:
    return [plot for metric in METRICS if (plot := rate_distortion(ladders, metric))]
