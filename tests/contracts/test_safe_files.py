"""Contract 7: only safetensors and JSON. Nothing that is saved or loaded unpickles."""

import ast
import json
from pathlib import Path

from repository import REPOSITORY

MODEL = REPOSITORY / "hf_bigru_asr" / "model"
PICKLERS = {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}


def test_a_saved_model_is_safetensors_json_and_the_source_of_the_model(model_dir: Path) -> None:
    names = {str(path.relative_to(model_dir)) for path in model_dir.rglob("*") if path.is_file()}
    assert {"config.json", "model.safetensors", "processor_config.json", "vocab.json"} <= names
    assert {Path(name).suffix for name in names} <= {".json", ".safetensors", ".py"}
    for path in model_dir.glob("*.json"):
        json.loads(path.read_text())
    assert {path.name for path in model_dir.glob("*.py")} == {path.name for path in MODEL.glob("*_bigru_ctc.py")}


def test_nothing_in_the_package_unpickles_a_file() -> None:
    """`torch.load` and its like are nowhere. Worker processes alone exchange pickles, and not in files."""
    found = []
    for path in (REPOSITORY / "hf_bigru_asr").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
                is_bad = bool(names & PICKLERS) and path.name not in ("worker_pool.py", "worker_process.py")
            else:
                is_bad = isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load"
            if is_bad:
                found.append(f"{path.name}:{node.lineno}")
    assert found == []
