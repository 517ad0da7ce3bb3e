"""The networks of tools/bench_peers in PyTorch. Parameters have the names that gancodec gives them.

    networks.py FOLDER NETWORK...   writes NETWORK.safetensors (tensors under "net.", and "input"), .onnx and .ncnn.param
"""
import pathlib
import subprocess
import sys
import warnings

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

ROOT = pathlib.Path(__file__).resolve().parents[3]
HEIGHT, WIDTH = 512, 768


class Gdn(nn.Module):
    """x / sqrt(beta + gamma x²), or the product: as CompressAI computes it, its reparametrisation folded."""

    def __init__(self, c, inverse=False):
        super().__init__()
        self.inverse = inverse
        self.beta = nn.Parameter(torch.ones(c))
        self.gamma = nn.Parameter(0.1 * torch.eye(c) + 0.001 * torch.rand(c, c))

    def forward(self, x):
        norm = F.conv2d(x * x, self.gamma[:, :, None, None], self.beta)
        return x * (torch.sqrt(norm) if self.inverse else torch.rsqrt(norm))


class ResidualBlock(nn.Module):
    def __init__(self, c, slope):
        super().__init__()
        self.slope = slope
        self.conv1 = nn.Conv2d(c, c, 3, padding=1)
        self.conv2 = nn.Conv2d(c, c, 3, padding=1)

    def forward(self, x):
        h = self.conv1(x)
        return x + self.conv2(F.leaky_relu(h, self.slope) if self.slope else F.relu(h))


class ChannelNorm(nn.Module):
    """Normalises over channels with the variance of a sample, as HiFiC's PyTorch port does."""

    def __init__(self, c):
        super().__init__()
        self.scale = c / (c - 1)
        self.gamma = nn.Parameter(torch.ones(c))
        self.beta = nn.Parameter(torch.zeros(c))

    def forward(self, x):
        d = x - x.mean(1, keepdim=True)
        variance = (d * d).mean(1, keepdim=True) * self.scale
        return self.gamma[None, :, None, None] * (d * torch.rsqrt(variance + 1e-3)) + self.beta[None, :, None, None]


class HificResidualBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.pad = nn.ReflectionPad2d(1)
        self.conv1, self.conv2 = nn.Conv2d(c, c, 3), nn.Conv2d(c, c, 3)
        self.norm1, self.norm2 = ChannelNorm(c), ChannelNorm(c)

    def forward(self, x):
        h = F.relu(self.norm1(self.conv1(self.pad(x))))
        return x + self.norm2(self.conv2(self.pad(h)))


class HificGenerator(nn.Module):
    def __init__(self, c=220, f=60, blocks=9):
        super().__init__()
        self.blocks = blocks
        self.conv_block_init = nn.Sequential(ChannelNorm(c), nn.ReflectionPad2d(1), nn.Conv2d(c, 16 * f, 3), ChannelNorm(16 * f))
        for i in range(blocks):
            self.add_module(f"resblock_{i}", HificResidualBlock(16 * f))
        for i, width in enumerate((16 * f, 8 * f, 4 * f, 2 * f), 1):
            up = nn.ConvTranspose2d(width, width // 2, 3, stride=2, padding=1, output_padding=1)
            self.add_module(f"upconv_block{i}", nn.Sequential(up, ChannelNorm(width // 2), nn.ReLU()))
        self.conv_block_out = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(f, 3, 7))

    def forward(self, y):
        head = x = self.conv_block_init(y)
        for i in range(self.blocks):
            x = getattr(self, f"resblock_{i}")(x)
        x = x + head
        for i in range(1, 5):
            x = getattr(self, f"upconv_block{i}")(x)
        return self.conv_block_out(x)


def conv(ci, co, kernel=3, stride=1):
    return nn.Conv2d(ci, co, kernel, stride, kernel // 2)


def up5(ci, co):
    return nn.ConvTranspose2d(ci, co, 5, 2, 2, output_padding=1)


def g_a(n=128, m=192):
    return nn.Sequential(conv(3, n, 5, 2), Gdn(n), conv(n, n, 5, 2), Gdn(n), conv(n, n, 5, 2), Gdn(n), conv(n, m, 5, 2))


def g_s(n=128, m=192):
    return nn.Sequential(up5(m, n), Gdn(n, True), up5(n, n), Gdn(n, True), up5(n, n), Gdn(n, True), up5(n, 3))


def g_lite():
    layers = [conv(192, 128)] + [ResidualBlock(128, 0) for _ in range(6)]
    widths = (128, 96, 64, 32, 16)
    for ci, co in zip(widths, widths[1:]):
        layers += [nn.ConvTranspose2d(ci, co, 4, 2, 1), nn.ReLU()]
    return nn.Sequential(*layers, conv(16, 3))


def blocks(c, count):
    return [ResidualBlock(c, 0.2) for _ in range(count)]


def encoder():
    """include/gancodec/networks/presets.hpp."""
    return nn.Sequential(nn.PixelUnshuffle(4), conv(48, 64), *blocks(64, 1), conv(64, 96, 3, 2), *blocks(96, 1),
                         conv(96, 128, 3, 2), *blocks(128, 2), conv(128, 128))


def generator():
    return nn.Sequential(conv(128, 128), *blocks(128, 6), conv(128, 384), nn.PixelShuffle(2), *blocks(96, 3), conv(96, 256),
                         nn.PixelShuffle(2), *blocks(64, 2), conv(64, 48), nn.PixelShuffle(4))


# name: (module, channels of the input, by how much it is smaller than the picture)
NETWORKS = {
    "g_a": (g_a, 3, 1),
    "g_s": (g_s, 192, 16),
    "g_lite": (g_lite, 192, 16),
    "encoder": (encoder, 3, 1),
    "generator": (generator, 128, 16),
    "hific_generator": (HificGenerator, 220, 16),
}


def load(name, folder):
    """The network with its weights, and its input."""
    tensors = load_file(folder / f"{name}.safetensors")
    x = tensors.pop("input")
    network = NETWORKS[name][0]().eval()
    network.load_state_dict({key.removeprefix("net."): tensor for key, tensor in tensors.items()})
    return network, x


def shipped_tensor(tensors, name):
    """As 32-bit floats; 8-bit weights have a step for each output channel."""
    step = tensors.get(f"{name}_step")
    return tensors[name].float() * (1 if step is None else step.reshape(-1, 1, 1, 1))


def write(name, folder):
    make, channels, reduction = NETWORKS[name]
    torch.manual_seed(1)
    state = make().state_dict()
    if name in ("encoder", "generator"):
        shipped = load_file(ROOT / "weights/gancodec.safetensors")
        state = {key: shipped_tensor(shipped, f"{name}.{key}") for key in state}
    x = 0.5 * torch.randn(1, channels, HEIGHT // reduction, WIDTH // reduction)
    save_file({"input": x, **{f"net.{key}": tensor.contiguous() for key, tensor in state.items()}}, folder / f"{name}.safetensors")


def export(name, folder):
    network, x = load(name, folder)
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    torch.onnx.export(network, (x,), folder / f"{name}.onnx", opset_version=17, dynamo=False, input_names=["x"], output_names=["y"])
    torch.jit.trace(network, x).save(folder / f"{name}.pt")
    shape = ",".join(map(str, x.shape))
    pnnx = pathlib.Path(sys.executable).parent / "pnnx"
    result = subprocess.run([pnnx, f"{name}.pt", f"inputshape=[{shape}]", "fp16=0"], cwd=folder, capture_output=True, text=True)
    if not (folder / f"{name}.ncnn.param").exists():
        sys.exit(f"pnnx made no {name}.ncnn.param:\n{result.stderr}")


def main():
    warnings.filterwarnings("ignore")
    folder = pathlib.Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:]:
        write(name, folder)
        export(name, folder)


if __name__ == "__main__":
    main()
