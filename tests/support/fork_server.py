"""Fresh interpreters with torch in them: a process that imports torch once and is forked for every piece of code.

What is imported by the code is imported for the first time, as in a process of its own, but for torch, which takes two
thirds of the time. What transformers reads of its own files while it is imported is read once.
"""

import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import traceback
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Self

TIMEOUT_S = 300


class ForkServer:
    """Runs Python code in forks of a process that has imported torch."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
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

    def run(
        self, code: str, *arguments: str | Path, path: Path, folder: Path, environment: dict[str, str] | None = None
    ) -> str:
        """What the code prints.

        Args:
            code: As for `python -c`.
            arguments: Its `sys.argv[1:]`.
            path: Where its imports are looked for first.
            folder: Where it runs, with caches of its own.
            environment: All its variables; those of this process, with `HF_HOME` in `folder`, if `None`.
        """
        request = {"code": code, "arguments": list(map(str, arguments)), "path": str(path), "folder": str(folder)}
        request["environment"] = environment
        with self._lock:
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
    structure = _structure_of_transformers()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            sys.meta_path.insert(0, _KnownStructure(structure))
            _run(json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    os._exit(0)  # there is nothing to clean up, which would take torch seconds


class _KnownStructure(MetaPathFinder):
    """Spares transformers the search of 3,000 files for the names that they define: half of the time of its import.

    Args:
        known: What the search finds, by folder. What is not there is searched for, and added.
    """

    def __init__(self, known: dict[str, Any]) -> None:
        self._known = known

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if fullname != "transformers.utils.import_utils":
            return None
        sys.meta_path.remove(self)
        spec = find_spec(fullname)
        execute = spec.loader.exec_module

        def execute_and_replace(module: ModuleType) -> None:
            execute(module)
            search = module.create_import_structure_from_path

            def look_up(folder: str | Path) -> dict[Any, Any]:
                if str(folder) not in self._known:
                    self._known[str(folder)] = search(folder)
                return self._known[str(folder)]

            module.create_import_structure_from_path = look_up

        spec.loader.exec_module = execute_and_replace
        return spec


def _structure_of_transformers() -> dict[str, Any]:
    """What is known after transformers was imported, in a process of its own."""
    read_end, write_end = os.pipe()
    if os.fork() == 0:
        known: dict[str, Any] = {}
        sys.meta_path.insert(0, _KnownStructure(known))
        from transformers import AutoConfig  # noqa: F401 - searches all folders

        with os.fdopen(write_end, "wb") as file:
            pickle.dump(known, file)
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as file:
        known = pickle.load(file)
    os.wait()
    return known


def _run(request: dict[str, Any]) -> None:
    signal.alarm(TIMEOUT_S)
    folder = Path(request["folder"])
    os.chdir(folder)
    if request["environment"] is None:
        os.environ["HF_HOME"] = str(folder / "hf_home")
    else:
        os.environ.clear()
        os.environ.update(request["environment"])
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
