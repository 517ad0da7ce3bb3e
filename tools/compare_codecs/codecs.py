"""The codecs that are compared: their programs, their settings in order of size, and their own ladders."""
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

Command = list[str]
OURS = "gancodec"


@dataclass(frozen=True)
class Codec:
    """One codec. `settings` ascend in file size; `ladder` are those of its own rate-distortion curve."""
    name: str
    label: str
    suffix: str                                   # of its files
    decoded: str                                  # suffix of what its decoder writes: .png or .ppm
    settings: Sequence[float]
    ladder: Sequence[float]
    encode: Callable[[float, Path, Path], Command]  # (setting, image, file)
    decode: Callable[[Path, Path], Command]         # (file, image)
    source: str = ".ppm"                            # what its encoder reads: .ppm, or .png without gAMA and profile

    def ladder_settings(self) -> list[int]:
        """Indices of the settings nearest to the ladder's."""
        return [min(range(len(self.settings)), key=lambda i: abs(self.settings[i] - rung)) for rung in self.ladder]


def geometric(first: float, last: float, factor: float) -> list[float]:
    values = [first]
    while (values[-1] < last) == (factor > 1):
        values.append(round(values[-1] * factor, 4))
    return values


def classical_codecs() -> list[Codec]:
    """Debian's programs with the settings of the table of the README; inputs are PPM,
    because opj_compress would darken a PNG that has a gAMA chunk; heif-enc and avifenc read no PPM and get a bare PNG."""
    return [
        Codec("jpeg", "JPEG (4:2:0, optimised, progressive)", ".jpg", ".ppm", range(1, 96), (2, 5, 10, 20, 40, 70),
              lambda s, a, b: ["cjpeg", "-quality", f"{s:g}", "-sample", "2x2", "-optimize", "-progressive", "-outfile", str(b), str(a)],
              lambda a, b: ["djpeg", "-ppm", "-outfile", str(b), str(a)]),
        Codec("jpeg2000", "JPEG 2000 (OpenJPEG)", ".jp2", ".ppm", geometric(800, 8, 1 / 1.02), (480, 240, 160, 80, 40, 20),
              lambda s, a, b: ["opj_compress", "-r", f"{s:g}", "-i", str(a), "-o", str(b)],
              lambda a, b: ["opj_decompress", "-i", str(a), "-o", str(b)]),
        Codec("webp", "WebP (-m 6)", ".webp", ".ppm", [i / 2 for i in range(191)], (0, 5, 15, 35, 60, 85),
              lambda s, a, b: ["cwebp", "-quiet", "-m", "6", "-q", f"{s:g}", str(a), "-o", str(b)],
              lambda a, b: ["dwebp", "-quiet", "-ppm", str(a), "-o", str(b)]),
        # heif-enc takes crf = (100 - q) / 2: odd qualities repeat the even ones.
        Codec("hevc", "HEVC (x265, slow, 4:4:4)", ".heic", ".png", range(0, 91, 2), (6, 14, 22, 30, 40, 52),
              lambda s, a, b: ["heif-enc", "-q", f"{s:g}", "-p", "preset=slow", "-p", "chroma=444", "-p", "tune=ssim", "-o", str(b), str(a)],
              lambda a, b: ["heif-convert", str(a), str(b)], ".png"),
        Codec("avif", "AVIF (aom, speed 4, 4:4:4)", ".avif", ".png", range(63, 5, -1), (62, 57, 51, 44, 36, 26),
              lambda s, a, b: ["avifenc", "-s", "4", "-y", "444", "--min", "0", "--max", "63", "-a", "end-usage=q", "-a", f"cq-level={s:g}", str(a), str(b)],
              lambda a, b: ["avifdec", str(a), str(b)], ".png"),
        Codec("jxl", "JPEG XL (effort 7)", ".jxl", ".ppm", geometric(25, 0.5, 1 / 1.03), (25, 16, 10, 6, 3.5, 2),
              lambda s, a, b: ["cjxl", str(a), str(b), "-e", "7", "-d", f"{s:g}", "--quiet"],
              lambda a, b: ["djxl", str(a), str(b), "--quiet"]),
    ]


def our_codec(program: Path, weights: Path | None) -> Codec:
    """Our command line at given qualities; `weights` None takes those it finds."""
    options = ["--weights", str(weights)] if weights else []
    return Codec(OURS, "gancodec", ".gnc", ".png", [round(i * 100 / 255, 3) for i in range(256)], (0, 20, 40, 60, 80, 100),
                 lambda s, a, b: [str(program), "encode", str(a), str(b), "--quality", f"{s:g}", *options],
                 lambda a, b: [str(program), "decode", str(a), str(b), *options])
