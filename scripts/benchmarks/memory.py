"""Peak resident memory of this process (Linux). `scripts/benchmark.py` has every process measured report it."""

import gc
import re
from pathlib import Path

__all__ = ["peak_memory_mib", "reset_peak_memory"]


def reset_peak_memory() -> float | None:
    """Set the peak to the present resident memory, and give that in MiB; `None` where it is unknown."""
    gc.collect()
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # "5" resets the peak, see proc(5)
    except OSError:
        return None
    return peak_memory_mib()


def peak_memory_mib() -> float | None:
    """Peak resident memory of this process in MiB; `None` where it is unknown."""
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii")) if status.is_file() else None
    return int(found[1]) / 1024 if found else None
