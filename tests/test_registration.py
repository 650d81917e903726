"""Imports and registration, each in an interpreter of its own: what counts is the order of the first imports."""

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from repository import REPOSITORY

RunInChild = Callable[..., str]

SUBMODULES = ["configuration", "feature_extraction", "language_model_files", "modeling", "processing", "tokenization"]

CHECK = """
import sys
import transformers
from transformers import (
    AutoConfig, AutoFeatureExtractor, AutoModel, AutoModelForCTC, AutoProcessor, AutoTokenizer, pipeline
)
folder = sys.argv[1]
loaded = [
    AutoConfig.from_pretrained(folder),
    AutoFeatureExtractor.from_pretrained(folder),
    AutoModel.from_pretrained(folder),
    AutoModelForCTC.from_pretrained(folder),
    AutoProcessor.from_pretrained(folder),
    AutoTokenizer.from_pretrained(folder),
]
recognizer = pipeline("automatic-speech-recognition", model=folder)
loaded += [recognizer.model, recognizer.feature_extractor, recognizer.tokenizer, loaded[4].feature_extractor]

import hf_bigru_asr
for each in loaded:
    name = type(each).__name__
    assert type(each) is getattr(hf_bigru_asr, name), (type(each), getattr(hf_bigru_asr, name))
    assert type(each).__module__.startswith("hf_bigru_asr."), type(each)
    assert type(each) is getattr(sys.modules[type(each).__module__], name)
assert not [name for name in sys.modules if name.startswith("transformers_modules")]
# The registration has ended: it no longer stands in the way of imports.
assert not [finder for finder in sys.meta_path if type(finder).__module__.startswith("hf_bigru_asr")], sys.meta_path
print("done", *sorted({type(each).__name__ for each in loaded}))
"""
ORDERS = {
    "transformers-first": "import transformers, hf_bigru_asr",
    "auto-class-first": "from transformers import AutoModelForCTC; import hf_bigru_asr",
    "public-name-first": "from hf_bigru_asr import BiGRUForCTC",
    "attribute-first": "import hf_bigru_asr; import torch; hf_bigru_asr.BiGRUCTCTokenizer",
    "training-first": "import hf_bigru_asr.training.trainer, hf_bigru_asr.data.loading",
}
CLASSES = "BiGRUCTCConfig BiGRUCTCFeatureExtractor BiGRUCTCProcessor BiGRUCTCTokenizer BiGRUForCTC BiGRUModel"


def test_import_is_cheap(run_in_child: RunInChild) -> None:
    printed = run_in_child(
        "import sys, hf_bigru_asr\n"
        "print(hf_bigru_asr.__version__, [name for name in ('torch', 'torchaudio', 'transformers', 'datasets')"
        " if name in sys.modules])"
    )
    assert printed.split(maxsplit=1)[1].strip() == "[]"


@pytest.mark.parametrize("first_imports", ORDERS.values(), ids=ORDERS)
def test_auto_classes_need_no_trust_in_any_order(first_imports: str, run_in_fork: RunInChild, model_dir: Path) -> None:
    assert run_in_fork(first_imports + "\n" + CHECK, model_dir).split(maxsplit=1) == ["done", CLASSES + "\n"]


def test_auto_classes_need_no_trust_with_the_package_first(run_in_child: RunInChild, model_dir: Path) -> None:
    """In a process of its own: the package is imported before torch too."""
    assert run_in_child("import hf_bigru_asr\n" + CHECK, model_dir).split(maxsplit=1) == ["done", CLASSES + "\n"]


@pytest.mark.parametrize("name", SUBMODULES)
def test_one_module_alone_registers_all_classes(name: str, run_in_fork: RunInChild, model_dir: Path) -> None:
    """And the Auto classes then need no trust."""
    code = f"""
        import hf_bigru_asr.model.{name}_bigru_ctc
        from transformers.models.auto.configuration_auto import CONFIG_MAPPING
        from transformers.models.auto.modeling_auto import MODEL_FOR_CTC_MAPPING
        config_class = CONFIG_MAPPING["bigru_ctc"]
        print(config_class.__module__, MODEL_FOR_CTC_MAPPING[config_class].__name__)
    """
    printed = run_in_fork(textwrap.dedent(code) + CHECK, model_dir).splitlines()
    assert printed == ["hf_bigru_asr.model.configuration_bigru_ctc BiGRUForCTC", f"done {CLASSES}"]


def test_unknown_name(run_in_child: RunInChild) -> None:
    code = """
        import hf_bigru_asr
        assert set(hf_bigru_asr.__all__) <= set(dir(hf_bigru_asr))
        try:
            hf_bigru_asr.Wav2Vec2ForCTC
        except AttributeError as error:
            print(error)
    """
    assert "module 'hf_bigru_asr' has no attribute 'Wav2Vec2ForCTC'" in run_in_child(textwrap.dedent(code))


@pytest.mark.parametrize(
    ("imports", "error"),
    [
        ("import transformers; import hf_bigru_asr", "OSError"),
        ("import hf_bigru_asr; import transformers", "OSError"),
        ("from hf_bigru_asr import BiGRUForCTC", "OSError"),
        ("from hf_bigru_asr import BiGRUForCTC", "RuntimeError"),
        ("from hf_bigru_asr import BiGRUForCTC", "ImportError"),
    ],
)
def test_a_torchaudio_that_does_not_fit_is_explained(
    imports: str, error: str, run_in_fork: RunInChild, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    (broken / "torchaudio").mkdir(parents=True)
    (broken / "torchaudio" / "__init__.py").write_text(f'raise {error}("libtorchaudio.so: undefined symbol")\n')
    code = f"""
        import sys
        sys.path.append(sys.argv[1])
        try:
            {imports}
        except ImportError as error:
            print(error)
        else:
            print("imported")
    """
    printed = run_in_fork(textwrap.dedent(code), REPOSITORY, path=broken)
    assert "cannot be imported beside torch 2." in printed
    assert "libtorchaudio.so: undefined symbol" in printed
    assert 'pip install "torch>=2.11,<2.15" "torchaudio>=2.11,<2.12"' in printed


def test_without_torch_the_rest_of_the_package_imports(run_in_child: RunInChild, tmp_path: Path) -> None:
    code = """
        import sys
        from importlib.abc import MetaPathFinder
        from importlib import util

        find = util.find_spec
        util.find_spec = lambda name, package=None: None if name in ("torch", "torchaudio") else find(name, package)
        sys.modules["torch"] = sys.modules["torchaudio"] = None
        import hf_bigru_asr, hf_bigru_asr.text, hf_bigru_asr.metrics
        print(hf_bigru_asr.text.normalize_transcript("it's"))
    """
    assert run_in_child(textwrap.dedent(code)).strip() == "IT'S"
