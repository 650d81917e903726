"""`scripts/transcribe.py`: what it prints and writes, what it refuses, and its exit status."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from repository import SAMPLE
from runtime_support import needs_onnx
from script_runs import run_script, write_noise
from small_language_model import write_language_model
from speech_rows import RATE_HZ
from tone_speech import speak

from hf_bigru_asr import BiGRUCTCProcessor, BiGRUForCTC


def test_transcribe_names_the_bad_file_and_transcribes_the_others(model_dir: Path, tmp_path: Path) -> None:
    good, bad = write_noise(tmp_path / "good.flac", 0.5), tmp_path / "bad.wav"
    bad.write_bytes(b"not audio")
    output = tmp_path / "transcripts.json"

    result = run_script(
        "transcribe.py", "--model", model_dir, "--output", output, good, bad, tmp_path / "missing.wav", good
    )

    assert result.returncode == 1
    assert result.stdout.count("good.flac: ") == 2
    assert "bad.wav: not transcribed: " in result.stderr
    assert "missing.wav: not transcribed: " in result.stderr
    assert [row["error"] is None for row in json.loads(output.read_text())] == [True, False, False, True]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--return_timestamps", "words"], "return_timestamps is 'words'"),
        (["--num_workers", 0], "num_workers is 0"),
        (["--batch_size", 0], "batch_size is 0"),
        (["--batch_size", 0, "--chunk_length_s", 5], "batch_size is 0"),
        (["--batch_s", "nan"], "batch_s is nan"),
        (["--chunk_length_s", 0], "chunk_length_s is 0.0"),
        (["--chunk_length_s", 5, "--stride_length_s", 2.5], "stride_length_s is 2.5"),
        (["--device", "gpu"], "device is 'gpu'"),
        (["--device", "cuda:99"], "device is 'cuda:99', which torch cannot use here"),
        (["--num_threads", 0], "num_threads is 0"),
        (["--dtype", "int7"], "dtype is 'int7'"),
        (["--runtime", "abacus"], "runtime is 'abacus'"),
        (["--channels", "both"], "channels is 'both'; it must be 'mix', 'split' or the number of a channel from 0"),
        (["--channels", "split", "--chunk_length_s", 5], "channels is 'split'; the pipeline's own chunks"),
        (["--on_damage", "ignore"], "on_damage is 'ignore'; it must be 'error' or 'warn'"),
        (["--model", "./nowhere"], "nowhere does not exist"),
        (["--lm", "own", "--hotwords", "?!:9"], "The hotword '?!:9' has no words"),
        (["--output", "."], "error: .: Is a directory. See transcribe.py --help."),
        (["--lm", "./nowhere"], "nowhere/lm.binary does not exist; give the folder of a language model"),
    ],
    ids=str,
)
def test_transcribe_refuses_what_cannot_be(
    flags: list[object], message: str, listener_dir: Path, tmp_path: Path
) -> None:
    result = run_script("transcribe.py", write_noise(tmp_path / "a.wav", 0.5), "--model", listener_dir, *flags)

    assert result.returncode == 2, result.stderr
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_transcribe_says_that_hotwords_took_the_files() -> None:
    result = run_script("transcribe.py", "--lm", "own", "--hotwords", "Moby Dick", "a.wav")
    assert result.returncode == 2
    assert "required: FILE; --hotwords takes every word up to the next option: give FILE before it." in result.stderr


def test_transcribe_makes_the_folder_of_its_output(model_dir: Path, tmp_path: Path) -> None:
    output = tmp_path / "new" / "folder" / "transcripts.json"

    result = run_script(
        "transcribe.py", "--model", model_dir, "--output", output, write_noise(tmp_path / "a.wav", 0.5)
    )

    assert result.returncode == 0, result.stderr
    assert len(json.loads(output.read_text())) == 1


@needs_onnx
def test_transcribe_with_an_exported_model(listener_dir: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "hello.wav", speak("HELLO WORLD")[0], RATE_HZ)
    exported = run_script("export.py", "--model", listener_dir, "--output_dir", tmp_path / "exported", "--waveform")
    assert exported.stdout.strip().endswith("exported: model.onnx, model_waveform.onnx"), exported.stderr

    result = run_script(
        *("transcribe.py", "--model", tmp_path / "exported", "--runtime", "onnx", "--num_threads", 1),
        *("--return_timestamps", "word", tmp_path / "hello.wav"),
    )

    assert result.returncode == 0, result.stderr
    assert [line.split()[-1] for line in result.stdout.splitlines()] == ["WORLD", "HELLO", "WORLD"]

    for command in (("transcribe.py",), ("align.py", "--text", "HELLO WORLD")):
        refused = run_script(*command, "--model", tmp_path / "exported", tmp_path / "hello.wav")
        assert refused.returncode == 2
        assert f"{tmp_path / 'exported'} holds an ONNX graph only; give --runtime onnx" in refused.stderr
        assert refused.stderr.count("\n") == 1


def test_transcribe_prints_the_hypotheses_beside_the_best_one(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path
) -> None:
    tiny_model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    write_language_model(tmp_path / "language_model")
    result = run_script("transcribe.py", "--model", tmp_path, "--lm", "own", "--nbest", 3, SAMPLE)
    assert result.returncode == 0, result.stderr
    best, *others = result.stdout.splitlines()
    found = [re.fullmatch(r" +(-?[0-9.]+)  ([A-Z' ]+)", line) for line in others]
    assert len(found) == 2
    assert all(found)
    scores = [float(match[1]) for match in found if match]
    assert scores == sorted(scores, reverse=True)
    assert len({best, *(match[2] for match in found if match)}) == 3


def test_transcribe_with_a_language_model_and_hotwords(tone_model: Path, tmp_path: Path) -> None:
    for text in ("QUIZ", "YOU"):
        soundfile.write(tmp_path / f"{text}.wav", speak(text)[0], RATE_HZ)

    result = run_script(
        *("transcribe.py", "--model", tone_model, "--lm", tone_model / "language_model", "--hotwords", "quiz:9"),
        *("--beam_size", 30, "--nbest", 2, tmp_path / "QUIZ.wav", tmp_path / "YOU.wav"),
    )

    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert [line.rpartition(": ")[2] for line in lines if ".wav: " in line] == ["QUIZ", "YOU"]


def test_transcribe_prints_turns_and_warnings(listener_dir: Path, tmp_path: Path) -> None:
    call, output = tmp_path / "call.wav", tmp_path / "call.json"
    soundfile.write(call, np.stack([speak("HELLO")[0], 0 * speak("HELLO")[0]], axis=1), RATE_HZ)
    call.write_bytes(call.read_bytes()[:-8])

    options = ["--channels", "split", "--on_damage", "warn", "--output", output]
    result = run_script("transcribe.py", call, "--model", listener_dir, *options)

    assert result.returncode == 0
    assert re.search(r"^ +[0-9.]+ +[0-9.]+  channel 0: HELLO$", result.stdout, re.MULTILINE)
    assert re.search(
        r"^warning: .*call\.wav'.* is truncated: .* could be read and are used$", result.stderr, re.MULTILINE
    )
    (row,) = json.loads(output.read_text())
    assert [turn["text"] for turn in row["turns"] if turn["channel"] == 0] == ["HELLO"]
    assert row["channels"][0]["text"] == "HELLO"
    assert len(row["warnings"]) == 1
