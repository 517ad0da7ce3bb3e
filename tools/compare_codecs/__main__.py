"""tools/compare FOLDER: our codec and the classical ones at matched bytes; tables, CSV and one HTML page.

Progress is kept: a killed run goes on where it was when called again with the same --out.
"""
import argparse
import json
import os
import sys
from pathlib import Path

from .campaign import measure
from .codecs import classical_codecs, our_codec
from .page import write_page
from .sheet import write_sheet
from .store import Meter, identities
from .summary import csv_text, summary, text_table

IMAGES = {".png", ".ppm", ".jpg", ".jpeg"}


def rates(text: str) -> list[float]:
    values = sorted({float(part) for part in text.split(",")})
    if not values or values[0] <= 0:
        raise argparse.ArgumentTypeError(f"expected rates above 0, found '{text}'")
    return values


def arguments() -> argparse.Namespace:
    names = [codec.name for codec in classical_codecs()]

    def codecs(text: str) -> list[str]:
        chosen = text.split(",")
        if unknown := set(chosen) - set(names):
            raise argparse.ArgumentTypeError(f"expected some of {','.join(names)}, found '{','.join(sorted(unknown))}'")
        return chosen

    parser = argparse.ArgumentParser(prog="tools/compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="PNG, PPM or JPEG images, none below it; or one image")
    parser.add_argument("--out", type=Path, default=Path("build/compare"), help="results and cache (%(default)s)")
    parser.add_argument("--program", type=Path, required=True, help="our command line (tools/compare builds and names it)")
    parser.add_argument("--weights", type=Path, default=Path("weights/gancodec.safetensors"), help="our model (%(default)s)")
    parser.add_argument("--metric-weights", type=Path, metavar="FOLDER",
                        help="folder of lpips_alex.safetensors and dists.safetensors; without it DISTS stays empty")
    parser.add_argument("--bpp", type=rates, default=[0.08, 0.15, 0.30], help="our rates, met from below (0.08,0.15,0.30)")
    parser.add_argument("--codecs", type=codecs, default=names, help=f"those to compare with ({','.join(names)})")
    parser.add_argument("--images", type=int, metavar="N", help="only the first N images by name")
    parser.add_argument("--jobs", type=int, choices=(1, 2), default=2, help="images at once; 1 for times to be quoted (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON instead of a table")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    found = [options.folder] if options.folder.is_file() else sorted(options.folder.glob("*"))
    images = [p for p in found if p.suffix.lower() in IMAGES][:options.images]
    if not images:
        sys.exit(f"compare: {options.folder}: expected PNG, PPM or JPEG images, found none")
    if options.metric_weights:
        dists = (options.metric_weights / "dists.safetensors").exists()
    else:
        dists = False
    say = lambda text: print(f"compare: {text}", file=sys.stderr, flush=True)  # noqa: E731
    if not dists:
        say("no dists.safetensors: DISTS stays empty (tools/convert_weights.py makes it; --metric-weights names its folder)")
    others = [codec for codec in classical_codecs() if codec.name in options.codecs]
    ours = our_codec(options.program, options.weights)
    meter = Meter(options.program, options.metric_weights, dists)
    try:
        results = measure(images, options.out / "cache", identities(options.program, options.weights), meter, ours, others,
                          options.bpp, options.jobs, say)
    except (RuntimeError, OSError) as error:
        sys.exit(f"compare: {error}")

    data = summary(results, ours, others, options.bpp)
    notes = ["Our rates are met from below; of each other codec the file nearest to our bytes, at most 1.02 times as large, "
             "is taken. The last column counts the images where the codec reaches so few bytes.",
             f"Times are of whole processes, with all they start and read, {options.jobs} at a time on {os.cpu_count()} processors.",
             "BD-rate: Bjøntegaard's, piecewise-cubic interpolation of log rate over the metric as it is, between the qualities "
             "that both ladders (means over images) reach; – where they share none.",
             "PSNR and MS-SSIM on 8-bit RGB, LPIPS v0.1 AlexNet, DISTS, all by gancodec metrics.",
             "The viewer's pictures are embedded as WebP of quality 90.",
             *(f"{codec.label}: {' '.join(codec.encode(codec.ladder[0], Path('IN'), Path('OUT')))}" for codec in others)]
    (options.out / "compare.json").write_text(json.dumps(data, indent=1), encoding="utf-8")
    (options.out / "compare.csv").write_text(csv_text(results), encoding="utf-8")
    write_page(options.out / "index.html", data, results, [ours, *others], options.bpp, notes)
    write_sheet(options.out / "sheet.png", results[0], [ours, *others], options.bpp[0])
    print(json.dumps(data) if options.json else text_table(data))
    say(f"{options.out}/index.html, compare.csv, compare.json; sheet.png: the first image at the lowest rate")
    return 0


if __name__ == "__main__":
    sys.exit(main())
