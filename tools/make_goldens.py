#!/usr/bin/env python3
"""Writes tests/data/zoo/*.safetensors: small models of others with their weights, inputs, and PyTorch's outputs; and
tests/data/compressai/*.safetensors: small models of CompressAI with their tables, and streams that they wrote.

    python3 tools/make_goldens.py      (made with torch 2.15.0, compressai 1.2.8, safetensors 0.8.0, Python 3.11, x86-64)

CompressAI's models are its own classes; HiFiC is written here and in tools/benchmarks/peers/networks.py after the layout of its
PyTorch port. N, M and the other widths are small: only the wiring is tested. CompressAI's are trained for STEPS steps on seeded pictures,
so that GDN's parameters leave their start; HiFiC, which learns nothing when it is so narrow, has its norms moved and the outputs
of its networks scaled instead. All go through tools/convert_weights.py as a published checkpoint would. Sums run in double precision. Tensors of a file: the converted weights, "golden.*" (inputs and outputs), and for the factorized model
"layer.g_a.N" and "layer.g_s.N": what every layer gives. Of HiFiC also "codec.image", and for both ranges of pixels "codec.RANGE.*":
the symbols of that picture, the tables that the integer form chooses for them, every fourth pixel each way of the picture painted
again. Of the models with streams: "stream.I" (a file of tools/compressai_stream.py), "y.I" and "z.I" (its symbols), "pixels.I"
(what CompressAI's decompress() makes of it).
"""
import pathlib
import sys

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tools/benchmarks/peers")]
import compressai_stream  # noqa: E402
import convert_weights  # noqa: E402
import hific_prior  # noqa: E402
import scale_synthesis  # noqa: E402
from networks import ChannelNorm, HificGenerator  # noqa: E402

OUT = ROOT / "tests/data/zoo"
STREAMS_OUT = ROOT / "tests/data/compressai"
STEPS = 100
N, M = 4, 6


def pictures(count, height, width):
    """Smooth colours with an edge, in [0, 1]."""
    coarse = torch.rand(count, 3, 5, 5)
    x = F.interpolate(coarse, (height, width), mode="bicubic", align_corners=True)
    x[:, :, height // 2 :, : width // 3] += 0.3
    return x.clamp(0, 1)


def train(model, loss):
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss(model).backward()
        optimizer.step()
    return model.eval()


def write(name, state, goldens, integers={}):
    tensors, metadata = convert_weights.convert(name, state, "f32", name)
    tensors |= {key: value.detach().float().contiguous() for key, value in goldens.items()} | integers
    path = OUT / f"{name}.safetensors"
    save_file(tensors, path, metadata=metadata)
    print(path.relative_to(ROOT), path.stat().st_size, "bytes")


def compressai_model(make):
    torch.manual_seed(1)
    model = train(make(N, M), lambda m: F.mse_loss(m(x := pictures(4, 64, 64))["x_hat"], x))
    return model.state_dict(), model.double()


def layers(network, prefix, x):
    for i, layer in enumerate(network):
        x = layer(x)
        yield f"layer.{prefix}.{i}", x


def write_factorized(google):
    state, model = compressai_model(google.FactorizedPrior)
    x = pictures(1, 32, 48).double()
    y_hat = model.g_a(x).round()
    write("bmshj2018-factorized", state, {"golden.x": x, "golden.y_hat": y_hat, **dict(layers(model.g_a, "g_a", x)), **dict(layers(model.g_s, "g_s", y_hat))})


def write_hyperprior(google):
    state, model = compressai_model(google.ScaleHyperprior)
    x = pictures(1, 64, 64).double()
    y = model.g_a(x)
    z = model.h_a(y.abs())
    z_hat = 3 * torch.randn(1, N, 2, 3).double().round()
    write("bmshj2018-hyperprior", state, {"golden.x": x, "golden.y": y, "golden.z": z, "golden.z_hat": z_hat, "golden.scales": model.h_s(z_hat),
                                          "golden.x_hat": model.g_s(y)})


def write_mean_hyperprior(google):
    state, model = compressai_model(google.MeanScaleHyperprior)
    x = pictures(1, 64, 64).double()
    y = model.g_a(x)
    z_hat = 3 * torch.randn(1, N, 2, 3).double().round()
    write("mbt2018-mean", state, {"golden.x": x, "golden.y": y, "golden.z": model.h_a(y), "golden.z_hat": z_hat, "golden.parameters": model.h_s(z_hat),
                                  "golden.x_hat": model.g_s(y)})


def write_streams(name):
    """Three pictures: one whose corner lies inside what is compressed, and one far outside [0, 1], which needs escapes."""
    torch.manual_seed(2)
    model = train(compressai_stream.model_class(name)(N, M), lambda m: rate_and_distortion(m, pictures(4, 64, 64)))
    # Few scales: the tables of CompressAI's 64 take 800 kB.
    model.update([0.11 * 1.5**i for i in range(12)], force=True, update_quantiles=True)
    tensors, metadata = convert_weights.convert(name, model.state_dict(), "f32", name)
    for i, (x, left, top) in enumerate([(pictures(1, 40, 70), 0, 0), (pictures(1, 33, 20), 5, 17), (8 * pictures(1, 64, 64) - 4, 0, 0)]):
        height, width = x.shape[2:]
        with torch.no_grad():
            compressed = model.compress(compressai_stream.pad(F.pad(x, (left, 0, top, 0))))
            decoded = compressai_stream.decompress(model, compressed)
        stream = compressai_stream.stream_bytes(name, model, compressed, width, height, left, top)
        pixels = (decoded["x_hat"].clamp(0, 1) * 255).round()[0, :, top : top + height, left : left + width]
        tensors |= {f"stream.{i}": torch.tensor(list(stream), dtype=torch.uint8), f"pixels.{i}": pixels.permute(1, 2, 0).contiguous().to(torch.uint8)}
        tensors |= {f"{key}.{i}": torch.from_numpy(decoded[key]) for key in ("y", "z") if key in decoded}
    path = STREAMS_OUT / f"{name}.safetensors"
    save_file(tensors, path, metadata=metadata)
    print(path.relative_to(ROOT), path.stat().st_size, "bytes")


def rate_and_distortion(model, x):
    found = model(x)
    bits = sum(-likelihood.log2().sum() for likelihood in found["likelihoods"].values())
    return 1000 * F.mse_loss(found["x_hat"], x) + bits / (x.numel() / 3)


class HificEncoder(nn.Module):
    def __init__(self, c, f):
        super().__init__()
        self.conv_block1 = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(3, f, 7), ChannelNorm(f), nn.ReLU())
        for i in range(4):
            down = nn.Sequential(nn.ReflectionPad2d((0, 1, 1, 0)), nn.Conv2d(f << i, f << i + 1, 3, 2), ChannelNorm(f << i + 1), nn.ReLU())
            self.add_module(f"conv_block{i + 2}", down)
        self.conv_block_out = nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(16 * f, c, 3))

    def forward(self, x):
        for block in self.children():
            x = block(x)
        return x


class HificHyper(nn.Module):
    def __init__(self, *convolutions):
        super().__init__()
        self.conv1, self.conv2, self.conv3 = convolutions

    def forward(self, x):
        return self.conv3(F.relu(self.conv2(F.relu(self.conv1(x)))))


class Hific(nn.Module):
    def __init__(self, c, f, blocks, n):
        super().__init__()

        def halving():
            return nn.Conv2d(n, n, 5, 2, 2, padding_mode="reflect")

        def doubling():
            return nn.ConvTranspose2d(n, n, 5, 2, 2, output_padding=1)

        def synthesis():
            return HificHyper(doubling(), doubling(), nn.ConvTranspose2d(n, c, 3, 1, 1))

        self.Encoder, self.Generator = HificEncoder(c, f), HificGenerator(c, f, blocks)
        self.Hyperprior = nn.Module()
        self.Hyperprior.analysis_net = HificHyper(nn.Conv2d(c, n, 3, 1, 1), halving(), halving())
        self.Hyperprior.synthesis_mu, self.Hyperprior.synthesis_std = synthesis(), synthesis()


def hific_density(n):
    """The port's HyperpriorDensity, every channel another one."""
    density = nn.Module()
    start = {"H": lambda s: torch.expm1(torch.tensor(10 ** -0.25 / s[1])).log() + torch.randn(s) / 5, "a": lambda s: torch.randn(s) / 2, "b": lambda s: torch.rand(s) - 0.5}
    for name, shape in hific_prior.shapes(n).items():
        key = name.removeprefix(hific_prior.PREFIX)
        density.register_parameter(key, nn.Parameter(start[key[0]](shape)))
    return density


def hific_symbols(model, tables, image, signed):
    """What coding `image` [h,w,3], bytes, gives where pixels lie in [−1, 1] or in [0, 1]."""
    x = image.permute(2, 0, 1)[None].double() / 255
    y = model.Encoder(2 * x - 1 if signed else x)
    hyper, medians = model.Hyperprior, tables["entropy_bottleneck.medians"].double()[None, :, None, None]
    z = torch.floor(hyper.analysis_net(y) + 0.5 - medians)
    means = hyper.synthesis_mu(z + medians)
    residuals = torch.floor(y - means + 0.5)
    x_hat = model.Generator(residuals + means)
    x_hat = (torch.tanh(x_hat) + 1) / 2 if signed else x_hat
    found = {"z": z.int(), "residuals": residuals.int(), "index": scale_synthesis.indices(tables, z).to(torch.uint8),
             "pixels": (x_hat.clamp(0, 1) * 255).round()[0, :, ::4, ::4].permute(1, 2, 0).to(torch.uint8)}
    return {key: value.detach().contiguous() for key, value in found.items()}


def write_hific():
    torch.manual_seed(1)
    c, n = 5, 6
    model = Hific(c, 2, 1, n)
    hyper, x = model.Hyperprior, pictures(1, 128, 128)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith((".gamma", ".beta")):
                parameter += torch.randn_like(parameter) / 4
        model.Encoder.conv_block_out[1].weight *= 3 / model.Encoder(x).std((2, 3)).mean()
        painted = model.Generator(model.Encoder(x))
        model.Generator.conv_block_out[1].weight *= 0.25 / painted.std((2, 3)).mean()
        model.Generator.conv_block_out[1].bias += 0.5 - model.Generator(model.Encoder(x)).mean((0, 2, 3))
        hyper.analysis_net.conv3.weight *= 3 / hyper.analysis_net(model.Encoder(x)).std()
        hyper.synthesis_std.conv3.weight *= 2 / hyper.synthesis_std(3 * torch.randn(1, n, 4, 4)).std()
        hyper.synthesis_std.conv3.bias += 1.5
        hyper.hyperlatent_likelihood = hific_density(n)
    image = (x[0].permute(1, 2, 0) * 255).round().to(torch.uint8).contiguous()
    state = model.state_dict()
    for key, value in state.items():  # the port keeps the norms of its channels as [1, c, 1, 1]
        if key.endswith((".gamma", ".beta")):
            state[key] = value[None, :, None, None]
    model = model.double()
    x = pictures(1, 64, 48).double()
    y = model.Encoder(x)
    latents, z_hat = torch.randn(1, c, 8, 12).double(), 3 * torch.randn(1, n, 2, 3).double().round()
    tables = hific_prior.integer_tensors(state)
    integers = {"codec.image": image}
    for name, signed in (("zero_to_one", False), ("minus_one_to_one", True)):
        integers |= {f"codec.{name}.{key}": value for key, value in hific_symbols(model, tables, image, signed).items()}
    write("hific", state, {"golden.x": x, "golden.y": y, "golden.x_hat": model.Generator(y), "golden.latents": latents, "golden.z": hyper.analysis_net(latents),
                           "golden.z_hat": z_hat, "golden.means": hyper.synthesis_mu(z_hat), "golden.scales": hyper.synthesis_std(z_hat)},
          integers)


def main():
    from compressai.models import google

    torch.set_num_threads(1)  # small tensors
    OUT.mkdir(parents=True, exist_ok=True)
    write_factorized(google)
    write_hyperprior(google)
    write_mean_hyperprior(google)
    write_hific()
    STREAMS_OUT.mkdir(parents=True, exist_ok=True)
    for name in compressai_stream.MODELS:
        write_streams(name)


if __name__ == "__main__":
    main()
