"""tools/user_study: a page that asks which of two codings of equal bytes is closer to the original, and what the answers say.

    tools/user_study make DIR [--bpp B] [--out study.html]    DIR is the --out folder of tools/compare
    tools/user_study analyse ANSWERS.json... [--json]
"""
import argparse
import hashlib
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from .bradley_terry import fit

REFERENCE = "gancodec"
TEMPLATE = Path(__file__).with_name("study.html")


def study_page(viewer: dict[str, Any], bpp: str | None) -> str:
    """The page, from the viewer's data of tools/compare: ours against each other codec, per image and rate."""
    pairs: list[dict[str, Any]] = []
    codings: list[dict[str, str]] = []
    originals = {image["name"]: image["original"] for image in viewer["images"]}
    for image in viewer["images"]:
        for rate, coded in image["codings"].items():
            if bpp is not None and float(rate) != float(bpp):
                continue
            ours = len(codings)
            codings.append({"codec": viewer["ours"], "src": coded[viewer["ours"]]["src"]})
            for codec in coded:
                # A codec that cannot reach so few bytes has no fair pair.
                if codec == viewer["ours"] or not coded[codec]["reached"]:
                    continue
                pairs.append({"original": image["name"], "bpp": float(rate), "a": ours, "b": len(codings)})
                codings.append({"codec": codec, "src": coded[codec]["src"]})
    if not pairs:
        sys.exit("user_study: expected at least one pair at equal bytes, found none")
    study = {"id": hashlib.sha256(json.dumps([pairs, codings]).encode()).hexdigest()[:12], "pairs": pairs, "codings": codings,
             "originals": originals}
    return TEMPLATE.read_text(encoding="utf-8").replace("@STUDY@", json.dumps(study).replace("</", "<\\/"))


def read_answers(paths: list[Path]) -> list[dict[str, Any]]:
    """The answers of all participants of one study; a participant who sent twice counts once, the longer file."""
    newest: dict[str, dict[str, Any]] = {}
    for path in paths:
        sheet = json.loads(path.read_text(encoding="utf-8"))
        known = newest.get(sheet["participant"])
        if known is None or len(sheet["answers"]) > len(known["answers"]):
            newest[sheet["participant"]] = sheet
    if len(studies := {sheet["study"] for sheet in newest.values()}) > 1:
        sys.exit(f"user_study: expected answers of one study, found {len(studies)}")
    return [answer for sheet in newest.values() for answer in sheet["answers"]]


def analyse(paths: list[Path], as_json: bool) -> None:
    answers = read_answers(paths)
    choices = [(answer["winner"], answer["loser"]) for answer in answers]
    if not choices:
        sys.exit("user_study: expected answers, found none")
    estimates, wins, losses = fit(choices, REFERENCE), Counter(w for w, _ in choices), Counter(l for _, l in choices)
    if as_json:
        print(json.dumps({name: {"strength": e.strength, "standard_error": e.standard_error, "preference": e.preference,
                                 "interval": e.interval, "wins": wins[name], "losses": losses[name]} for name, e in estimates.items()}))
        return
    print(f"{len(choices)} choices; preference: probability to be preferred to {REFERENCE} at equal bytes, 95 % interval (Bradley-Terry)")
    for name, e in sorted(estimates.items(), key=lambda item: -item[1].strength):
        print(f"{name:<10} {e.preference:6.3f}  [{e.interval[0]:.3f}, {e.interval[1]:.3f}]  won {wins[name]}, lost {losses[name]}")
    left = sum(answer["side"] == "left" for answer in answers)
    print(f"left was chosen {left} times of {len(answers)}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="tools/user_study", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("make")
    make.add_argument("folder", type=Path, metavar="DIR")
    make.add_argument("--bpp", help="only this rate")
    make.add_argument("--out", type=Path, default=Path("build/study.html"))
    judge = commands.add_parser("analyse")
    judge.add_argument("answers", type=Path, nargs="+", metavar="ANSWERS.json")
    judge.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.command == "make":
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(study_page(json.loads((options.folder / "viewer.json").read_text(encoding="utf-8")), options.bpp), encoding="utf-8")
        print(options.out)
    else:
        analyse(options.answers, options.json)


if __name__ == "__main__":
    main()
