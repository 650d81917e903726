"""What libraries say of a full disk, made by the libraries themselves."""

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from hf_bigru_asr.storage.disk_errors import naming_the_file

WRITE = {
    "safetensors": "safetensors.torch.save_file({'a': torch.zeros(5000)}, path)",
    "torch": "torch.save({'a': torch.zeros(5000)}, path)",
    "pyarrow": "pyarrow.parquet.write_table(pyarrow.table({'a': list(range(5000))}), path)",
    "python": "pathlib.Path(path).write_bytes(bytes(5000))",
}


def test_every_library_that_writes_is_understood(tmp_path: Path, run_in_child: Callable[..., str]) -> None:
    code = f"""
import pathlib, resource, signal
import pyarrow.parquet, safetensors.torch, torch
from hf_bigru_asr.storage.disk_errors import naming_the_file
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
for name, code in {WRITE!r}.items():
    path = {str(tmp_path)!r} + "/" + name
    try:
        with naming_the_file("RESULT"):
            exec(code)
    except OSError as error:
        print(name, error.strerror, error.filename, error.errno)
"""
    kept = "; what was finished before is kept RESULT"
    assert run_in_child(code).splitlines() == [
        f"safetensors File too large{kept} {errno.EFBIG}",
        f"torch it cannot be written, the disk may be full{kept} {errno.EIO}",
        f"pyarrow File too large{kept} {errno.EFBIG}",
        f"python File too large{kept} {errno.EFBIG}",
    ]


@pytest.mark.parametrize("error", [ValueError("os error 2"), RuntimeError("shapes differ"), KeyError(28)])
def test_other_errors_pass(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, naming_the_file("RESULT"):
        raise error
    assert caught.value is error
