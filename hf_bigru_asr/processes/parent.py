"""Worker processes that end with their parent, however that ends."""

import ctypes
import os
import signal
import sys
import threading
import time
from multiprocessing import parent_process

__all__ = ["end_with_parent"]

PERIOD_S = 0.25
"""Time between two looks at the parent."""
_PR_SET_PDEATHSIG = 1  # of linux/prctl.h

_lock = threading.Lock()
_watched: set[int] = set()


def end_with_parent(parent_pid: int | None = None, *, is_from_lasting_thread: bool = False) -> None:
    """Let this process end within a second of its parent, also of one that is killed, whatever it does meanwhile.

    Ctrl-C is left to the parent. A second call changes nothing.

    Args:
        parent_pid: The parent, as it knows itself; the one that the operating system names if `None`.
        is_from_lasting_thread: Whether the thread of the parent that started this process lives as long as this
            process is wanted. Then Linux ends it at once, also in a call of a library that lets no other thread run.
    """
    with _lock:
        if os.getpid() in _watched:  # a fork inherits the set, but no threads
            return
        _watched.add(os.getpid())
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    pid = os.getppid() if parent_pid is None else parent_pid
    if is_from_lasting_thread and sys.platform == "linux":
        # The signal comes when the thread ends that made this process, not its process.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_watch, args=(pid,), daemon=True, name="end_with_parent").start()


def _watch(pid: int) -> None:
    # Windows keeps the number of a parent that has ended, and `multiprocessing` a handle that tells.
    parent = parent_process()
    while os.getppid() == pid and (parent is None or parent.is_alive()):
        time.sleep(PERIOD_S)
    os._exit(1)
