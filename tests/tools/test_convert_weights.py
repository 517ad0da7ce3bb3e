#!/usr/bin/env python3
"""tools/convert_weights.py: checkpoints of every form are converted, hostile and damaged ones refused, nothing is executed."""
import contextlib
import importlib.util
import io
import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools/convert_weights.py"
try:
    import torch
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(0)

sys.path[:0] = [str(TOOL.parent)]
import hific_prior  # noqa: E402
import scale_synthesis  # noqa: E402

spec = importlib.util.spec_from_file_location("convert_weights", TOOL)
convert_weights = importlib.util.module_from_spec(spec)
spec.loader.exec_module(convert_weights)

failures = []


def expect(what, condition, output=""):
    if not condition:
        failures.append(f"{what}\n{output}")


def run(folder, model, *inputs):
    out = folder / "out.safetensors"
    out.unlink(missing_ok=True)
    text, code = io.StringIO(), 0
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        try:
            convert_weights.main([*map(str, inputs), "--model", model, "--out", str(out)])
        except SystemExit as end:  # a message stands for status 1
            code = end.code if isinstance(end.code, int) else 1
            text.write(str(end.code))
    return code, text.getvalue(), load_file(out) if out.exists() else {}


def example(model, **sizes):
    """Seeded tensors of the smallest instance of a model."""
    torch.manual_seed(1)
    names = {"N": "g_a.0.weight", "M": "g_a.6.weight", "C": "Encoder.conv_block_out.1.weight", "F": "Encoder.conv_block1.1.weight",
             "H": "Hyperprior.analysis_net.conv1.weight"}
    seeds = {names[key]: torch.zeros(size, 1) for key, size in sizes.items() if key in names}
    seeds |= {f"Generator.resblock_{i}.x": torch.zeros(1) for i in range(sizes.get("blocks", 0))}
    return {name: torch.rand(shape) for name, shape in convert_weights.MODELS[model].shapes(seeds)[0].items()}


class Bomb:
    """An object whose pickle, when executed, creates a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return pathlib.Path.touch, (self.path,)


def test_forms(folder):
    state = example("bmshj2018-hyperprior", N=8, M=12)
    state["entropy_bottleneck.quantiles"] = torch.rand(8, 1, 3)
    path = folder / "checkpoint.pth.tar"
    for what, content in {
        "a state dict": state,
        "a state dict beside an optimiser": {"epoch": 3, "state_dict": state, "optimizer": {"state": {0: {"exp_avg": torch.rand(3)}}}},
        "a network of DataParallel": {"network": {f"module.{name}": value for name, value in state.items()}},
    }.items():
        torch.save(content, path)
        code, output, tensors = run(folder, "bmshj2018-hyperprior", path)
        expect(f"converts {what}", code == 0 and len(tensors) == len(state) - 1 and torch.equal(tensors["h_s.0.weight"], state["h_s.0.weight"]), output)
    gamma = state["g_a.1.gamma"].double() ** 2 - 2.0**-36
    expect("folds the reparametrisation of GDN", torch.allclose(tensors["g_a.1.gamma"].double(), gamma, atol=1e-7, rtol=1e-6))
    state["g_a.1.beta"][:] = -1
    torch.save(state, path)
    _, output, tensors = run(folder, "bmshj2018-hyperprior", path)
    expect("keeps beta above its bound", torch.allclose(tensors["g_a.1.beta"], torch.tensor(1e-6)), output)

    small = example("hific", C=5, F=4, H=6, blocks=2)
    torch.save({"model_state_dict": small | {"Discriminator.conv1.bias": torch.rand(2)}, "epoch": 1}, path)
    code, output, tensors = run(folder, "hific", path)
    expect("converts HiFiC, norms as [c]", code == 0 and tensors["Generator.resblock_1.norm2.gamma"].shape == (64,), output)


def test_hific(folder):
    path = folder / "checkpoint.pt"
    state = example("hific", C=5, F=4, H=6, blocks=2)
    for settings, pixels in ((None, "0 to 1"), ({"normalize_input_image": False}, "0 to 1"), ({"normalize_input_image": True, "crop_size": 256}, "-1 to 1")):
        torch.save({"model_state_dict": state} | ({"args": settings} if settings else {}), path)
        code, output, tensors = run(folder, "hific", path)
        with safe_open(folder / "out.safetensors", "pt") as file:
            expect(f"tells the range of pixels of {settings}", code == 0 and file.metadata()["pixels"] == pixels, output)
    expect("keeps the density as tables alone", not any("likelihood" in key for key in tensors) and tensors["scale_synthesis.4.weight"].shape == (5, 6, 3, 3))
    cdf, lengths = tensors["entropy_bottleneck._quantized_cdf"], tensors["entropy_bottleneck._cdf_length"]
    rows = [row[:length].diff() for row, length in zip(cdf, lengths)]
    expect("tables sum to 65536, no slot empty", all(row.sum() == 65536 and row.min() > 0 for row in rows))
    centre = tensors["entropy_bottleneck.medians"].double()
    expect("medians halve the density", hific_prior.logits(state, centre[:, None, None]).abs().max() < 1e-5)
    p = hific_prior.probabilities(state, centre)
    expect("probabilities sum to 1", torch.allclose(p.sum(1), torch.ones(6).double(), atol=1e-6))
    for channel, row in enumerate(rows):
        first = int(tensors["entropy_bottleneck._offset"][channel]) + hific_prior.FARTHEST
        inside = p[channel, first : first + len(row) - 1]
        excess = float((inside * (inside.log2() - (row[:-1] / 65536).double().log2())).sum())
        expect(f"table {channel} codes as the density does", abs(excess) < 1e-3, excess)

    torch.save({"model_state_dict": state, "args": {"likelihood_type": "logistic"}}, path)
    code, output, tensors = run(folder, "hific", path)
    expect("refuses a logistic likelihood", code == 1 and not tensors and "found logistic" in output, output)
    del state["Hyperprior.hyperlatent_likelihood.a_2"]
    state["Hyperprior.hyperlatent_likelihood.H_0"] = torch.rand(7, 3, 1)
    torch.save(state, path)
    code, output, tensors = run(folder, "hific", path)
    for words in ("missing Hyperprior.hyperlatent_likelihood.a_2 [6,3,1]", "hyperlatent_likelihood.H_0: expected [6,3,1], found [7,3,1]"):
        expect(f"says '{words}'", code == 1 and words in output and not tensors, output)


def test_tables(folder):
    path = folder / "checkpoint.pth"

    def converted(**changes):
        state = example("bmshj2018-hyperprior", N=8, M=12)
        for part, count in (("entropy_bottleneck", 8), ("gaussian_conditional", 5)):
            state[f"{part}._quantized_cdf"] = torch.arange(count * 4, dtype=torch.int32).reshape(count, 4)
            state[f"{part}._cdf_length"] = torch.full((count,), 4, dtype=torch.int32)
            state[f"{part}._offset"] = torch.arange(-count, 0, dtype=torch.int32)
        state["entropy_bottleneck.quantiles"] = torch.rand(8, 1, 3)
        state["gaussian_conditional.scale_table"] = torch.linspace(0.11, 2, 5)
        state["gaussian_conditional.scale_bound"] = torch.tensor([0.11])
        state |= {key.replace("__", "."): value for key, value in changes.items()}
        torch.save(state, path)
        return state, *run(folder, "bmshj2018-hyperprior", path)

    state, code, output, tensors = converted()
    same = code == 0 and all(torch.equal(tensors[key], state[key]) and tensors[key].dtype == state[key].dtype
                             for key in state if key.startswith(("entropy_bottleneck._", "gaussian_conditional._", "gaussian_conditional.scale_table")))
    expect("keeps the tables of CompressAI", same and torch.equal(tensors["entropy_bottleneck.medians"], state["entropy_bottleneck.quantiles"][:, 0, 1]), output)
    _, code, output, tensors = converted(gaussian_conditional___quantized_cdf=torch.IntTensor())
    expect("converts a model that was not updated, without tables", code == 0 and not any("_cdf" in key for key in tensors), output)
    for what, changes in {
        "lengths of another count": {"entropy_bottleneck___cdf_length": torch.zeros(7, dtype=torch.int32)},
        "tables of floats": {"gaussian_conditional___quantized_cdf": torch.rand(5, 4)},
        "tables of one axis": {"gaussian_conditional___quantized_cdf": torch.zeros(5, dtype=torch.int32)},
        "quantiles of another shape": {"entropy_bottleneck__quantiles": torch.rand(8, 3)},
        "a bound inside the scale table": {"gaussian_conditional__scale_bound": torch.tensor([0.2])},
    }.items():
        _, code, output, tensors = converted(**changes)
        expect(f"refuses {what}", code == 1 and not tensors and "expected" in output, output)


def test_integer_scales(_):
    generator = torch.Generator().manual_seed(1)
    n, m = 4, 6

    def normal(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    x, weight = normal(1, n, 3, 5), normal(n, m, 5, 5)
    transposed = torch.nn.functional.conv_transpose2d(x, weight, stride=2, padding=2, output_padding=1)
    phases = torch.nn.functional.pixel_shuffle(torch.nn.functional.conv2d(x, scale_synthesis.phases(weight), padding=1), 2)
    expect("a transposed convolution is a convolution to phases", torch.allclose(transposed, phases))

    tensors = {"g_s.0.weight": normal(m, n, 5, 5)}
    for key, shape in (("h_s.0", (n, n, 5, 5)), ("h_s.2", (n, n, 5, 5)), ("h_s.4", (m, n, 3, 3))):
        channels = shape[0] if key == "h_s.4" else shape[1]
        tensors |= {f"{key}.weight": normal(*shape) / 8, f"{key}.bias": normal(channels).abs() * 2}
    medians, z = normal(n) / 2, torch.round(2 * normal(2, n, 4, 4))
    z_hat = z + medians[None, :, None, None]
    form = scale_synthesis.integer_form(scale_synthesis.compressai_layers(tensors), {}, medians, leaky=False, z_hat=z_hat)
    h = z_hat
    for key in ("h_s.0", "h_s.2"):
        h = torch.nn.functional.conv_transpose2d(h, tensors[f"{key}.weight"], tensors[f"{key}.bias"], stride=2, padding=2, output_padding=1).clamp(min=0)
    scales = torch.nn.functional.conv2d(h, tensors["h_s.4.weight"], tensors["h_s.4.bias"], padding=1)
    expected = torch.searchsorted(scale_synthesis.thresholds().double(), scales * scale_synthesis.PER_SCALE, right=True)
    difference = (scale_synthesis.indices(form, z) - expected).abs().double()
    weight = normal(n, m, 3, 3)
    names = {f"Hyperprior.synthesis_std.conv{i}": shape for i, shape in ((1, (n, n, 5, 5)), (2, (n, n, 5, 5)), (3, (n, m, 3, 3)))}
    last = scale_synthesis.hific_layers({f"{name}.weight": normal(*shape) for name, shape in names.items()} |
                                        {f"{name}.bias": normal(shape[1]) for name, shape in names.items()} | {"Hyperprior.synthesis_std.conv3.weight": weight})[2][0]
    expect("a transposed 3x3 of stride 1 is a convolution", torch.allclose(torch.nn.functional.conv_transpose2d(x, weight, padding=1),
                                                                          torch.nn.functional.conv2d(x, last, padding=1)))
    expect("the integer form chooses the scales of the float one, or nearly", difference.mean() < 0.5 and expected.unique().numel() > 10,
           f"{difference.mean()} of {expected.unique().numel()}")



def test_metrics(folder):
    for name in ("lpips_alex", "lpips_squeeze"):
        shipped = load_file(ROOT / f"weights/{name}.safetensors")
        backbone = {key: value for key, value in shipped.items() if key.startswith("features.")}
        linear = {key.replace(".weight", ".model.1.weight"): value[None, :, None, None] for key, value in shipped.items() if key.startswith("lin")}
        torch.save(backbone | {"classifier.1.weight": torch.rand(3, 3)}, folder / "backbone.pth")
        save_file(linear, folder / "linear.safetensors")
        code, output, tensors = run(folder, name, folder / "backbone.pth", folder / "linear.safetensors")
        same = tensors.keys() == shipped.keys() and all(torch.equal(tensors[key], shipped[key]) for key in shipped)
        expect(f"gives the shipped {name}", code == 0 and same, output)


def test_misfits(folder):
    state = example("bmshj2018-factorized", N=8, M=12)
    del state["g_s.6.bias"], state["g_a.3.gamma"]
    state["g_s.0.bias"] = torch.rand(9)
    state["g_x.0.weight"] = torch.rand(2, 2)
    torch.save(state, folder / "wrong.pth")
    code, output, tensors = run(folder, "bmshj2018-factorized", folder / "wrong.pth")
    for words in ("missing g_s.6.bias [3]", "missing g_a.3.gamma [8,8]", "g_s.0.bias: expected [8], found [9]", "unexpected g_x.0.weight [2,2]"):
        expect(f"says '{words}'", code == 1 and words in output and not tensors, output)
    code, output, _ = run(folder, "cheng2020-attn", folder / "wrong.pth")
    expect("refuses a model it does not know", code == 2 and "cheng2020-attn" in output and "mbt2018-mean" in output, output)
    code, output, _ = run(folder, "hific", folder / "none.pth")
    expect("refuses a file that is not there", code == 1 and "found none" in output, output)


def test_hostile(folder):
    state, marker = example("bmshj2018-factorized", N=8, M=12), folder / "executed"
    good, bad = folder / "good.pth", folder / "bad.pth"
    torch.save(state, good)

    def refused(what):
        code, output, tensors = run(folder, "bmshj2018-factorized", bad)
        expect(f"refuses {what}", code == 1 and not tensors and "convert_weights:" in output, output)
        expect(f"executes nothing of {what}", not marker.exists())

    for legacy in (False, True):
        for content in (state | {"bomb": Bomb(marker)}, Bomb(marker)):
            torch.save(content, bad, _use_new_zipfile_serialization=not legacy)
            refused("a pickle that calls a function")
    whole = good.read_bytes()
    for size in (0, 1, 100, len(whole) // 2, len(whole) - 30):
        bad.write_bytes(whole[:size])
        refused(f"a checkpoint cut to {size} bytes")
    bad.write_bytes(bytes(torch.randint(0, 256, (5000,), dtype=torch.uint8).tolist()))
    refused("random bytes")
    bad = folder / "bad.safetensors"
    save_file(state, bad)
    bad.write_bytes(bad.read_bytes()[:-7])
    refused("a safetensors file cut short")


for test in (test_forms, test_hific, test_tables, test_integer_scales, test_metrics, test_misfits, test_hostile):
    with tempfile.TemporaryDirectory() as name:
        test(pathlib.Path(name))
for failure in failures:
    print("FAILED:", failure, file=sys.stderr)
sys.exit(bool(failures))
