"""The machine: device, processes, precision, compilation, clock, and how much of the chip is used."""
from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

import torch
import torch.distributed as dist
from torch import Tensor

# Dense bf16 products per second of tensor cores, as the makers state them.
PEAK_BF16_FLOPS = {"H100 PCIe": 756e12, "H100": 989e12, "H200": 989e12, "A100": 312e12, "L4": 121e12, "4090": 165e12}


def process_age() -> float:
    """Seconds since this process began: importing torch alone can take many. 0 where the system does not tell."""
    try:
        ticks = int(Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19])
        return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, ValueError, IndexError):
        return 0.0


@dataclass
class Runtime:
    device: torch.device
    rank: int = 0
    processes: int = 1
    autocast: bool = False
    stop_asked: bool = False
    started: float = field(default_factory=lambda: time.monotonic() - process_age())

    @staticmethod
    def start(device: str, precision: str) -> "Runtime":
        """Joins the other processes when torchrun started this one. precision: bf16, tf32 or fp32."""
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        processes = int(os.environ.get("WORLD_SIZE", "1"))
        local_rank = int(os.environ.get("LOCAL_RANK", "0"))
        chosen = torch.device(device, local_rank) if device == "cuda" else torch.device(device)
        if chosen.type == "cuda":
            torch.cuda.set_device(chosen)
            torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("highest" if precision == "fp32" else "high")
        torch.backends.cudnn.allow_tf32 = precision != "fp32"
        if processes > 1:
            dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
        runtime = Runtime(chosen, int(os.environ.get("RANK", "0")), processes, precision == "bf16")
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, runtime.ask_to_stop)
        return runtime

    def finish(self) -> None:
        if self.processes > 1:
            dist.destroy_process_group()

    def ask_to_stop(self, *_: Any) -> None:
        self.stop_asked = True

    @property
    def leads(self) -> bool:
        """This process writes the files."""
        return self.rank == 0

    def say(self, text: str) -> None:
        if self.leads:
            print(text, flush=True)

    def elapsed(self) -> float:
        return time.monotonic() - self.started

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def mixed_precision(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast)

    def mean_over_processes(self, tensor: Tensor) -> Tensor:
        """In place; every process gets the mean."""
        if self.processes > 1:
            dist.all_reduce(tensor)
            tensor /= self.processes
        return tensor

    def from_leader(self, tensor: Tensor) -> Tensor:
        """In place; every process gets what the leading one has."""
        if self.processes > 1:
            dist.broadcast(tensor, 0)
        return tensor

    def peak_flops(self) -> float | None:
        """None where it is not known, or where bf16 is not what runs."""
        if self.device.type != "cuda" or not self.autocast:
            return None
        name = torch.cuda.get_device_name(self.device)
        return next((peak for chip, peak in PEAK_BF16_FLOPS.items() if chip in name), None)


class Compiled:
    """A function that may go through torch.compile. mode: none, default or another mode of torch.compile."""

    def __init__(self, function: Callable[..., Any], mode: str, runtime: Runtime) -> None:
        self.plain, self.runtime = function, runtime
        self.call = function if mode == "none" else torch.compile(function, mode=mode, dynamic=False)

    def __call__(self, *arguments: Any) -> Any:
        return self.call(*arguments)

    def prove(self, *arguments: Any) -> Any:
        """The first call, its backward pass included where the first result has one: a compiler fails here or never, and
        then the run goes on without it. Answers what the function answered, without its graph."""
        try:
            return self._forward_and_backward(*arguments)
        except Exception as error:  # whatever a compiler can fail with
            if self.call is self.plain:
                raise
            self.runtime.say(f"note: torch.compile failed, going on without: {type(error).__name__}: {str(error)[:300]}")
            self.call = self.plain
            return self._forward_and_backward(*arguments)

    def _forward_and_backward(self, *arguments: Any) -> Any:
        result = self.call(*arguments)
        first = result[0] if isinstance(result, tuple) else result
        if isinstance(first, Tensor) and first.requires_grad:
            first.backward()
        return result
