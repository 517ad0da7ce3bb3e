"""Finds the setting of a codec whose file is nearest to a number of bytes."""
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Match:
    setting: int      # index into the codec's settings, ascending in size
    size_bytes: int
    reached: bool     # false: even the smallest file is larger than allowed


def nearest(size_of: Callable[[int], int], count: int, target_bytes: int, most: float = 1.02) -> Match:
    """The setting in 0 .. count-1 whose file is nearest to `target_bytes` and at most `most` times as large.

    Sizes are taken to ascend with the setting; where they do not, the answer still obeys the limit. Asks for about
    log2(count) sizes. Where no file is small enough: setting 0, not reached.
    """
    limit = int(target_bytes * most)
    sizes: dict[int, int] = {}

    def ask(setting: int) -> int:
        sizes[setting] = size_of(setting)
        return sizes[setting]

    if ask(0) > limit:
        return Match(0, sizes[0], False)
    low, high = 0, count  # size(low) <= target < size(high), with an infinite file behind the last setting
    while high - low > 1:
        middle = (low + high) // 2
        if ask(middle) <= target_bytes:
            low = middle
        else:
            high = middle
    # The largest file below the target and the smallest above it are among those asked for.
    best = min((s for s, size in sizes.items() if size <= limit), key=lambda s: (abs(sizes[s] - target_bytes), s))
    return Match(best, sizes[best], True)
