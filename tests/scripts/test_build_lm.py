"""`scripts/build_lm.py`, with programs in place of KenLM's."""

import json
import sys
from pathlib import Path

import pytest
from script_runs import run_script, write_split
from small_language_model import write_language_model


def test_build_lm_leaves_the_sentences_of_every_named_split_out(tmp_path: Path) -> None:
    pytest.importorskip("kenlm")
    # In place of KenLM's estimator: what it is given is kept, and a language model is there already.
    write_language_model(tmp_path / "given")
    given, kept = tmp_path / "given" / "lm.binary", tmp_path / "kept.txt"
    copies = {
        "lmplz": f"shutil.copy(option['--text'], {str(kept)!r}); shutil.copy({str(given)!r}, option['--arpa'])",
        "build_binary": "shutil.copy(*sys.argv[-2:])",
    }
    for name, copy in copies.items():
        program = tmp_path / name
        program.write_text(
            f"#!{sys.executable}\nimport shutil, sys\noption = dict(zip(sys.argv, sys.argv[1:]))\n{copy}\n"
        )
        program.chmod(0o755)
    for split, text in (("train", "YOU"), ("validation", "No, I")):
        row = {"audio": {"bytes": b"", "path": "none.flac"}, "text": text}
        data = write_split(tmp_path / "data", split, [row])
    (tmp_path / "text.txt").write_text("IT\nYOU\nNO I\nIT A\n")

    result = run_script(
        *("build_lm.py", "--text_file", tmp_path / "text.txt", "--min_count", 1, "--kenlm_bin", tmp_path),
        *("--exclude_dataset_name", data, "--exclude_split_name", "train", "validation"),
        *("--output_dir", tmp_path / "lm"),
    )

    assert result.returncode == 0, result.stderr
    assert kept.read_text().splitlines() == ["IT", "IT A"]
    record = json.loads((tmp_path / "lm" / "language_model.json").read_text())
    assert record["num_sentences"] == 2
    assert (record["train"]["num_words"], record["validation"]["num_words"]) == (1, 2)
