"""What is measured for each image: our rates, the others at once, twice and three times our bytes, and all ladders."""
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .codecs import Codec
from .search import nearest
from .store import Meter, Store

MULTIPLES = (1, 2, 3)
Record = dict[str, Any]


@dataclass
class ImageResult:
    store: Store
    ladders: dict[str, list[Record]] = field(default_factory=dict)                     # codec -> one record per rung
    matches: dict[tuple[str, float, int], Record] = field(default_factory=dict)      # codec, our bpp, multiple
    settings: dict[tuple[str, float], int] = field(default_factory=dict)             # codec, our bpp: at equal bytes


def match(store: Store, codec: Codec, target_bytes: int, most: float) -> tuple[int, Record]:
    found = nearest(lambda setting: store.record(codec, setting)["bytes"], len(codec.settings), target_bytes, most)
    record = dict(store.measured(codec, found.setting), target_bytes=target_bytes, reached=found.reached)
    return found.setting, record


def measure_image(store: Store, ours: Codec, others: Sequence[Codec], rates: Sequence[float], say: Any) -> ImageResult:
    result = ImageResult(store)
    for codec in (ours, *others):
        for rate in rates:
            if codec is ours:  # a rate is met from below
                target = int(rate * store.width * store.height / 8)
                result.settings[codec.name, rate], result.matches[codec.name, rate, 1] = match(store, codec, target, 1.0)
                continue
            for multiple in MULTIPLES:
                target = multiple * result.matches[ours.name, rate, 1]["bytes"]
                setting, result.matches[codec.name, rate, multiple] = match(store, codec, target, 1.02)
                if multiple == 1:
                    result.settings[codec.name, rate] = setting
        result.ladders[codec.name] = [store.measured(codec, setting) for setting in codec.ladder_settings()]
        say(f"{store.image.name}: {codec.name}")
    return result


def measure(images: Sequence[Path], root: Path, identity: dict[str, str], meter: Meter, ours: Codec, others: Sequence[Codec],
            rates: Sequence[float], jobs: int, say: Any) -> list[ImageResult]:
    """Results in the order of `images`; what `root` holds already is not measured again."""
    done = 0

    def one(image: Path) -> ImageResult:
        return measure_image(Store(root, image, identity, meter), ours, others, rates, progress)

    def progress(text: str) -> None:
        nonlocal done
        done += 1
        say(f"[{done}/{len(images) * (1 + len(others))}] {text}")

    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(one, image) for image in images]
        try:
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
