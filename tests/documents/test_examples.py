"""The Python of the README and of the documentation runs, and asks no server for anything."""

import re
from pathlib import Path

import pytest
from documents import PAGES, blocks, languages, page_id
from free_names import free_names
from huggingface_hub import HfApi
from repository import REPOSITORY
from runtime_support import needs_onnx

from hf_bigru_asr.metrics import character_error_counts
from hf_bigru_asr.text.normalization import normalize_transcript

WITH_PYTHON = [page for page in PAGES if blocks(page.read_text(encoding="utf-8"), "python")]
REFERENCE = normalize_transcript((REPOSITORY / "tests/data/samples/easy.txt").read_text(encoding="utf-8"))


@needs_onnx
@pytest.mark.parametrize("page", WITH_PYTHON, ids=page_id)
def test_examples_run_without_a_network(page: Path, clone: Path, closed_network: list[str]) -> None:
    examples = blocks(page.read_text(encoding="utf-8"), "python")
    if re.search("language_model=|beam_search_decoder|BeamSearchPipeline", "".join(examples)):
        pytest.importorskip("kenlm", reason="it has no wheels for this Python")
    if "import sherpa_onnx" in "".join(examples):
        pytest.importorskip("sherpa_onnx", reason="sherpa-onnx is not installed")
    namespace: dict[str, object] = {"__name__": "__main__"}
    for code in examples:
        exec(compile(code, page_id(page), "exec"), namespace)

    assert closed_network == []


@pytest.mark.parametrize("page", WITH_PYTHON, ids=page_id)
def test_every_example_can_be_pasted_alone(page: Path) -> None:
    for code in blocks(page.read_text(encoding="utf-8"), "python"):
        assert free_names(code) == set(), code


def test_names_from_elsewhere_are_found() -> None:
    assert free_names("import a.b as c, d.e\nfor x in c(y):\n    d = x + z\nprint(d)") == {"y", "z"}


def test_a_server_would_be_asked_for_an_unknown_name(closed_network: list[str]) -> None:
    with pytest.raises(Exception, match="the network is closed"):
        HfApi().model_info("nobody/nothing")

    assert closed_network


@pytest.mark.parametrize("page", [REPOSITORY / "README.md", REPOSITORY / "docs" / "index.md"], ids=page_id)
def test_the_first_example_transcribes(page: Path, clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = blocks(page.read_text(encoding="utf-8"), "python")[0]
    exec(compile(code, page_id(page), "exec"), {"__name__": "__main__"})

    transcript = capsys.readouterr().out.splitlines()[-1]
    assert character_error_counts([REFERENCE], [transcript]).error_rate < 0.4, transcript


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_block_has_a_language_that_is_tested(page: Path) -> None:
    assert languages(page.read_text(encoding="utf-8")) <= {"bash", "python", "text"}
