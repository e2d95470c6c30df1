"""Where a backbone computes, and in which number format."""

from typing import Literal

import torch

from lga.errors import LGAError

Precision = Literal["auto", "float32", "bfloat16"]


def choose_device(wish: str = "auto") -> torch.device:
    """Turn a wish into a device that is there; `auto` takes the accelerator that torch finds before the processor.

    Raises:
        LGAError: torch knows no such device, or this machine has none.
    """
    if wish == "auto":
        return torch.device(_kinds()[0])
    try:
        device = torch.device(wish)
    except RuntimeError as error:
        raise LGAError(f"no device is called {wish!r}; use auto, cpu, cuda, cuda:1 or mps") from error
    if (device.index or 0) >= _count(device.type):
        there = ", ".join(_kinds())
        raise LGAError(f"device {wish!r} was asked for, but this machine offers {there}; use auto to take the best")
    return device


def choose_dtype(device: torch.device, wish: Precision = "auto") -> torch.dtype:
    """Choose the number format; `auto` is bfloat16 only where the hardware multiplies it natively.

    Where it does not, bfloat16 is emulated and can be some ninety times slower than float32.
    """
    if wish == "auto":
        return torch.bfloat16 if _multiplies_bfloat16(device) else torch.float32
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[wish]


def _kinds() -> tuple[str, ...]:
    """The kinds of device that torch can use here, the fastest first."""
    there = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    return ("cpu",) if there is None else (there.type, "cpu")


def _count(kind: str) -> int:
    """How many devices of a kind torch can use here; 0 for a kind that it does not know."""
    if kind not in _kinds():
        return 0
    return 1 if kind == "cpu" else torch.accelerator.device_count()


def _multiplies_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        with torch.cuda.device(device):
            return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and _processor_multiplies_bfloat16()


def _processor_multiplies_bfloat16() -> bool:
    """Whether an x86 processor has AVX512-BF16 or AMX; an older torch cannot tell, which counts as no."""
    try:
        able = torch.cpu.get_capabilities()
    except AttributeError:
        return False
    return bool(able.get("avx512_bf16", False) or able.get("amx_bf16", False))
