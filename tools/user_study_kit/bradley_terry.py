"""Bradley-Terry strengths from pairwise choices, with confidence intervals.

P(a preferred to b) = 1 / (1 + exp(s_b - s_a)). R. A. Bradley and M. E. Terry, Biometrika 39, 1952. Maximum likelihood by
Newton's method, the reference codec's strength fixed at 0; intervals from the Fisher information at the maximum. Each pair
that was shown gets half a choice for either side, so that a codec that always wins keeps a finite strength.
"""
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

Z95 = 1.959964  # two-sided 95 percent of the normal distribution


@dataclass(frozen=True)
class Estimate:
    strength: float             # log odds against the reference
    standard_error: float
    preference: float           # probability that this codec is preferred to the reference
    interval: tuple[float, float]  # 95 percent, of the preference


def sigmoid(x: np.ndarray | float) -> np.ndarray | float:
    return 1 / (1 + np.exp(-x))


def fit(choices: Iterable[tuple[str, str]], reference: str) -> dict[str, Estimate]:
    """`choices` are (winner, loser). Errors: ValueError where a codec is not linked to the reference by choices."""
    choices = list(choices)
    names = [reference, *sorted({name for pair in choices for name in pair} - {reference})]
    index = {name: i for i, name in enumerate(names)}
    wins = np.zeros((len(names), len(names)))
    for winner, loser in choices:
        wins[index[winner], index[loser]] += 1
    wins += 0.5 * (wins + wins.T > 0)
    shown = wins + wins.T
    linked = {0}
    while more := {j for i in linked for j in np.flatnonzero(shown[i])} - linked:
        linked |= more
    if len(linked) < len(names):
        raise ValueError(f"expected choices that link all codecs to {reference}, found none for "
                         + ", ".join(names[i] for i in range(len(names)) if i not in linked))

    strength = np.zeros(len(names))
    for _ in range(100):
        expected = sigmoid(strength[:, None] - strength[None, :])
        gradient = (wins - shown * expected).sum(axis=1)
        weight = shown * expected * (1 - expected)
        information = (np.diag(weight.sum(axis=1)) - weight)[1:, 1:]
        step = np.linalg.solve(information, gradient[1:])
        strength[1:] += np.clip(step, -2, 2)
        if np.abs(step).max(initial=0) < 1e-10:
            break
    error = np.concatenate(([0.0], np.sqrt(np.diag(np.linalg.inv(information)))))
    return {name: Estimate(float(s), float(e), float(sigmoid(s)), (float(sigmoid(s - Z95 * e)), float(sigmoid(s + Z95 * e))))
            for name, s, e in zip(names, strength, error)}
