"""The networks of the shipped model, as in include/gancodec/networks/presets.hpp, hyper_scale.hpp and model.hpp; parameters
have the names and shapes of a C++ checkpoint."""
from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from .layers import SLOPE, Gain, QuantizedConv2d, ResidualBlock, at_position, conv3x3, full_precision, quantize

LATENT_CHANNELS = 128
HYPER_CHANNELS = 64
QUALITY_LEVELS = 6
IMAGE_MULTIPLE = 64
LATENT_STRIDE, HYPER_STRIDE = 16, 64


def encoder() -> nn.Sequential:
    """x − ½ [n,3,h,w] → y [n,128,h/16,w/16]"""
    return nn.Sequential(
        nn.PixelUnshuffle(4), conv3x3(48, 64), ResidualBlock(64),
        conv3x3(64, 96, stride=2), ResidualBlock(96),
        conv3x3(96, 128, stride=2), ResidualBlock(128),
        ResidualBlock(128), conv3x3(128, LATENT_CHANNELS))


def generator() -> nn.Sequential:
    """ŷ [n,128,h/16,w/16] → x̂ − ½ [n,3,h,w]"""
    return nn.Sequential(
        conv3x3(LATENT_CHANNELS, 128), ResidualBlock(128),
        ResidualBlock(128), ResidualBlock(128),
        ResidualBlock(128), ResidualBlock(128),
        ResidualBlock(128),
        conv3x3(128, 384), nn.PixelShuffle(2),
        ResidualBlock(96), ResidualBlock(96),
        ResidualBlock(96),
        conv3x3(96, 256), nn.PixelShuffle(2),
        ResidualBlock(64), ResidualBlock(64),
        conv3x3(64, 48), nn.PixelShuffle(4))


def hyper_encoder() -> nn.Sequential:
    """y·g [n,128,h/16,w/16] → z [n,64,h/64,w/64]"""
    return nn.Sequential(
        conv3x3(LATENT_CHANNELS, 64), nn.LeakyReLU(SLOPE), conv3x3(64, 64, stride=2), nn.LeakyReLU(SLOPE),
        conv3x3(64, HYPER_CHANNELS, stride=2))


def hyper_mean() -> nn.Sequential:
    """ẑ [n,64,h/64,w/64] → mu [n,128,h/16,w/16]"""
    return nn.Sequential(
        conv3x3(HYPER_CHANNELS, 128), nn.LeakyReLU(SLOPE), conv3x3(128, 384), nn.PixelShuffle(2), nn.LeakyReLU(SLOPE),
        conv3x3(96, 4 * LATENT_CHANNELS), nn.PixelShuffle(2))


class HyperScale(nn.Module):
    """The trainable shadow of the integer network that chooses a scale index for every latent.
    Shapes: ẑ [n,64,h,w], integers · position [n] · result [n,128,4h,4w], an index 0..63 before clamping"""

    ACTIVATION_STEP = 1 / 16
    SLOPE = 8.0
    OFFSET = 22.0
    HIDDEN = 96

    def __init__(self) -> None:
        super().__init__()
        self.reduce = QuantizedConv2d(HYPER_CHANNELS, self.HIDDEN, 1)
        self.inner = QuantizedConv2d(self.HIDDEN, self.HIDDEN, 3, self.ACTIVATION_STEP)
        self.expand = QuantizedConv2d(self.HIDDEN, 16 * LATENT_CHANNELS, 1, self.ACTIVATION_STEP)
        self.level_offset = nn.Parameter(self.reduce.weight.new_zeros(QUALITY_LEVELS, LATENT_CHANNELS))

    def forward(self, z: Tensor, position: Tensor) -> Tensor:
        with full_precision(z):
            h = quantize(self.reduce(z.float()), self.ACTIVATION_STEP, 0.0, 255.0)
            h = quantize(self.inner(h), self.ACTIVATION_STEP, 0.0, 255.0)
            t = F.pixel_shuffle(self.expand(h), 4)
            return self.SLOPE * t + self.OFFSET + at_position(self.level_offset, position)


class Model(nn.Module):
    """All networks of one codec."""

    def __init__(self, lowest_gain_log2: float = 0.0, gain_octaves: float = 2.0) -> None:
        super().__init__()
        self.encoder = encoder()
        self.hyper_encoder = hyper_encoder()
        self.hyper_scale = HyperScale()
        self.hyper_mean = hyper_mean()
        self.generator = generator()
        self.gain = Gain(QUALITY_LEVELS, LATENT_CHANNELS, lowest_gain_log2, gain_octaves)
