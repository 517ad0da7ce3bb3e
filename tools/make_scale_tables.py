#!/usr/bin/env python3
"""Writes include/gancodec/latents/scale_table_data.hpp: 64 integer tables of rounded Gaussians.

Table i is the distribution of round(N(0, sigma_i^2)), sigma_i = 0.11 * (64 / 0.11)^(i / 63), in units of 2^-16:
  P(k) = Phi((k + 1/2) / sigma) - Phi((k - 1/2) / sigma)
for |k| <= m, where m is the smallest that leaves at most 2^-13 outside; what is outside is the escape. Every slot
gets at least 1, and the slots around 0 pay for it, so that each table sums to 65536 exactly. Only half of a table
is written: [escape, P(0), P(1) .. P(m)].

The output is committed; the tables are part of the stream format, so nobody needs to run this again.
Usage: tools/make_scale_tables.py [OUTPUT]      (Python 3, standard library only)
"""
import math
import pathlib
import sys

SCALES = 64
SIGMA_MIN = 0.11
SIGMA_MAX = 64.0
TOTAL = 1 << 16
TAIL = 2.0**-13


def half_table(sigma):
    def outside(m):  # P(|k| > m)
        return math.erfc((m + 0.5) / (sigma * math.sqrt(2)))

    m = 1
    while outside(m) > TAIL:
        m += 1
    # Rounding the cumulative tail, not each probability, keeps slots within 1 of their exact value.
    tails = [round(outside(k) / 2 * TOTAL) for k in range(m + 1)]
    sides = [tails[k - 1] - tails[k] for k in range(1, m + 1)]
    # What lifts empty far slots to 1 is taken from the slots beside the centre, 0.3 % of each at most.
    empty = sides.count(0)
    sides = [max(1, side) for side in sides]
    if m > 2 * empty:
        sides = [side - 1 if k < empty else side for k, side in enumerate(sides)]
    escape = max(1, 2 * tails[m])
    centre = TOTAL - escape - 2 * sum(sides)
    assert centre >= max(sides) - 3, (sigma, centre, max(sides))
    return [escape, centre] + sides


def wrapped(items, width=116):
    lines, line = [], "   "
    for item in items:
        if len(line) + len(item) + 2 > width:
            lines.append(line)
            line = "   "
        line += f" {item},"
    lines.append(line)
    return "\n".join(lines).rstrip(",")


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    output = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else root / "include/gancodec/latents/scale_table_data.hpp"
    sigmas = [SIGMA_MIN * (SIGMA_MAX / SIGMA_MIN) ** (i / (SCALES - 1)) for i in range(SCALES)]
    tables = [half_table(sigma) for sigma in sigmas]
    begins = [0]
    for table in tables:
        begins.append(begins[-1] + len(table))
    text = f"""#pragma once

#include <cstdint>

// Written by tools/make_scale_tables.py; explained in scale_table.hpp.
// clang-format off

namespace gancodec::detail {{

inline constexpr int kScaleTables = {SCALES};

inline constexpr float kScaleSigma[{SCALES}] = {{
{wrapped([format(sigma, ".9g") + ("" if "." in format(sigma, ".9g") else ".0") + "f" for sigma in sigmas])}
}};

inline constexpr std::uint16_t kScaleHalfBegin[{SCALES + 1}] = {{
{wrapped([str(begin) for begin in begins])}
}};

inline constexpr std::uint16_t kScaleHalf[{begins[-1]}] = {{
{wrapped([str(value) for table in tables for value in table])}
}};

}}  // namespace gancodec::detail
"""
    output.write_text(text)
    print(f"{output}: {SCALES} tables, {begins[-1]} numbers, widest |k| <= {len(tables[-1]) - 2}")


if __name__ == "__main__":
    main()
