"""What was measured, one JSON per image, codec and setting, so that a killed run goes on where it was."""
import hashlib
import io
import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from .codecs import OURS, Codec

METRICS = ("psnr", "ms_ssim", "lpips", "dists")


class Meter:
    """`gancodec metrics` on two files."""

    def __init__(self, program: Path, weights: Path | None, dists: bool) -> None:
        self.command = [str(program), "metrics", "--json", *(["--dists"] if dists else [])]
        if weights:
            self.command += ["--metric-weights", str(weights)]
        self.tag = digest([str(dists)] + [str(p.stat().st_size) for p in sorted(weights.glob("*.safetensors"))] if weights else [str(dists)])

    def measure(self, reference: Path, distorted: Path) -> dict[str, float | None]:
        figures = json.loads(run([*self.command, str(reference), str(distorted)]).stdout)
        return {"psnr": figures["psnr"], "ms_ssim": figures["ms_ssim"], "lpips": figures["lpips_alex"], "dists": figures["dists"]}


def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: expected exit status 0, found {result.returncode}: {result.stderr.strip()[-400:]}")
    return result


def digest(parts: Sequence[str | bytes]) -> str:
    state = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        state.update(len(data).to_bytes(8, "little") + data)
    return state.hexdigest()[:12]


def write_atomic(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    part.write_bytes(data)
    part.replace(path)


class Store:
    """The measurements of one image. Files lie in `root`/NAME-HASH/CODEC/SETTING.json, coded files beside them.

    `identity` names whatever else changes a result (our weights): a changed identity measures anew, beside the old.
    """

    def __init__(self, root: Path, image: Path, identity: dict[str, str], meter: Meter | None) -> None:
        self.image, self.identity, self.meter = image, identity, meter
        with Image.open(image) as picture:
            rgb = picture.convert("RGB")
        self.pixels = Image.frombytes("RGB", rgb.size, rgb.tobytes())  # pixels alone: no gamma, no profile
        self.width, self.height = self.pixels.size
        self.folder = root / f"{image.stem}-{digest([self.pixels.tobytes(), f'{self.width}x{self.height}'])}"
        self.reference = self.folder / "reference.ppm"
        for path in (self.reference, self.reference.with_suffix(".png")):
            if not path.exists():
                out = io.BytesIO()
                self.pixels.save(out, "PNG" if path.suffix == ".png" else "PPM")
                write_atomic(path, out.getvalue())

    def path(self, codec: Codec, setting: int, suffix: str) -> Path:
        name = codec.name + self.identity.get(codec.name, "")
        return self.folder / name / f"{codec.settings[setting]:g}{suffix}"

    def record(self, codec: Codec, setting: int) -> dict[str, Any]:
        """Bytes and encoding time; codes when nobody did."""
        path = self.path(codec, setting, ".json")
        if path.exists():
            return json.loads(path.read_text())
        with tempfile.TemporaryDirectory() as work:
            coded = Path(work) / f"coded{codec.suffix}"
            start = time.perf_counter()
            run(codec.encode(codec.settings[setting], self.reference.with_suffix(codec.source), coded))
            seconds = time.perf_counter() - start
            data = coded.read_bytes()
        write_atomic(self.path(codec, setting, codec.suffix), data)
        record = {"image": self.image.name, "codec": codec.name, "setting": codec.settings[setting], "bytes": len(data),
                  "bpp": 8 * len(data) / (self.width * self.height), "encode_s": seconds}
        self.save(codec, setting, record)
        return record

    def save(self, codec: Codec, setting: int, record: dict[str, Any]) -> None:
        write_atomic(self.path(codec, setting, ".json"), json.dumps(record, indent=1).encode())

    def decode(self, codec: Codec, setting: int, image: Path) -> float:
        """Decodes into `image`; seconds of the process."""
        self.record(codec, setting)
        start = time.perf_counter()
        run(codec.decode(self.path(codec, setting, codec.suffix), image))
        return time.perf_counter() - start

    def measured(self, codec: Codec, setting: int) -> dict[str, Any]:
        """The record with metrics and decoding time."""
        record = self.record(codec, setting)
        if self.meter is None or record.get("meter") == self.meter.tag:
            return record
        with tempfile.TemporaryDirectory() as work:
            decoded = Path(work) / f"decoded{codec.decoded}"
            seconds = self.decode(codec, setting, decoded)
            record |= {"decode_s": seconds, **self.meter.measure(self.reference, decoded), "meter": self.meter.tag}
        self.save(codec, setting, record)
        return record

    def picture(self, codec: Codec, setting: int) -> Image.Image:
        with tempfile.TemporaryDirectory() as work:
            decoded = Path(work) / f"decoded{codec.decoded}"
            self.decode(codec, setting, decoded)
            with Image.open(decoded) as picture:
                return picture.convert("RGB")


def identities(program: Path, weights: Path) -> dict[str, str]:
    """Our weights and program, as a suffix of our folder in the store."""
    return {OURS: "-" + digest([weights.read_bytes(), program.read_bytes()])}
