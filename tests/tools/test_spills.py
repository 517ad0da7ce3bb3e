#!/usr/bin/env python3
"""tools/check_spills: a kernel that fits the registers passes, one with more sums than registers is refused."""
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
KERNEL = """
#include "gancodec/simd/batch.hpp"
using namespace gancodec;
using Arch = simd::NativeArch;
void kernel(const float* a, const float* b, float* out, long steps) {
    constexpr int kSums = %d, kLanes = simd::kLanes<Arch>;
    simd::Floats<Arch> sum[kSums];
    GANCODEC_UNROLL for (int i = 0; i < kSums; ++i) sum[i] = simd::broadcast<Arch>(0.0f);
    for (; steps > 0; --steps, a += kSums, b += kLanes)
        GANCODEC_UNROLL for (int i = 0; i < kSums; ++i) sum[i] = simd::fma(simd::broadcast<Arch>(a[i]), simd::load<Arch>(b), sum[i]);
    GANCODEC_UNROLL for (int i = 0; i < kSums; ++i) simd::store<Arch>(out + i * kLanes, sum[i]);
}
"""


def check(text):
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "kernel.cpp"
        source.write_text(text, encoding="utf-8")
        result = subprocess.run([sys.executable, ROOT / "tools/check_spills", source], capture_output=True, text=True)
        return result.returncode, result.stdout + result.stderr


def main():
    failures = []
    for what, text, wanted, words in (("12 sums", KERNEL % 12, 0, "0 with spills"), ("48 sums", KERNEL % 48, 1, "to the stack"),
                                      ("no loop", "int nothing;", 1, "found none")):
        status, output = check(text)
        if status != wanted or words not in output:
            failures.append(f"{what}: expected status {wanted} and '{words}', found {status}:\n{output}")
    print("\n".join(failures) if failures else "check_spills accepts and refuses what it should")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
