#!/usr/bin/env python3
"""tools/user_study: Bradley-Terry recovers known strengths; a scripted user in headless Chromium is saved truly."""
import importlib.util
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
if importlib.util.find_spec("numpy") is None:
    print("skipped: needs numpy (tools/user_study installs it)")
    sys.exit(0)
sys.path.insert(0, str(ROOT / "tools"))

import numpy as np  # noqa: E402

from user_study_kit.__main__ import study_page  # noqa: E402
from user_study_kit.bradley_terry import fit, sigmoid  # noqa: E402

failures = []


def expect(what, condition, found=""):
    if not condition:
        failures.append(f"{what}: found {found}")


def simulated(strengths, count, seed):
    """`count` choices per codec between it and gancodec, and between neighbours, as the model draws them."""
    generator, names = np.random.default_rng(seed), list(strengths)
    pairs = [("gancodec", name) for name in names[1:]] + list(zip(names[1:], names[2:]))
    for a, b in pairs:
        for draw in generator.random(count):
            yield (a, b) if draw < sigmoid(strengths[a] - strengths[b]) else (b, a)


TRUE = {"gancodec": 0.0, "hevc": -0.8, "avif": -1.3, "jpeg": -2.5}
estimates = fit(simulated(TRUE, 4000, 1), "gancodec")
for name, strength in TRUE.items():
    expect(f"strength of {name} near {strength}", abs(estimates[name].strength - strength) < 0.12, estimates[name].strength)
expect("the reference is at 0.5 without doubt", estimates["gancodec"].interval == (0.5, 0.5), estimates["gancodec"])
# The 95 percent interval holds the truth in about 95 percent of small studies.
held = total = 0
for seed in range(200):
    for name, e in fit(simulated(TRUE, 60, seed), "gancodec").items():
        if name != "gancodec":
            total += 1
            held += e.interval[0] <= sigmoid(TRUE[name]) <= e.interval[1]
expect("coverage of the intervals between 0.92 and 0.98", 0.92 <= held / total <= 0.98, held / total)
two = fit([("gancodec", "jpeg")] * 30 + [("jpeg", "gancodec")] * 10, "gancodec")["jpeg"]
expect("two codecs: the share of choices, half a choice added to each side", abs(two.preference - 10.5 / 41) < 1e-9, two)
always = fit([("gancodec", "jpeg")] * 20, "gancodec")["jpeg"]
expect("a codec that never wins keeps a finite strength", 0 < always.preference < 0.05 and always.interval[1] < 1, always)
try:
    fit([("gancodec", "jpeg"), ("avif", "hevc")], "gancodec")
    failures.append("unlinked codecs were accepted")
except ValueError as error:
    expect("unlinked codecs are named", "avif" in str(error) and "hevc" in str(error), error)

# The page, used by a script that always prefers ours, takes one answer back, and reloads half-way.
PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


def coding(codec, image, reached=True):
    return {"src": f"{PIXEL}#{codec}-{image}", "reached": reached}


viewer = {"ours": "gancodec", "images": [
    {"name": f"{i}.png", "original": f"{PIXEL}#original-{i}",
     "codings": {"0.15": {"gancodec": coding("gancodec", i), "avif": coding("avif", i), "jpeg": coding("jpeg", i, i != 0)}}}
    for i in range(4)]}
USER = """
<script>
function press(key) { dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true })); }
function answer() {
  const original = at("original").src.split("-").pop(), left = at("left").src.split("#")[1], right = at("right").src.split("#")[1];
  if (!left.endsWith("-" + original) || !right.endsWith("-" + original)) throw new Error("a pair of another image");
  press(left.startsWith("gancodec") ? "ArrowLeft" : "ArrowRight");
}
if (!sessionStorage.getItem("again")) {
  sessionStorage.setItem("again", "1");
  answer(); answer(); press("Backspace"); answer();
  location.reload();
} else {
  if (state.answers.length !== 2) throw new Error("the answers did not outlive the page");
  while (!at("trial").hidden) answer();
  press("ArrowLeft");
  const saved = document.createElement("pre");
  // Caught as it is made, not read from the blob later: the page may be dumped before that.
  window.Blob = class extends Blob {
    constructor(parts, options) { super(parts, options); saved.id = "saved"; saved.textContent = parts.join(""); document.body.append(saved); }
  };
  at("download").click();
}
</script>
"""
browser = shutil.which("chromium") or shutil.which("chromium-browser")
with tempfile.TemporaryDirectory() as folder:
    root = pathlib.Path(folder)
    page = study_page(viewer, "0.15")
    expect("the page needs nothing from elsewhere", "http" not in page.replace(PIXEL, ""))
    if browser is None:
        print("skipped in part: no Chromium, so nobody used the page (apt-get install chromium)")
    else:
        (root / "study.html").write_text(page.replace("</html>", USER + "</html>"), encoding="utf-8")
        found = ""
        for attempt in range(5):  # on a busy machine Chromium may dump the page while it reloads, or never
            command = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={root}/profile{attempt}",
                       "--virtual-time-budget=20000", "--dump-dom", (root / "study.html").as_uri()]
            try:
                dom = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
            except subprocess.TimeoutExpired:
                dom = "no page within a minute"
            found = dom.partition('<pre id="saved">')[2].partition("</pre>")[0]
            if found:
                break
        expect("the scripted user came to the end", found, dom[-300:])
        if found:
            sheet = json.loads(found)
            answers = sheet["answers"]
            expect("each pair was answered once: 8, less the one that could not reach the bytes",
                   sorted((a["image"], a["loser"]) for a in answers)
                   == sorted((f"{i}.png", c) for i in range(4) for c in ("avif", "jpeg") if (i, c) != (0, "jpeg")), answers)
            expect("what was chosen is what is saved", all(a["winner"] == "gancodec" for a in answers), answers)
            (root / "answers.json").write_text(json.dumps(sheet), encoding="utf-8")
            result = subprocess.run([sys.executable, "-m", "user_study_kit", "analyse", root / "answers.json", root / "answers.json", "--json"],
                                    cwd=ROOT / "tools", capture_output=True, text=True)
            expect("the analysis counts a participant once", result.returncode == 0 and json.loads(result.stdout)["gancodec"]["wins"] == 7,
                   result.stdout + result.stderr)

print("\n".join(failures) or "ok")
sys.exit(bool(failures))
