"""A process that has imported all readers and writers once, and runs them in forks when it is asked to."""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

from repository import REPOSITORY, SCRIPTS


class FaultServer:
    """Its client.

    Args:
        folder: Where it writes.
    """

    def __init__(self, folder: Path) -> None:
        paths = (Path(__file__).parent, REPOSITORY, SCRIPTS)
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
            "HF_HOME": str(folder / "hf_home"),
        }
        self._process = subprocess.Popen(
            [sys.executable, __file__], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._process:  # closes its standard input, on which it ends
            pass

    def ask(self, what: str, name: str = "", number: int = 0) -> Any:  # noqa: ANN401 - of JSON
        """Ask for `names`, `fuzz` with a number of cases, or `kill` with a number of kills."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([what, name, number]) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer


def serve() -> None:
    """Answer what standard input asks."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what is printed is no answer
    import traceback

    from fault_cases import all_readers, fuzz_group, kill_everywhere, writers

    readers, known_writers = all_readers(), {each.name: each for each in writers()}
    for line in sys.stdin:
        what, name, number = json.loads(line)
        answer: dict[str, Any]
        try:
            with TemporaryDirectory() as scratch:
                if what == "names":
                    answer = {"readers": list(readers), "writers": list(known_writers)}
                elif what == "fuzz":
                    answer = vars(fuzz_group(readers[name], range(number), Path(scratch)))
                else:
                    answer = vars(kill_everywhere(known_writers[name], number, Path(scratch, "kills")))
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), file=answers, flush=True)
    os._exit(0)  # there is nothing to clean up, which would take torch seconds


if __name__ == "__main__":
    serve()
