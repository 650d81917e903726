"""The layout of the repository, which the design gives for good: every file has its place, and imports point one way.

Rooms in order: native < text, formats, metrics, processes, storage, model < audio < runtime, data < long_audio,
training < backends < transcription < alignment, language_model < evaluation < hub < cli < scripts.
"""

from collections.abc import Callable
from pathlib import Path

import layout_rules
import pytest
from repository import REPOSITORY

Rule = Callable[[Path], list[str]]
RULES = {
    name: getattr(layout_rules, name)
    for name in (
        "too_long",
        "upward_imports",
        "import_circles",
        "impure_model",
        "heavy_imports",
        "strays",
        "logic_in_scripts",
        "strange_tests",
    )
}

GOOD = {
    "hf_bigru_asr/__init__.py": "from .bundled import x\n__version__ = '1'\n",
    "hf_bigru_asr/bundled.py": "x = 1\n",
    "hf_bigru_asr/audio/__init__.py": "",
    "hf_bigru_asr/audio/loading.py": "from ..model.waveforms_bigru_ctc import x\ndef f():\n    import torch\n",
    "hf_bigru_asr/model/__init__.py": '"""Text."""\n',
    "hf_bigru_asr/model/layers_bigru_ctc.py": "import math, torch\ntry:\n    import kenlm\nexcept ImportError: ...\n",
    "hf_bigru_asr/model/modeling_bigru_ctc.py": "from .layers_bigru_ctc import x\n",
    "hf_bigru_asr/model/waveforms_bigru_ctc.py": "import numpy\n",
    "hf_bigru_asr/runtime/__init__.py": "",
    "hf_bigru_asr/runtime/recognizer.py": "from ..audio.loading import x\ndef f():\n    import onnxruntime\n",
    "hf_bigru_asr/hub/__init__.py": "",
    "hf_bigru_asr/hub/card.py": "from .. import __version__\nfrom ..runtime.recognizer import x\n",
    "scripts/train.py": "import evaluate\nfrom evaluate import load\nclass DataArguments: ...\ndef main(): ...\n",
    "scripts/evaluate.py": "def main(): ...\n",
    "scripts/recipe/synthesis.py": "class Voice: ...\n",
    "tests/test_bundled.py": "",
    "tests/model/test_modeling_bigru_ctc.py": "",
    "tests/model/test_modeling_loss.py": "",
    "tests/recipe/test_synthesis.py": "",
    "tests/contracts/test_anything.py": "",
}
"""A small repository that keeps every rule."""

LONG_FUNCTION = "def f():\n" + "    x = 1\n" * 60
A_MODEL_FILE = "hf_bigru_asr/model/a_bigru_ctc.py"
A_DATA_FILE = "hf_bigru_asr/data/x.py"
A_RUNTIME_FILE = "hf_bigru_asr/runtime/x.py"
LONG_METHOD = "class A:\n    async " + LONG_FUNCTION.replace("\n", "\n    ")
BROKEN = [
    ("too_long", "scripts/long.py", "x = 1\n" * 401, "scripts/long.py has 401 lines"),
    (
        "too_long",
        "tests/text/test_long.py",
        LONG_METHOD,
        "f has 61",
    ),
    ("upward_imports", A_RUNTIME_FILE, "from ..hub import card\n", "x:1 imports hf_bigru_asr.hub.card"),
    (
        "upward_imports",
        A_DATA_FILE,
        "from ..runtime.recognizer import x\n",
        "imports hf_bigru_asr.runtime",
    ),
    ("upward_imports", A_DATA_FILE, "def f():\n    import hf_bigru_asr.hub.card\n", "x:2 imports"),
    ("upward_imports", A_DATA_FILE, "from .. import BiGRUForCTC\n", "takes BiGRUForCTC from there"),
    ("upward_imports", "hf_bigru_asr/hub/x.py", "from recipe.synthesis import x\n", "imports recipe.synthesis"),
    ("upward_imports", "hf_bigru_asr/text/x.py", "from ..attic.things import x\n", "imports hf_bigru_asr.attic"),
    ("import_circles", "hf_bigru_asr/audio/loading.py", "def f():\n    from . import loading\n", "audio.loading"),
    ("import_circles", "hf_bigru_asr/audio/__init__.py", "from ..runtime import recognizer\n", "runtime.recognizer"),
    ("impure_model", "hf_bigru_asr/model/other.py", "", "other.py is not named"),
    ("impure_model", "hf_bigru_asr/model/__init__.py", '"""Text."""\nx = 1\n', "more than a docstring"),
    ("impure_model", "hf_bigru_asr/model/parts/a_bigru_ctc.py", "", "parts is in model/"),
    ("impure_model", A_MODEL_FILE, "from ..bundled import x\n", "a neighbour is imported as"),
    (
        "impure_model",
        A_MODEL_FILE,
        "from . import layers_bigru_ctc\n",
        "a neighbour is imported",
    ),
    (
        "impure_model",
        A_MODEL_FILE,
        "import hf_bigru_asr.bundled\n",
        "imports hf_bigru_asr.bundled",
    ),
    (
        "impure_model",
        A_MODEL_FILE,
        "def f():\n    import jiwer\n",
        "a_bigru_ctc:2 imports jiwer",
    ),
    ("impure_model", A_MODEL_FILE, "import kenlm\n", "imports kenlm"),
    ("heavy_imports", A_RUNTIME_FILE, "def f():\n    import torch\n", "runtime.x:2 imports torch"),
    ("heavy_imports", "hf_bigru_asr/audio/loading.py", "from torchaudio.functional import x\n", "imports torchaudio"),
    ("heavy_imports", "hf_bigru_asr/model/waveforms_bigru_ctc.py", "import transformers\n", "imports transformers"),
    ("strays", "hf_bigru_asr/decoding.py", "", "hf_bigru_asr/decoding.py"),
    ("strays", "hf_bigru_asr/utils/x.py", "", "hf_bigru_asr/utils/"),
    ("logic_in_scripts", "scripts/x.py", (LONG_FUNCTION * 3) + "    x = 1\n", "has 184 lines of functions"),
    ("logic_in_scripts", "scripts/x.py", "class Decoder: ...\n", "x.py:1 has the class Decoder"),
    ("logic_in_scripts", "scripts/x.py", "from train import main\n", "x.py:1 imports a script"),
    ("strange_tests", "tests/model/test_recognizer.py", "", "tests/model/test_recognizer.py"),
    ("strange_tests", "tests/test_modeling.py", "", "tests/test_modeling.py"),
    ("strange_tests", "tests/attic/test_modeling.py", "", "tests/attic/test_modeling.py"),
]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_the_repository_keeps(rule: Rule) -> None:
    assert rule(REPOSITORY) == []


@pytest.fixture
def small_repository(tmp_path: Path) -> Path:
    for name, content in GOOD.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_small_repository_keeps(rule: Rule, small_repository: Path) -> None:
    assert rule(small_repository) == []


@pytest.mark.parametrize(("rule", "name", "content", "message"), BROKEN)
def test_what_breaks_a_rule_is_named(rule: str, name: str, content: str, message: str, small_repository: Path) -> None:
    (small_repository / name).parent.mkdir(parents=True, exist_ok=True)
    (small_repository / name).write_text(content)

    found = RULES[rule](small_repository)

    assert len(found) >= 1
    assert any(message in line for line in found), found


def test_rooms_without_torch_are_imported_and_used_where_it_cannot_be(run_in_child: Callable[..., str]) -> None:
    modules = [
        layout_rules.module_name(REPOSITORY, path)
        for path in layout_rules.sources(REPOSITORY, "hf_bigru_asr")
        if path.parts[len(REPOSITORY.parts) + 1] in {"runtime", "audio", "text"} and path.name != "__main__.py"
    ]
    code = f"""
import sys
for name in ("torch", "torchaudio", "transformers"):
    sys.modules[name] = None
import importlib
for name in {modules!r}:
    importlib.import_module(name)
import hf_bigru_asr
print(hf_bigru_asr.normalize_transcript("it's"), callable(hf_bigru_asr.load_audio))
"""
    assert len(modules) > 12
    assert run_in_child(code) == "IT'S True\n"
