"""`scripts/spelled_text.py`: the text, the transcripts and the spelled sentences in one file."""

from pathlib import Path

from script_runs import run_script, write_split


def test_the_text_the_transcripts_and_the_spelled_sentences_are_written(tmp_path: Path) -> None:
    text = ["THE OAK STOOD", "AN OAK AND THE RARE ELM", "OAK AGAIN"]
    (tmp_path / "text.txt").write_text("\n".join(text) + "\n")
    data = write_split(tmp_path / "data", "train", [{"audio": {"bytes": b"", "path": "none.flac"}, "text": "Go on!"}])
    options = ("--text_file", tmp_path / "text.txt", "--num_sentences", 60, "--output_file", tmp_path / "out.txt")

    result = run_script("spelled_text.py", *options, "--keep_text", "--dataset_name", data, "--repeats", 2)

    assert result.returncode == 0, result.stderr
    lines = (tmp_path / "out.txt").read_text().splitlines()
    assert lines[:5] == [*text, "GO ON", "GO ON"]
    assert len(lines) == 65
    assert "O A K" in lines[5:]  # three times in the text; THE is there twice, ELM once
    assert not {"E L M", "T H E"} & set(lines)


def test_a_text_without_a_word_to_spell_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("ONCE ONLY\n")
    result = run_script(
        *("spelled_text.py", "--text_file", tmp_path / "text.txt", "--num_sentences", 5),
        *("--output_file", tmp_path / "out.txt"),
    )
    assert result.returncode == 2
    assert "There is no word to spell" in result.stderr
    assert not (tmp_path / "out.txt").exists()
