"""Bjøntegaard's rate difference, with monotone piecewise-cubic interpolation.

G. Bjøntegaard, "Calculation of average PSNR differences between RD-curves", VCEG-M33, 2001; the piecewise-cubic variant
(Fritsch and Butland's slopes, as JCT-VC adopted it) does not swing between the points as one cubic through all does.
"""
from collections.abc import Sequence

import numpy as np


def slopes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Slopes of the monotone cubic Hermite interpolant (Fritsch and Butland 1984): x [n] ascending, y [n] -> [n]."""
    h, delta = np.diff(x), np.diff(y) / np.diff(x)
    if len(delta) == 1:
        return np.repeat(delta, 2)
    inner = np.zeros(len(delta) - 1)
    same = delta[:-1] * delta[1:] > 0
    w1, w2 = (2 * h[1:] + h[:-1])[same], (h[1:] + 2 * h[:-1])[same]
    inner[same] = (w1 + w2) / (w1 / delta[:-1][same] + w2 / delta[1:][same])
    return np.concatenate(([end_slope(h[0], h[1], delta[0], delta[1])], inner,
                           [end_slope(h[-1], h[-2], delta[-1], delta[-2])]))


def end_slope(h0: float, h1: float, delta0: float, delta1: float) -> float:
    """One-sided three-point slope, limited so that the interpolant keeps its shape."""
    slope = ((2 * h0 + h1) * delta0 - h0 * delta1) / (h0 + h1)
    if slope * delta0 <= 0:
        return 0.0
    if delta0 * delta1 < 0 and abs(slope) > 3 * abs(delta0):
        return 3 * delta0
    return slope


def integral(x: np.ndarray, y: np.ndarray, low: float, high: float) -> float:
    """Integral of the interpolant of (x, y) from `low` to `high`, both within x."""
    d, total = slopes(x, y), 0.0
    for i in range(len(x) - 1):
        a, b = max(low, x[i]), min(high, x[i + 1])
        if a >= b:
            continue
        h = x[i + 1] - x[i]
        delta = (y[i + 1] - y[i]) / h
        c2, c3 = (3 * delta - 2 * d[i] - d[i + 1]) / h, (d[i] + d[i + 1] - 2 * delta) / h**2
        antiderivative = np.polynomial.Polynomial([y[i], d[i], c2, c3]).integ()
        total += antiderivative(b - x[i]) - antiderivative(a - x[i])
    return float(total)


def rising(points: Sequence[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    """(rate, quality) points -> quality, ascending, and log(rate); a point no better than a cheaper one is left out."""
    quality, log_rate = [], []
    for rate, value in sorted(points):
        if not quality or value > quality[-1]:
            quality.append(value)
            log_rate.append(np.log(rate))
    return np.array(quality), np.array(log_rate)


def bd_rate(anchor: Sequence[tuple[float, float]], test: Sequence[tuple[float, float]]) -> float | None:
    """Mean extra rate of `test` over `anchor` at equal quality, in percent; points are (rate, quality: higher is better).

    The mean is over the qualities that both curves reach; None where they share none or have fewer than two points.
    """
    (qa, ra), (qt, rt) = rising(anchor), rising(test)
    if len(qa) < 2 or len(qt) < 2:
        return None
    low, high = max(qa[0], qt[0]), min(qa[-1], qt[-1])
    if high <= low:
        return None
    difference = (integral(qt, rt, low, high) - integral(qa, ra, low, high)) / (high - low)
    return float(np.expm1(difference) * 100)
