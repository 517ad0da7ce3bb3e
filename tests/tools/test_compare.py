#!/usr/bin/env python3
"""tools/compare: BD-rate on known curves, the search on fake codecs, and a run that goes on where it was killed."""
import importlib.util
import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
if missing := [name for name in ("numpy", "PIL") if importlib.util.find_spec(name) is None]:
    print(f"skipped: needs {', '.join(missing)} (tools/compare installs them)")
    sys.exit(0)
sys.path.insert(0, str(ROOT / "tools"))

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

from compare_codecs.bd_rate import bd_rate, integral  # noqa: E402
from compare_codecs.campaign import measure_image  # noqa: E402
from compare_codecs.codecs import OURS, Codec, classical_codecs, our_codec  # noqa: E402
from compare_codecs.search import nearest  # noqa: E402
from compare_codecs.store import Store  # noqa: E402

failures = []


def expect(what, condition, found=""):
    if not condition:
        failures.append(f"{what}: found {found}")


# BD-rate: a codec that needs k times the bits at every quality has (k - 1) * 100 percent, whatever the curve.
curve = [(r, 20 + 8 * np.log2(1 + 9 * r)) for r in (0.05, 0.1, 0.2, 0.4, 0.8)]
for factor in (0.5, 1.0, 1.3, 3.0):
    found = bd_rate(curve, [(factor * r, q) for r, q in curve])
    expect(f"bd_rate of {factor} times the bits", abs(found - 100 * (factor - 1)) < 1e-9, found)
# Other sample points of one straight line in log rate: the interpolant is exact, so no difference.
line = lambda rates: [(r, 30 + 5 * np.log(r)) for r in rates]  # noqa: E731
expect("bd_rate on other points of a line", abs(bd_rate(line((0.1, 0.2, 0.4)), line((0.15, 0.3, 0.37)))) < 1e-9)
expect("bd_rate without common qualities", bd_rate([(1, 10), (2, 11)], [(1, 12), (2, 13)]) is None)
expect("bd_rate of one point", bd_rate([(1, 10)], [(1, 10), (2, 13)]) is None)
worse = [(0.1, 20.0), (0.2, 25.0), (0.3, 24.0), (0.4, 30.0)]
expect("a point that costs more and is worse is left out", abs(bd_rate(worse, [p for p in worse if p[1] != 24.0])) < 1e-9)
x = np.array([0.0, 1.0, 3.0, 4.0])
expect("integral of a line over a part", abs(integral(x, 2 * x + 1, 0.5, 3.5) - 15.0) < 1e-12)
steps = np.array([0.0, 0.0, 1.0, 1.0])
expect("the interpolant does not swing below 0 or above 1", integral(x, steps, 0, 1) == 0 and integral(x, steps, 3, 4) == 1)

# Search, against the plain answer over all settings.
random = np.random.default_rng(1)
for trial in range(300):
    sizes = np.cumsum(random.integers(1, 60, random.integers(1, 100))) + 100
    target = int(random.integers(80, sizes[-1] + 80))
    asked = []
    match = nearest(lambda s: asked.append(s) or int(sizes[s]), len(sizes), target)
    allowed = [int(s) for s in sizes if s <= int(target * 1.02)]
    if not allowed:
        expect("a floor above the target is said", match.setting == 0 and not match.reached, match)
        continue
    best = min(abs(s - target) for s in allowed)
    expect(f"trial {trial}: nearest to {target} within the limit", match.reached and abs(match.size_bytes - target) == best
           and sizes[match.setting] == match.size_bytes, (match, best))
    expect("asks for about log2 of the settings", len(asked) <= np.ceil(np.log2(len(sizes))) + 3, len(asked))
    expect("asks for no size twice", len(set(asked)) == len(asked), asked)
bumpy = [100, 200, 190, 300, 290, 400]
expect("sizes that do not ascend still obey the limit", nearest(lambda s: bumpy[s], 6, 295).size_bytes <= 300)

for codec in [*classical_codecs(), our_codec(pathlib.Path("gancodec"), None)]:
    names = [f"{s:g}" for s in codec.settings]
    expect(f"{codec.name}: each setting has a name of its own", len(set(names)) == len(names))
    rungs = codec.ladder_settings()
    expect(f"{codec.name}: the ladder ascends through 5 or more settings", len(rungs) >= 5 and rungs == sorted(set(rungs)), rungs)


# Resume: fake codecs whose "file" has 40 bytes per setting; the run is killed half-way and started again.
class Killed(Exception):
    pass


class FakeMeter:
    tag = "fake"

    def __init__(self, most):
        self.calls, self.most = 0, most

    def measure(self, reference, distorted):
        if self.calls == self.most:
            raise Killed
        self.calls += 1
        return {"psnr": 30.0, "ms_ssim": 0.9, "lpips": 0.1, "dists": None}


with tempfile.TemporaryDirectory() as folder:
    root = pathlib.Path(folder)
    Image.fromarray(random.integers(0, 256, (32, 48, 3), dtype=np.uint8)).save(root / "image.png")
    encodings = root / "encodings"

    def fake(name):
        script = "import sys; open(sys.argv[3], 'ab').write(b'.'); open(sys.argv[2], 'wb').write(bytes(40 * int(sys.argv[1])))"
        return Codec(name, name, ".bin", ".ppm", range(1, 30), (1, 3, 5, 7, 9),
                     lambda s, a, b: [sys.executable, "-c", script, str(s), str(b), str(encodings)],
                     lambda a, b: ["cp", str(root / "cache" / next((root / "cache").iterdir()).name / "reference.ppm"), str(b)])

    def campaign(meter, identity=""):
        store = Store(root / "cache", root / "image.png", {OURS: identity}, meter)
        return measure_image(store, fake(OURS), [fake("other")], [1.0, 2.0], lambda text: None)

    first = FakeMeter(6)
    try:
        campaign(first)
        failures.append("a killed run ended well")
    except Killed:
        pass
    before = len(encodings.read_bytes())
    second = FakeMeter(-1)
    result = campaign(second)
    # 1 and 2 bpp of 48x32 are 192 and 384 bytes: 4 and 9 units of 40 from below; the other at 1, 2 and 3 times as many.
    ours = [result.matches[OURS, rate, 1]["bytes"] for rate in (1.0, 2.0)]
    expect("our rates are met from below", ours == [160, 360], ours)
    others = [result.matches["other", rate, m]["bytes"] for rate in (1.0, 2.0) for m in (1, 2, 3)]
    expect("the others have our bytes, twice and three times", others == [160, 320, 480, 360, 720, 1080], others)
    total = first.calls + second.calls
    records = len(list((root / "cache").glob("*/*/*.json")))
    expect("no setting is coded twice over both runs", len(encodings.read_bytes()) == records and before > 0, (before, records))
    settings = len({1, 3, 5, 7, 9, 4}) + len({1, 3, 5, 7, 9, 4, 8, 12, 18, 27})
    expect("no setting is measured twice over both runs", total == settings, (total, settings))
    if importlib.util.find_spec("matplotlib"):  # it has the font
        from compare_codecs.sheet import write_sheet
        write_sheet(root / "sheet.png", result, [fake(OURS), fake("other")], 1.0)
        sheet, original = np.asarray(Image.open(root / "sheet.png")), np.asarray(result.store.pixels)[:, 8:40]
        expect("the sheet begins with the middle of the original", np.array_equal(sheet[:32, :32], original))
        panels = [np.array_equal(sheet[:32, x:x + 32], original) for x in range(0, sheet.shape[1] - 31)]
        expect("the sheet has the original and a panel for each codec", sum(panels) == 3, sum(panels))
    third = FakeMeter(-1)
    campaign(third)
    expect("a third run measures nothing", third.calls == 0 and len(encodings.read_bytes()) == records, third.calls)
    fourth = FakeMeter(-1)
    campaign(fourth, "-other-weights")
    expect("other weights of ours are measured, and only they", fourth.calls == 6, fourth.calls)

print("\n".join(failures) or "ok")
sys.exit(bool(failures))
