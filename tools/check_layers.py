#!/usr/bin/env python3
"""Checks the shape of the library: which folder includes which, and what stands in one place only.

    tools/check_layers.py    prints each violation with its remedy, and fails if there is one
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = ROOT / "include"

# A folder may include itself, the folders named here, and what those may include. Top to bottom is the umbrella's order.
BELOW = {
    "core": "",
    "simd": "core",
    "kernels": "core simd",
    "nn": "core kernels",
    "image": "core",
    "networks": "nn",
    "entropy": "core",
    "latents": "core simd entropy",
    "bitstream": "core",
    "weights": "core nn",
    "codec": "image networks latents entropy bitstream weights",
    "autograd": "nn kernels",
    "metrics": "image nn weights",
    "train": "codec autograd metrics",
}
LONG_LINES = 350

# (what, pattern, files that may have it, the remedy). Patterns are looked for outside comments and strings.
ONLY_IN = [
    ("OpenMP", r"#\s*pragma\s+omp|\bomp_|<omp\.h>|\b_OPENMP\b", r"core/parallel\.hpp", "use parallel_for() of core/parallel.hpp"),
    ("an exception", r"\b(throw|try|catch)\b", r"core/error\.hpp|(autograd|metrics|train)/.*", "use raise_error() and attempt() of core/error.hpp"),
    ("an xsimd include", r"#\s*include\s*<xsimd", r"simd/batch\.hpp", 'include "gancodec/simd/batch.hpp"'),
    ("xsimd", r"\bxsimd::", r"simd/.*", "give simd/batch.hpp a name for it"),
    ("an intrinsic", r"\b_mm\d*_|\b__m(128|256|512)|\b__builtin_ia32|(imm|arm_neon|x86)intrin\.h|arm_neon\.h|\bv(ld|st)\d?q?_[fsu]\d", r"simd/.*",
     "put the intrinsic behind a function in simd/"),
]
WITHOUT_FLOAT = r"entropy/.*|latents/(scale_context|contextual_prior)\.hpp|kernels/conv2d_int\.hpp|networks/integer_hyper_scale\.hpp|networks/zoo/integer_scale_synthesis\.hpp"


def closure():
    reach = {}
    for folder, names in BELOW.items():
        reach[folder] = {folder}
        for name in names.split():
            reach[folder] |= reach[name]
    return reach


def without_comments_and_strings(text):
    """The text with comments and literals blanked, line numbers kept."""
    token = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'', re.S)

    def blank(match):
        found = match.group(0)
        return found if found.startswith('"gancodec/') else re.sub(r"[^\n]", " ", found)
    return token.sub(blank, text)


def check_header(name, text, reach, report):
    folder = name.split("/")[1]
    if not text.startswith("#pragma once\n"):
        report(name, 1, "does not begin with '#pragma once'", "make it the first line")
    if folder not in BELOW:
        report(name, 1, f"folder {folder}/ has no place in the include table", "use a folder of DESIGN.md, or add it to BELOW in tools/check_layers.py")
        return
    inside = name.removeprefix("gancodec/")
    for number, line in enumerate(without_comments_and_strings(text).split("\n"), 1):
        include = re.match(r'\s*#\s*include\s*"gancodec/([^/"]+)/', line)
        if include and include.group(1) not in reach[folder]:
            report(name, number, f"{folder}/ may not include {include.group(1)}/",
                   f"{folder}/ may include: {', '.join(f for f in BELOW if f in reach[folder])}; move the code up, or what it needs down")
        for what, pattern, allowed, remedy in ONLY_IN:
            if re.search(pattern, line) and not re.fullmatch(allowed, inside):
                report(name, number, f"{what} outside {allowed.replace(chr(92), '').replace('/.*', '/')}", remedy)
        if re.fullmatch(WITHOUT_FLOAT, inside) and re.search(r"\b(float|double)\b", line):
            report(name, number, "floating point where tables are chosen or symbols coded", "use integers: every machine must read the file alike")


def check_umbrella(texts, report):
    reached, waiting = set(), ["gancodec.hpp"]
    while waiting:
        name = waiting.pop()
        if name in reached or name not in texts:
            continue
        reached.add(name)
        waiting += re.findall(r'^\s*#\s*include\s*"([^"]+)"', texts[name], re.M)
    for name in sorted(set(texts) - reached):
        report(name, 1, "is not reached from gancodec.hpp", f'add #include "{name}" there, below what it includes')
    folders = re.findall(r'^#include "gancodec/([^/]+)/', texts["gancodec.hpp"], re.M)
    order = [f for i, f in enumerate(folders) if f not in folders[:i]]
    if order != [f for f in BELOW if f in order] or any(a == c != b for a, b, c in zip(folders, folders[1:], folders[2:])):
        report("gancodec.hpp", 1, "its includes are not in the order of the include table", "order the folders: " + " ".join(BELOW))


def main():
    reach = closure()
    violations = []

    def report(name, number, what, remedy):
        violations.append(f"check_layers: include/{name}:{number}: {what}. Remedy: {remedy}.")

    texts = {str(p.relative_to(INCLUDE)): p.read_text(encoding="utf-8") for p in INCLUDE.rglob("*.hpp")}
    for name, text in sorted(texts.items()):
        if name != "gancodec.hpp":
            check_header(name, text, reach, report)
    check_umbrella(texts, report)

    sources = [p for folder in ("include", "tools", "tests", "examples") for p in (ROOT / folder).rglob("*")
               if p.suffix in (".hpp", ".cpp", ".py", ".sh")]
    for path in sorted(sources):
        lines = path.read_text(encoding="utf-8").count("\n")
        if lines > LONG_LINES:
            print(f"check_layers: note: {path.relative_to(ROOT)} has {lines} lines; beyond {LONG_LINES} a file is usually two things.")
    for violation in violations:
        print(violation, file=sys.stderr)
    if violations:
        return 1
    print(f"check_layers: {len(texts)} headers keep the include table")
    return 0


if __name__ == "__main__":
    sys.exit(main())
