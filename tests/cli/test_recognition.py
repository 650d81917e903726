"""How a command says what runs, and where it takes recordings from."""

import io
from pathlib import Path

import pytest

from hf_bigru_asr import __version__
from hf_bigru_asr.audio.download import Download
from hf_bigru_asr.cli.inputs import Input
from hf_bigru_asr.cli.recognition import (
    DownloadLimits,
    RecognitionOptions,
    description,
    facts_of,
    opened,
    problem_of,
    stream_of,
)


@pytest.mark.parametrize(
    ("options", "language_model", "num_grids", "shown"),
    [
        (RecognitionOptions(), "own", 3, "model bundled, language model own, {}, 3 frame grids"),
        (RecognitionOptions(preset="fast"), "own", 1, "model bundled, language model own (fast), {}, 1 frame grid"),
        (
            RecognitionOptions(dtype="float32"),
            None,
            1,
            "model bundled, no language model, {} in float32, 1 frame grid",
        ),
        (RecognitionOptions("a/b"), None, 1, "model a/b, no language model, {}, 1 frame grid"),
        (RecognitionOptions(grammar=Path("g.txt")), None, 1, "model bundled, grammar g.txt, {}, 1 frame grid"),
        (
            RecognitionOptions(hotwords=("A",)),
            "own",
            1,
            "model bundled, language model own, 1 hotword, {}, 1 frame grid",
        ),
        (
            RecognitionOptions(hotwords=("A", "B")),
            "own",
            1,
            "model bundled, language model own, 2 hotwords, {}, 1 frame grid",
        ),
    ],
)
def test_what_runs(options: RecognitionOptions, language_model: str | None, num_grids: int, shown: str) -> None:
    facts = facts_of(options, language_model)
    assert facts.runtime.startswith("onnxruntime 1.")
    assert facts.version == __version__
    assert description(options, facts, num_grids) == shown.format(facts.runtime)


def test_streams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"sound")
    limits = DownloadLimits(7, 3.0)
    assert stream_of(Input(str(path), Path("a")), limits) == str(path)
    assert isinstance(stream_of(Input("https://example.org/a.wav", Path("a")), limits), Download)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"from a pipe")))
    assert opened(Input("-", Path("stdin")), limits).data == b"from a pipe"
    assert opened(Input(str(path), Path("a")), limits).data == b"sound"


def test_a_download_is_closed_when_it_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []
    monkeypatch.setattr(Download, "read", lambda self, size, blocks=[b"sound"]: blocks.pop() if blocks else b"")
    monkeypatch.setattr(Download, "close", lambda self: closed.append(self.name))
    source = opened(Input("https://example.org/a.mp3", Path("a")), DownloadLimits())
    assert (source.data, source.suffix) == (b"sound", ".mp3")
    assert closed == ["https://example.org/a.mp3"]


@pytest.mark.parametrize(
    ("source", "error", "problem"),
    [
        ("a b.wav", "audio file 'a b.wav': is empty (0 bytes)", "is empty (0 bytes)"),
        ("-", "open file '<stdin>': is broken", "is broken"),
        ("http://a/b", "http://a/b: the server answers 404", "the server answers 404"),
        ("a.wav", 'use what is left of it with on_damage="warn"', "use what is left of it with --on-damage warn"),
    ],
)
def test_problems_are_in_the_words_of_the_command(source: str, error: str, problem: str) -> None:
    assert problem_of(Input(source, Path("x")), error) == problem
