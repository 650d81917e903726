"""Contract 10: nothing asks a server, or reports to one, for what lies on the disk or in the package."""

from collections.abc import Callable
from pathlib import Path

from runtime_support import needs_onnx

# Neither is there in continuous integration, where ONNX Runtime reports nothing.
IN_A_NEW_HOME = """
import os, sys
for name in ("CI", "GITHUB_ACTIONS", "TF_BUILD", "ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME"):
    os.environ.pop(name, None)
os.environ["HOME"] = sys.argv[1]
{first}
import onnxruntime
onnxruntime.get_available_providers()
"""


@needs_onnx
def test_onnx_runtime_reports_nothing(run_in_child: Callable[..., str], tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    run_in_child(IN_A_NEW_HOME.format(first="import hf_bigru_asr"), home)
    assert list(home.rglob("*")) == []
