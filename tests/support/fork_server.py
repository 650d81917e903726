"""Fresh interpreters with torch in them: a process that imports torch once and is forked for every piece of code.

What is imported by the code is imported for the first time, as in a process of its own, but for torch, which takes two
thirds of the time.
"""

import json
import os
import signal
import subprocess
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any, Self

TIMEOUT_S = 300


class ForkServer:
    """Runs Python code in forks of a process that has imported torch."""

    def __init__(self) -> None:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
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

    def run(self, code: str, *arguments: str | Path, path: Path, folder: Path) -> str:
        """What the code prints.

        Args:
            code: As for `python -c`.
            arguments: Its `sys.argv[1:]`.
            path: Where its imports are looked for first.
            folder: Where it runs, with caches of its own.
        """
        request = {"code": code, "arguments": list(map(str, arguments)), "path": str(path), "folder": str(folder)}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        status = int(self._process.stdout.readline())
        assert status == 0, (folder / "stderr").read_text()[-4000:]
        return (folder / "stdout").read_text()


def serve() -> None:
    """Fork for every request on standard input, and answer with the exit status."""
    import torch
    import torch._dynamo  # noqa: F401 - transformers imports it

    imported = {"torchaudio", "transformers", "huggingface_hub", "hf_bigru_asr"} & sys.modules.keys()
    assert not imported, imported
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _run(json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    os._exit(0)  # there is nothing to clean up, which would take torch seconds


def _run(request: dict[str, Any]) -> None:
    signal.alarm(TIMEOUT_S)
    folder = Path(request["folder"])
    os.chdir(folder)
    os.environ["HF_HOME"] = str(folder / "hf_home")
    for name, number in (("stdout", 1), ("stderr", 2)):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.argv = ["-c", *request["arguments"]]
    sys.path[0] = request["path"]
    status = 0
    try:
        exec(compile(request["code"], "<code>", "exec"), {"__name__": "__main__"})
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    serve()
