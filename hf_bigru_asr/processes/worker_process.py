"""The process behind [`WorkerPool`]: calls the functions that come in, and sends back their results.

It is started with `python -m`, so it never imports the main module of the program that uses the pool. It ends when
its connection does, and with its parent, however that ends, also in the middle of a call.
"""

import pickle
import sys
import traceback
from multiprocessing.connection import Connection
from typing import Any

from .parent import end_with_parent

__all__ = ["serve"]

Answer = tuple[Any, BaseException | None]
"""The result of a call, or the exception that it raised."""


def serve(connection: Connection) -> None:
    """Answer pickled calls `(function, arguments)` with pickled `(result, exception)`, until the connection ends."""
    while True:
        try:
            message = connection.recv_bytes()
        except EOFError:
            return
        connection.send_bytes(_pickled(_answer(message)))


def _answer(message: bytes) -> Answer:
    try:
        function, arguments = pickle.loads(message)
        return function(*arguments), None
    except Exception as error:
        error.add_note(f"In a worker process:\n{traceback.format_exc()}")
        return None, error


def _pickled(answer: Answer) -> bytes:
    error = answer[1]
    try:
        data = pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
        if error is not None:
            pickle.loads(data)  # some exceptions can be pickled, but not made again
    except Exception as unfit:
        lines = "".join(traceback.format_exception(error or unfit))
        return pickle.dumps((None, RuntimeError(f"A worker process raised:\n{lines}")))
    return data


if __name__ == "__main__":
    # The pool keeps the threads that start its processes as long as it keeps these.
    end_with_parent(int(sys.argv[2]), is_from_lasting_thread=True)
    try:
        serve(Connection(int(sys.argv[1])))
    except (BrokenPipeError, ConnectionResetError):
        sys.exit(1)  # the parent is gone
