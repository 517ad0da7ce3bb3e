#!/usr/bin/env python3
"""Writes tests/data/weights/python.safetensors with the safetensors package, for test_safetensors.cpp.

    python3 tests/weights/make_goldens.py          (needs torch and safetensors)
"""
import pathlib

import torch
from safetensors.torch import save_file

values = torch.tensor([[0.0, -0.0, 1.0], [-2.5, 0.1, 65504.0]])
tensors = {
    "float.f32": values,
    "float.f16": values.half(),
    "float.bf16": values.bfloat16(),
    "int.i8": torch.tensor([-128, -1, 0, 127], dtype=torch.int8),
    "int.u8": torch.tensor([0, 1, 128, 255], dtype=torch.uint8),
    "int.i16": torch.tensor([-32768, -1, 32767], dtype=torch.int16),
    "int.u16": torch.tensor([0, 65535], dtype=torch.uint16),
    "int.i32": torch.tensor([-(2**31), 2**31 - 1], dtype=torch.int32),
    "other.i64": torch.tensor(7, dtype=torch.int64),
    "other.empty": torch.zeros(0, 3),
    'name "quoted" \\ \u00fc \U0001f600': torch.tensor([1.5]),
}
path = pathlib.Path(__file__).resolve().parent.parent / "data" / "weights" / "python.safetensors"
save_file(tensors, path, metadata={"licence": "none", "text": 'line\n"two" \u00e9'})
print(path, path.stat().st_size, "bytes")
