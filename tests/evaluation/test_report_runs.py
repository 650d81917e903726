"""Runs in files, and their alignments against those of jiwer."""

import json
from pathlib import Path

import jiwer
import numpy as np
import pytest

from hf_bigru_asr.evaluation.report_runs import (
    UTTERANCES_NAME,
    ReportedUtterance,
    Run,
    fewest_errors_alignment,
    read_run,
    write_run,
)

RUN = Run("mine", (ReportedUtterance("a", "IT NO", "IT", "7", 1.5, -20.0, 30.0, (0.5,)),), {"data": "some"})


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_run(tmp_path / "new", RUN)
    assert read_run(tmp_path / "new") == RUN


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": 3}, "name is 3; it must be a text"),
        ({"utterances": {}}, "utterances is no list"),
        ({"utterances": [{"id": "a"}]}, "utterance 0: it must have id, reference, hypothesis"),
        ({"utterances": "confidence"}, r"utterance 0: confidences\[0\] is 2; it must be a finite number"),
        ({"utterances": "twice"}, "utterance 1: the id 'a' was there before"),
    ],
)
def test_a_broken_file_is_refused_by_name(change: dict[str, object], message: str, tmp_path: Path) -> None:
    write_run(tmp_path, RUN)
    path = tmp_path / UTTERANCES_NAME
    values = json.loads(path.read_text())
    (row,) = values["utterances"]
    rows = {"confidence": [row | {"confidences": [2]}], "twice": [row, row]}
    change = {name: rows.get(str(value), value) for name, value in change.items()}
    path.write_text(json.dumps(values | change))
    with pytest.raises(ValueError, match=f"{UTTERANCES_NAME}: {message}"):
        read_run(tmp_path)


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"has no utterances\.json; give the folder of a report"):
        read_run(tmp_path)


def test_alignments_are_those_of_jiwer() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        reference, hypothesis = (list(rng.choice(list("ABC"), rng.integers(1, 9))) for _ in range(2))
        pairs = fewest_errors_alignment(reference, hypothesis)
        measured = jiwer.process_words(" ".join(reference), " ".join(hypothesis))
        assert [word for word, _ in pairs if word] == reference
        assert [word for _, word in pairs if word] == hypothesis
        counts = (measured.hits, measured.substitutions, measured.deletions, measured.insertions)
        assert counts == (
            sum(word == found for word, found in pairs),
            sum(word != found and None not in (word, found) for word, found in pairs),
            sum(found is None for _, found in pairs),
            sum(word is None for word, _ in pairs),
        )
