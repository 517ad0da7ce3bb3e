#!/usr/bin/env python3
"""tools/amalgamate.py and tools/check_layers.py: a good tree passes, each kind of bad one is refused with its remedy."""
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]


def run_on(tool, files, *arguments):
    """Runs a copy of the tool on a tree that has only `files` in include/."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "tools").mkdir()
        shutil.copy(ROOT / "tools" / tool, root / "tools")
        for name, text in files.items():
            path = root / "include" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        result = subprocess.run([sys.executable, root / "tools" / tool, *arguments], capture_output=True, text=True)
        output = root / "single_include" / "gancodec.hpp"
        return result.returncode, result.stdout + result.stderr, output.read_text(encoding="utf-8") if output.exists() else ""


def header(body="", *includes):
    return "#pragma once\n" + "".join(f'#include "{name}"\n' for name in includes) + body


A, B, UMBRELLA = "gancodec/core/a.hpp", "gancodec/kernels/b.hpp", "gancodec.hpp"
GOOD = {UMBRELLA: header("", A, B), A: header("#include <vector>\nint a;\n"), B: header("#include <vector>\nint b;\n", A)}
failures = []


def expect(what, condition, output=""):
    if not condition:
        failures.append(f"{what}\n{output}")


def refuses(tool, what, files, word):
    code, output, _ = run_on(tool, {**GOOD, **files})
    expect(f"{tool} refuses {what}, naming '{word}'", code == 1 and word in output, output)


code, output, text = run_on("amalgamate.py", GOOD)
expect("amalgamate.py copies each header once, in order, and each <include> once",
       code == 0 and text.count("int a;") == 1 and text.index("int a;") < text.index("int b;")
       and text.count("<vector>") == 1 and text.count("#pragma once") == 1 and '"gancodec/' not in text, output)
code, output, _ = run_on("amalgamate.py", GOOD, "--check")
expect("amalgamate.py --check fails when there is no single header, and writes none", code == 1 and "not current" in output, output)
conditional = {A: header("#ifdef X\n#include <omp.h>\n#endif\n#include <omp.h>\nint a;\n")}
code, output, text = run_on("amalgamate.py", {**GOOD, **conditional})
expect("amalgamate.py keeps an <include> inside #if and the one after it", text.count("<omp.h>") == 2, output)
refuses("amalgamate.py", "a relative include", {A: header("", "b.hpp")}, "from the root")
refuses("amalgamate.py", "a circle", {A: header("", B)}, "circle")
refuses("amalgamate.py", "a missing file", {A: header("", "gancodec/core/none.hpp")}, "does not exist")
refuses("amalgamate.py", "no #pragma once", {A: "int a;\n"}, "#pragma once")
refuses("amalgamate.py", "a conditional include", {B: header(f'#ifdef X\n#include "{A}"\n#endif\n')}, "#if")
refuses("amalgamate.py", "its own header in brackets", {B: header("#include <gancodec/core/a.hpp>\n")}, "in quotes")

code, output, _ = run_on("check_layers.py", GOOD)
expect("check_layers.py accepts a good tree", code == 0, output)
refuses("check_layers.py", "an upward include", {A: header("", B)}, "may not include kernels/")
refuses("check_layers.py", "an unreached header", {"gancodec/core/c.hpp": header()}, "not reached")
refuses("check_layers.py", "folders out of order", {UMBRELLA: header("", B, A)}, "order")
refuses("check_layers.py", "an unknown folder", {"gancodec/misc/c.hpp": header(), UMBRELLA: header("", A, B, "gancodec/misc/c.hpp")}, "no place")
refuses("check_layers.py", "OpenMP elsewhere", {B: header("#pragma omp parallel\n")}, "OpenMP")
refuses("check_layers.py", "xsimd elsewhere", {B: header("#include <xsimd/xsimd.hpp>\n")}, "xsimd")
refuses("check_layers.py", "an intrinsic elsewhere", {B: header("int f() { return _mm_cvtsi128_si32(x); }\n")}, "intrinsic")
refuses("check_layers.py", "no #pragma once at the top", {A: "// a\n#pragma once\n"}, "#pragma once")
ENTROPY = "gancodec/entropy/e.hpp"
for body, code_expected in (("float f;\n", 1), ("// a float\n", 0), ("/* float */ int floating;\n", 0), ("int n = 1'000; double d; int m = 1'000;\n", 1)):
    code, output, _ = run_on("check_layers.py", {**GOOD, ENTROPY: header(body), UMBRELLA: header("", A, B, ENTROPY)})
    expect(f"check_layers.py answers {code_expected} to {body!r} in entropy/", code == code_expected, output)

for failure in failures:
    print("FAILED:", failure, file=sys.stderr)
sys.exit(bool(failures))
