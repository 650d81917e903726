"""How much physical memory this process has taken at the most, where Linux says so."""

import gc
import re
from pathlib import Path

__all__ = ["peak_memory_mib", "reset_peak_memory"]


def reset_peak_memory() -> float | None:
    """Begin to measure the peak anew; gives the memory of this process in MiB, `None` where that is unknown."""
    gc.collect()
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # "5": the peak becomes what it is now
    except OSError:
        return None
    return peak_memory_mib()


def peak_memory_mib() -> float | None:
    """Most physical memory that this process has had, in MiB; `None` where that is unknown."""
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii")) if status.is_file() else None
    return int(found[1]) / 1024 if found else None
