"""The scripts as a user starts them: what they write, what they say of bad input, and their exit status."""

import ast
import hashlib
import io
import itertools
import json
import re
import runpy
import subprocess
import sys
import traceback
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import soundfile
import torch
from repository import REPOSITORY, SAMPLE
from runtime_support import needs_onnx
from small_language_model import write_language_model
from tone_speech import save_listener, speak

from hf_bigru_asr import BiGRUCTCFeatureExtractor, BiGRUCTCProcessor, BiGRUCTCTokenizer, BiGRUForCTC
from hf_bigru_asr.backends.loading import choose_runtime
from hf_bigru_asr.evaluation import plots
from hf_bigru_asr.model.beam_search_bigru_ctc import BeamSearchSettings
from hf_bigru_asr.model.confidence_bigru_ctc import ConfidenceModel
from hf_bigru_asr.text.normalization import normalize_transcript
from recipe import synthesis
from recipe.character_lm import bits_per_character, estimate_character_lm, load_character_lm

SCRIPTS = REPOSITORY / "scripts"
SAMPLING_RATE = 16_000

pytestmark = pytest.mark.slow


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run it in this process: one of its own would take seconds to import everything."""
    command = [str(SCRIPTS / script), *map(str, arguments)]
    out, err = io.StringIO(), io.StringIO()
    status: object = 0
    with mock.patch.object(sys, "argv", command), redirect_stdout(out), redirect_stderr(err):
        try:
            runpy.run_path(command[0], run_name="__main__")
        except SystemExit as end:
            status = end.code
        except Exception:
            # What Python itself does with it.
            traceback.print_exc()
            status = 1
    if isinstance(status, str):
        err.write(status)
        status = 1
    return subprocess.CompletedProcess(command, status or 0, out.getvalue(), err.getvalue())


@pytest.mark.parametrize("script", sorted(path.name for path in SCRIPTS.glob("*.py")))
def test_help_says_what_a_script_does(script: str) -> None:
    document = ast.get_docstring(ast.parse((SCRIPTS / script).read_text())) or ""
    shown = " ".join(run(script, "--help").stdout.split())
    assert document.partition("\n")[0] in shown


def write_noise(path: Path, seconds: float) -> Path:
    samples = 0.1 * np.random.default_rng(0).standard_normal(int(seconds * SAMPLING_RATE))
    soundfile.write(path, samples, SAMPLING_RATE)
    return path


def test_transcribe_names_the_bad_file_and_transcribes_the_others(model_dir: Path, tmp_path: Path) -> None:
    good, bad = write_noise(tmp_path / "good.flac", 0.5), tmp_path / "bad.wav"
    bad.write_bytes(b"not audio")
    output = tmp_path / "transcripts.json"

    result = run("transcribe.py", "--model", model_dir, "--output", output, good, bad, tmp_path / "missing.wav", good)

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
        (["--model", "./nowhere"], "nowhere does not exist"),
        (["--lm", "own", "--hotwords", "Pequod:high"], "'Pequod:high' ends with 'high'"),
        (["--output", "."], "Is a directory"),
    ],
    ids=str,
)
def test_transcribe_refuses_what_cannot_be(flags: list[object], message: str, model_dir: Path, tmp_path: Path) -> None:
    result = run("transcribe.py", write_noise(tmp_path / "a.wav", 0.5), "--model", model_dir, *flags)

    assert result.returncode == 2, result.stderr
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--batch_size", 0], "batch_size is 0"),
        (["--num_workers", 0], "num_workers is 0"),
        (["--device", "gpu"], "device is 'gpu'"),
        (["--num_threads", 0], "num_threads is 0"),
        (["--dtype", "int7"], "dtype is 'int7'"),
        (["--lm", "own", "--hotwords", "Pequod:high"], "'Pequod:high' ends with 'high'"),
    ],
    ids=str,
)
def test_evaluate_refuses_what_cannot_be(flags: list[object], message: str, model_dir: Path, tmp_path: Path) -> None:
    row = {"audio": {"bytes": write_noise(tmp_path / "a.wav", 0.5).read_bytes(), "path": "a.wav"}, "text": "A"}
    (tmp_path / "data").mkdir()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([row]), tmp_path / "data" / "test.parquet")

    result = run("evaluate.py", "--dataset_name", tmp_path / "data", "--model", model_dir, *flags)

    assert result.returncode == 2, result.stderr
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_transcribe_makes_the_folder_of_its_output(model_dir: Path, tmp_path: Path) -> None:
    output = tmp_path / "new" / "folder" / "transcripts.json"

    result = run("transcribe.py", "--model", model_dir, "--output", output, write_noise(tmp_path / "a.wav", 0.5))

    assert result.returncode == 0, result.stderr
    assert len(json.loads(output.read_text())) == 1


@needs_onnx
def test_transcribe_with_an_exported_model(tmp_path: Path) -> None:
    save_listener(tmp_path / "model")
    soundfile.write(tmp_path / "hello.wav", speak("HELLO WORLD")[0], SAMPLING_RATE)
    exported = run("export.py", "--model", tmp_path / "model", "--output_dir", tmp_path / "exported", "--waveform")
    assert exported.stdout.strip().endswith("exported: model.onnx, model_waveform.onnx"), exported.stderr

    result = run(
        *("transcribe.py", "--model", tmp_path / "exported", "--runtime", "onnx", "--num_threads", 1),
        *("--return_timestamps", "word", tmp_path / "hello.wav"),
    )

    assert result.returncode == 0, result.stderr
    assert [line.split()[-1] for line in result.stdout.splitlines()] == ["WORLD", "HELLO", "WORLD"]


def test_evaluate_writes_figures_and_names_the_bad_utterance(model_dir: Path, tmp_path: Path) -> None:
    BiGRUForCTC.from_pretrained(model_dir).bfloat16().save_pretrained(model_dir)
    data = tmp_path / "data"
    data.mkdir()
    good = write_noise(tmp_path / "good.flac", 0.5).read_bytes()
    rows = [
        {"id": "good-1", "audio": {"bytes": good, "path": "good.flac"}, "text": "HELLO"},
        {"id": "bad-1", "audio": {"bytes": b"not audio", "path": "bad.flac"}, "text": "HELLO"},
        {"id": "bad-2", "audio": {"bytes": good, "path": "good.flac"}, "text": "ΩMEGA"},
    ]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), data / "test.parquet")

    result = run(
        *("evaluate.py", "--model", model_dir, "--dataset_name", data, "--split", "test"),
        *("--dataset_description", "noise"),
        *("--batch_size", 2, "--output_dir", tmp_path / "results"),
    )

    assert result.returncode == 1, result.stderr
    assert "bad-1: not evaluated: " in result.stderr
    assert "bad-2: not evaluated: " in result.stderr
    assert "U+03A9" in result.stderr
    report = json.loads((tmp_path / "results" / "evaluation.json").read_text())
    assert report["runtime"]["dtype"] == "bfloat16"
    assert report["dataset"]["description"] == "noise"
    assert report["dataset"]["num_utterances"] == 1
    assert report["dataset"]["num_failed"] == 2
    assert report["metrics"]["num_words"] == 1
    assert report["command"].startswith("python ")
    reference = re.search(r"^REF: +(.*)$", (tmp_path / "results" / "utterances.txt").read_text(), re.MULTILINE)
    assert reference is not None
    assert reference[1].strip() == "HELLO"


def test_evaluate_without_an_utterance_that_can_be_used_says_so(model_dir: Path, tmp_path: Path) -> None:
    rows = [{"id": "bad", "audio": {"bytes": b"not audio", "path": "bad.flac"}, "text": "HELLO"}]
    (tmp_path / "data").mkdir()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "data" / "test.parquet")

    result = run(
        *("evaluate.py", "--model", model_dir, "--dataset_name", tmp_path / "data"),
        *("--output_dir", tmp_path / "results"),
    )

    assert result.returncode == 1
    assert "bad: not evaluated: " in result.stderr
    assert "No utterance could be evaluated" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "results").exists()


def test_train_takes_statistics_and_an_ngram_from_data(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    audio = {"bytes": write_noise(tmp_path / "noise.flac", 1.0).read_bytes(), "path": "noise.flac"}
    rows = pyarrow.Table.from_pylist([{"id": str(number), "audio": audio, "text": "HELLO"} for number in range(2)])
    for split in ("train", "validation"):
        pyarrow.parquet.write_table(rows, data / f"{split}.parquet")

    result = run(
        *("train.py", "--dataset_name", data, "--output_dir", tmp_path / "model", "--normalization", "global"),
        *("--max_steps", 1, "--report_to", "none", "--save_strategy", "no", "--load_best_model_at_end", "false"),
    )

    assert result.returncode == 0, result.stderr[-3000:]
    extractor = json.loads((tmp_path / "model" / "processor_config.json").read_text())["feature_extractor"]
    assert extractor["normalization"] == "global"
    reference = BiGRUCTCFeatureExtractor()
    noise = soundfile.read(tmp_path / "noise.flac", dtype="float32")[0]
    reference.fit_global_statistics([noise])
    assert extractor["global_mean"] == pytest.approx(reference.global_mean, abs=1e-4)

    (tmp_path / "text").write_text("left out\nHello there.\nHELLO\n")
    result = run(
        *("build_character_lm.py", "--text_file", tmp_path / "text", "--output_file", tmp_path / "lm.safetensors"),
        *("--order", 3, "--skip_lines", 1, "--exclude_dataset_name", data),
        *("--exclude_split_name", "train", "validation"),
    )

    assert result.returncode == 0, result.stderr[-3000:]
    transitions = load_character_lm(tmp_path / "lm.safetensors", 28)
    np.testing.assert_array_equal(transitions, estimate_character_lm(["HELLO THERE"], BiGRUCTCTokenizer(), 3))
    bits = bits_per_character(transitions, ["HELLO"], BiGRUCTCTokenizer())
    for split in ("train", "validation"):
        assert f"{bits:.3f} bits per character of {split}." in result.stdout

    result = run(
        *("train.py", "--dataset_name", data, "--output_dir", tmp_path / "prior", "--prior_frames", 100),
        *("--max_steps", 1, "--report_to", "none", "--eval_lm", write_language_model(tmp_path / "words")),
        *("--metric_for_best_model", "lm_wer", "--word_error_weight", 1, "--word_error_temperature", 0.5),
        *("--mmi_weight", 0.5, "--mmi_lm", tmp_path / "lm.safetensors"),
        *("--mwer_weight", 1, "--mwer_scale", 0.5, "--mwer_lm", tmp_path / "words"),
        *("--mwer_beam_size", 10, "--mwer_nbest", 3),
    )

    assert result.returncode == 0, result.stderr[-3000:]
    extractor = json.loads((tmp_path / "prior" / "processor_config.json").read_text())["feature_extractor"]
    record = json.loads((tmp_path / "prior" / "training.json").read_text())
    (evaluated,) = [entry for entry in record["log_history"] if "eval_wer" in entry]
    assert record["best_validation"]["lm_wer"] == evaluated["eval_lm_wer"] != evaluated["eval_wer"]
    reference.fit_prior([noise], 100)
    assert extractor["prior_frames"] == 100
    assert extractor["prior_std"] == pytest.approx(reference.prior_std, abs=1e-3)

    result = run(
        *("train.py", "--model_name_or_path", tmp_path / "prior", "--dataset_name", data, "--prior_frames", 0),
        *("--output_dir", tmp_path / "without", "--max_steps", 1, "--report_to", "none", "--save_strategy", "no"),
        *("--load_best_model_at_end", "false"),
    )

    assert result.returncode == 0, result.stderr[-3000:]
    extractor = json.loads((tmp_path / "without" / "processor_config.json").read_text())["feature_extractor"]
    assert extractor["prior_frames"] == 0


def test_segment_dataset_cuts_and_names_the_bad_utterance(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sample = SAMPLE
    rows = [
        {"sound": {"bytes": sample.read_bytes(), "path": sample.name}, "said": sample.with_suffix(".txt").read_text()},
        {"sound": {"bytes": b"not audio", "path": "broken.flac"}, "said": "HELLO"},
    ]
    data = tmp_path / "data"
    data.mkdir()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), data / "train.parquet")
    common = ("--dataset_name", data, "--audio_column_name", "sound", "--text_column_name", "said")
    segment = ("segment_dataset.py", *common, "--duration_s", 1, 2, "--num_passes", 3, "--output_dir")

    result = run(*segment, tmp_path / "segments")

    assert result.returncode == 0, result.stderr[-3000:]
    assert re.search(r"[6-9] segments, 0\.01 hours, split 'train', are in ", result.stdout)
    assert "Utterance '1' is left out: " in caplog.text
    again = run(*segment, tmp_path / "segments")
    assert again.returncode == 2
    assert "has a split 'train' already" in again.stderr
    untold = run(*segment, tmp_path / "recombined", "--recombine")
    assert untold.returncode == 2
    assert "Utterance '0' has no speaker_id" in untold.stderr


def test_segment_dataset_recombines(tmp_path: Path) -> None:
    sample = SAMPLE
    said = sample.with_suffix(".txt").read_text()
    rows = [{"audio": {"bytes": sample.read_bytes(), "path": sample.name}, "text": said, "reader": "alice"}] * 2
    (tmp_path / "data").mkdir()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "data" / "train.parquet")

    result = run(
        *("segment_dataset.py", "--dataset_name", tmp_path / "data", "--output_dir", tmp_path / "recombined"),
        *("--recombine", "--speaker_column_name", "reader", "--duration_s", 2, 4),
    )

    assert result.returncode == 0, result.stderr[-3000:]
    texts = pyarrow.parquet.read_table(next((tmp_path / "recombined").glob("*.parquet")))["text"].to_pylist()
    assert sorted(" ".join(texts).split()) == sorted(normalize_transcript(said).split() * 2)
    assert len(texts) > 2


def test_align_writes_every_format_and_names_the_bad_recording(model_dir: Path, tmp_path: Path) -> None:
    good, untold = write_noise(tmp_path / "good.flac", 1.0), write_noise(tmp_path / "untold.flac", 1.0)
    good.with_suffix(".txt").write_text("Hello, it's $5!\n")
    output = tmp_path / "aligned"

    result = run(
        *("align.py", good, untold, "--model", model_dir, "--output_dir", output),
        *("--format", "json", "textgrid", "ctm", "webvtt"),
    )

    assert result.returncode == 1
    assert re.search(r"^ +\d\.\d\d +\d\.\d\d +\d\.\d{3}  Hello,$", result.stdout, re.MULTILINE), result.stderr
    assert "untold.flac: not aligned: " in result.stderr
    assert "untold.txt" in result.stderr
    assert sorted(path.name for path in output.iterdir()) == ["good.TextGrid", "good.ctm", "good.json", "good.vtt"]
    words = json.loads((output / "good.json").read_text())["words"]
    assert [(word["text"], word["normalized"]) for word in words][2] == ("$5!", "FIVE DOLLARS")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a.wav", "b.wav", "--text", "hello"), "are for one recording"),
        (("a.wav", "--text", "hello", "--text_file", "a.txt"), "are two texts"),
        (("a.wav", "a.flac", "--format", "json"), "would write to the same file"),
        (("a.wav", "--format", "srt"), "invalid choice"),
    ],
)
def test_align_refuses_what_it_cannot_do(arguments: tuple[str, ...], message: str) -> None:
    result = run("align.py", *arguments)

    assert result.returncode == 2
    assert message in result.stderr


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--mmi_weight", "mmi_weight is 1.0 and needs mmi_lm; scripts/build_character_lm.py writes one."),
        ("--mwer_weight", "mwer_weight is 1.0 and needs mwer_lm; scripts/build_lm.py makes one."),
        ("--metric_for_best_model=lm_wer --seed", "metric_for_best_model is lm_wer and needs eval_lm, a language"),
        ("--eval_lm=own --seed", "name the folder of one that scripts/build_lm.py made"),
    ],
)
def test_train_wants_a_language_model_before_it_loads_data(option: str, message: str, tmp_path: Path) -> None:
    result = run("train.py", "--dataset_name", tmp_path / "nowhere", "--output_dir", tmp_path, *option.split(), 1)

    assert result.returncode == 1
    assert message in result.stderr


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
    data = tmp_path / "data"
    data.mkdir()
    for split, text in (("train", "YOU"), ("validation", "No, I")):
        row = {"audio": {"bytes": b"", "path": "none.flac"}, "text": text}
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist([row]), data / f"{split}.parquet")
    (tmp_path / "text.txt").write_text("IT\nYOU\nNO I\nIT A\n")

    result = run(
        *("build_lm.py", "--text_file", tmp_path / "text.txt", "--min_count", 1, "--kenlm_bin", tmp_path),
        *("--exclude_dataset_name", data, "--exclude_split_name", "train", "validation"),
        *("--output_dir", tmp_path / "lm"),
    )

    assert result.returncode == 0, result.stderr
    assert kept.read_text().splitlines() == ["IT", "IT A"]
    record = json.loads((tmp_path / "lm" / "language_model.json").read_text())
    assert record["num_sentences"] == 2
    assert (record["train"]["num_words"], record["validation"]["num_words"]) == (1, 2)


def test_decoding_is_tuned_calibrated_and_measured_on_what_was_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_listener(tmp_path / "model")
    folder = write_language_model(tmp_path / "model" / "language_model")
    data = tmp_path / "data"
    data.mkdir()
    # What is spoken and its transcript: some are wrong, so that some words are.
    texts = {"IT NO": "IT NO", "YOU": "YOU", "NO A": "IT A", "I": "I", "NO YOU": "NO I", "QUIZ": "QUIZ"}
    rows = []
    for spoken, said in texts.items():
        path = tmp_path / f"{spoken}.wav"
        soundfile.write(path, speak(spoken)[0], SAMPLING_RATE)
        rows.append({"sound": {"bytes": path.read_bytes(), "path": path.name}, "said": said})
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), data / "validation.parquet")
    common = ("--dataset_name", data, "--audio_column_name", "sound", "--text_column_name", "said")
    common += ("--model", tmp_path / "model", "--batch_size", 2)
    settings_when_drawn, draw = [], plots.plot_tuning

    def draw_later(*arguments: object) -> None:
        settings_when_drawn.append(BeamSearchSettings.from_folder(folder))
        draw(*arguments)

    monkeypatch.setattr(plots, "plot_tuning", draw_later)

    tuned = run(
        *(
            "tune_decoding.py",
            *common,
            "--lm",
            "own",
            "--lm_weights",
            0.5,
            1,
            "--word_scores",
            0,
            "--prior_weights",
            0,
            0.3,
        ),
        *("--num_offsets", 3),
        *("--beam_size", 50, "--beam_sizes", 5, 50, "--chosen_beam_size", 20, "--output_dir", tmp_path / "tuning"),
    )
    assert tuned.returncode == 0, tuned.stderr
    report = json.loads((tmp_path / "tuning" / "tuning.json").read_text())
    assert report["dataset"] == {"name": str(data), "config": None, "split": "validation"}
    assert [trial["lm_weight"] for trial in report["trials"]] == [0.5, 0.5, 1, 1, report["chosen"]["lm_weight"]]
    assert (report["outside_lexicon"]["num_utterances"], report["outside_lexicon"]["num_said"]) == (1, 1)
    assert (tmp_path / "tuning" / "tuning.png").read_bytes().startswith(b"\x89PNG")
    # Written before anything that may fail.
    assert settings_when_drawn == [BeamSearchSettings.from_folder(folder)] == [BeamSearchSettings(**report["chosen"])]
    assert report["chosen"]["beam_size"] == 20
    # What comes after runs the network as it did here.
    assert (report["num_offsets"], report["chosen"]["num_offsets"]) == (3, 3)

    result = run(
        *("transcribe.py", "--model", tmp_path / "model", "--lm", folder, "--hotwords", "quiz:9"),
        *("--beam_size", 30, "--nbest", 2, tmp_path / "QUIZ.wav", tmp_path / "YOU.wav"),
    )
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert [line.rpartition(": ")[2] for line in lines if ".wav: " in line] == ["QUIZ", "YOU"]

    evaluated = run(
        *(
            "evaluate.py",
            *common,
            "--lm",
            folder,
            "--split",
            "validation",
            "--beam_size",
            30,
            "--nbest",
            2,
            "--hotwords",
            "QUIZ:9",
        ),
        *("--output_dir", tmp_path / "evaluation"),
    )
    assert evaluated.returncode == 0, evaluated.stderr
    evaluation = json.loads((tmp_path / "evaluation" / "evaluation.json").read_text())
    decoding = evaluation["decoding"]
    assert evaluation["num_offsets"] == 3
    assert (decoding["beam_size"], decoding["nbest"], decoding["hotwords"]) == (30, 2, {"QUIZ": 9.0})

    refused = run("transcribe.py", "--model", tmp_path / "model", tmp_path / "YOU.wav", "--lm", tmp_path / "nowhere")
    assert refused.returncode == 2
    assert "nowhere/lm.binary does not exist" in refused.stderr
    assert "Traceback" not in refused.stderr

    calibrated = run("calibrate_confidence.py", *common, "--lm", "own")
    assert calibrated.returncode == 0, calibrated.stderr
    record = json.loads((folder / "confidence.json").read_text())
    assert record["dataset"] == report["dataset"]
    assert record["num_offsets"] == 3
    assert record["cross_validated"]["num_words"] >= 8
    assert ConfidenceModel.from_folder(folder) is not None

    measured = run(
        *("measure_hotwords.py", *common, "--lm", "own", "--num_hotwords", 1, "--weights", 0, 30),
        *("--output_dir", tmp_path / "hot"),
    )
    assert measured.returncode == 0, measured.stderr
    report = json.loads((tmp_path / "hot" / "hotwords.json").read_text())
    assert report["hotwords"] == ["QUIZ"]
    assert report["num_offsets"] == 3
    assert [trial["weight"] for trial in report["trials"]] == [0, 30]
    assert report["trials"][1]["num_found"] == 1
    assert report["trials"][1]["false_alarms_per_hour"] >= 0
    assert "weight 30: 1 of 1 found" in measured.stdout


@pytest.mark.parametrize(
    "command",
    [
        ("tune_decoding.py", "--lm", "own"),
        ("evaluate.py", "--plot_reliability"),
        ("benchmark.py", "--plot", "picture.png"),
    ],
    ids=lambda command: command[0],
)
def test_a_picture_that_cannot_be_drawn_is_refused_at_once(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = run(*command, "--dataset_name", tmp_path / "nowhere")
    assert result.returncode == 2
    assert "Pictures need the extra `plot`: pip install 'hf-bigru-asr[plot]'." in result.stderr


@pytest.mark.parametrize("script", ["tune_decoding.py", "calibrate_confidence.py", "measure_hotwords.py"])
def test_a_model_without_a_language_model_is_named_before_data_are_read(
    script: str, listener_dir: Path, tmp_path: Path
) -> None:
    result = run(script, "--dataset_name", tmp_path / "nowhere", "--model", listener_dir, "--lm", "own")
    assert result.returncode == 2
    assert f"{listener_dir} has no language model of its own; name the folder" in result.stderr


def test_transcribe_prints_the_readings_beside_the_best_one(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path
) -> None:
    tiny_model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    write_language_model(tmp_path / "language_model")
    sample = SCRIPTS.parent / "tests" / "data" / "speech_sample.flac"
    result = run("transcribe.py", "--model", tmp_path, "--lm", "own", "--nbest", 3, sample)
    assert result.returncode == 0, result.stderr
    best, *others = result.stdout.splitlines()
    found = [re.fullmatch(r" +(-?[0-9.]+)  ([A-Z' ]+)", line) for line in others]
    assert len(found) == 2
    assert all(found)
    scores = [float(match[1]) for match in found if match]
    assert scores == sorted(scores, reverse=True)
    assert len({best, *(match[2] for match in found if match)}) == 3


@needs_onnx
def test_compare_int8_writes_what_eight_bits_change(listener_dir: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    rows = []
    for text in ("HI YOU", "TALL"):
        path = tmp_path / f"{text}.wav"
        soundfile.write(path, speak(text)[0], SAMPLING_RATE)
        rows.append({"sound": {"bytes": path.read_bytes(), "path": path.name}, "said": text.replace("TALL", "All!")})
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), data / "validation.parquet")

    result = run(
        *("compare_int8.py", "--dataset_name", data, "--model", listener_dir, "--audio_column_name", "sound"),
        *("--text_column_name", "said", "--batch_sizes", 1, 3, "--duration_s", 0.5, "--repeats", 2),
        *("--num_threads", torch.get_num_threads(), "--output", tmp_path / "int8.json"),
    )

    assert result.returncode == 0, result.stderr
    report = json.loads((tmp_path / "int8.json").read_text())
    assert [(each["name"], each["num_float_grus"] > 0) for each in report["results"]] == [
        ("torch, packed nn.GRU, float32", True),
        ("torch, packed nn.GRU, int8", False),
        ("ONNX Runtime, float32", True),
        ("ONNX Runtime, int8", True),
    ]
    for each in report["results"]:
        assert each["wer"] == pytest.approx(1 / 3)
        assert each["real_time_factors"].keys() == {"1", "3"}
        assert all(speed > 0 for speed in each["real_time_factors"].values())
        assert f"{each['name']:32} {each['num_float_grus']} GRUs in float32" in result.stdout


def test_average_checkpoints_writes_the_mean(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path
) -> None:
    bias = tiny_model.lm_head.bias.data.clone()
    for number in range(2):
        tiny_model.lm_head.bias.data = bias + number
        tiny_model.save_pretrained(tmp_path / str(number))
        processor.save_pretrained(tmp_path / str(number))

    result = run("average_checkpoints.py", tmp_path / "0", tmp_path / "1", "--output_dir", tmp_path / "mean")
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"The mean of 2 checkpoints is written to {tmp_path / 'mean'}.\n"
    torch.testing.assert_close(BiGRUForCTC.from_pretrained(tmp_path / "mean").lm_head.bias.data, bias + 0.5)

    refused = run("average_checkpoints.py", tmp_path / "nowhere", "--output_dir", tmp_path / "other")
    assert refused.returncode == 2
    assert "nowhere does not exist" in refused.stderr


def test_compare_chunks_writes_what_chunks_change(listener_dir: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    rows = []
    for spoken, said in (("HI YOU ", "Hi you"), ("TALL", "all")):
        path = tmp_path / f"{spoken}.wav"
        soundfile.write(path, speak(spoken)[0], SAMPLING_RATE)
        rows.append({"sound": {"bytes": path.read_bytes(), "path": path.name}, "said": said})
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), data / "validation.parquet")

    result = run(
        *("compare_chunks.py", "--dataset_name", data, "--model", listener_dir, "--audio_column_name", "sound"),
        *("--text_column_name", "said", "--chunk_lengths_s", 1.2, 100, "--num_threads", torch.get_num_threads()),
        *("--output", tmp_path / "out" / "chunks.json"),
    )

    assert result.returncode == 0, result.stderr
    report = json.loads((tmp_path / "out" / "chunks.json").read_text())
    duration_s = sum(len(speak(spoken)[0]) for spoken in ("HI YOU ", "TALL")) / SAMPLING_RATE
    assert report["minutes"] == pytest.approx(duration_s / 60)
    assert [each["chunk_length_s"] for each in report["results"]] == [None, 1.2, 100]
    # This network looks at one frame at a time, so chunks change nothing.
    for each in report["results"]:
        assert (each["wer_to_exact"], each["wer"]) == (0, pytest.approx(1 / 3))
    assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == ["chunks", "exact", "1.2", "100"]


def test_plot_training_draws_every_stage(model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    refused = run("plot_training.py", "--model", model_dir, "--output", tmp_path / "curve.png")
    assert refused.returncode == 2
    assert "training.json does not exist; scripts/train.py writes it beside a model" in refused.stderr

    rates = {"eval_loss": 2.5, "eval_wer": 0.5, "eval_cer": 0.2}
    logs = [[{"elapsed_s": 9.0, "loss": loss, **rates}] for loss in (3.0, 2.0)]
    record = {"log_history": logs[1], "earlier_stages": [{"log_history": logs[0]}]}
    (model_dir / "training.json").write_text(json.dumps(record))
    drawn, draw = [], plots.plot_learning_curve

    def draw_and_keep(stages: list[list[dict[str, float]]], path: Path) -> None:
        drawn.extend(stages)
        draw(stages, path)

    monkeypatch.setattr(plots, "plot_learning_curve", draw_and_keep)

    result = run("plot_training.py", "--model", model_dir, "--output", tmp_path / "curve.png")

    assert result.returncode == 0, result.stderr
    assert drawn == logs
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_synthesize_chooses_sentences_and_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (
        "Left out by number.",
        "Hello there, you!",
        "It is held out.",
        "Too short",
        "Brown dogs run.",
        "Beyond it all.",
    )
    (tmp_path / "text.txt").write_text("\n".join(lines))
    (tmp_path / "data").mkdir()
    row = {"audio": {"bytes": b"", "path": "none.flac"}, "text": "IT IS HELD OUT"}
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([row]), tmp_path / "data" / "validation.parquet")
    command = ("synthesize.py", "--text_file", tmp_path / "text.txt", "--skip_lines", 1, "--max_lines", 4)
    command += ("--num_utterances", 5, "--exclude_dataset_name", tmp_path / "data", "--split", "extra", "--seed", 3)
    command += ("--pace", 0.9, 1.1, "--output_dir", tmp_path / "speech", "--voices")

    refused = run(*command, "nobody:nowhere")
    assert refused.returncode == 2
    assert "There is no voice 'nobody:nowhere'" in refused.stderr

    # In place of a voice: the only shard is there already, so that nothing is read aloud.
    monkeypatch.setattr(synthesis, "load_voice", lambda name: name)
    (tmp_path / "speech").mkdir()
    (tmp_path / "speech" / "extra-00000-of-00001.parquet").touch()

    result = run(*command, "tone:a")

    assert result.returncode == 0, result.stderr
    assert f"2 utterances, split 'extra', are in {tmp_path / 'speech'}." in result.stdout
    record = json.loads((tmp_path / "speech" / "extra-synthesis.json").read_text())
    chosen = ("HELLO THERE YOU", "BROWN DOGS RUN")
    digests = [hashlib.sha256("\n".join(order).encode()).hexdigest() for order in itertools.permutations(chosen)]
    assert record["sentences_sha256"] in digests
    settings = record["settings"]
    assert (settings["voices"], settings["pace"], settings["seed"]) == (["tone:a"], [0.9, 1.1], 3)


def test_benchmark_sets_each_number_format_against_its_own_product() -> None:
    def rows(speeds: dict[str, float]) -> list[dict[str, object]]:
        return [
            {"name": name, "batch_size": 16, "duration_s": 15.0, "real_time_factor": x} for name, x in speeds.items()
        ]

    speeds = {"torch, packed nn.GRU": 100.0, "torch float32": 200.0, "a float32": 300.0, "a bfloat16": 400.0}
    products = {"torch float32": 500.0, "a float32": 250.0, "a bfloat16": 1600.0}
    ratios = runpy.run_path(str(SCRIPTS / "benchmark.py"))["ratios"]
    found = ratios({"network": rows(speeds), "ceilings": rows(products)})
    size = "network, batch 16 of 15 s: best"
    assert found == {
        f"{size} to packed nn.GRU": 4.0,
        f"{size} float32 to matrix product": 0.6,
        f"{size} bfloat16 to matrix product": 0.25,
    }


def test_gpu_benchmark_says_what_an_epoch_takes(tmp_path: Path) -> None:
    save_listener(tmp_path / "model")
    result = run(
        *("benchmark_gpu.py", "--model", tmp_path / "model", "--device", "cpu", "--batch_sizes", 2),
        *("--training_batch_sizes", 4, "--duration_s", 2, "--repeats", 1, "--output", tmp_path / "out" / "gpu.json"),
    )
    assert result.returncode == 0, result.stderr[-3000:]
    report = json.loads((tmp_path / "out" / "gpu.json").read_text())
    assert [row["name"] for row in report["inference"]] == ["cpu float32", "cpu bfloat16"]
    assert [row["name"] for row in report["training"]] == ["cpu float32", "cpu bfloat16"]
    for row in report["training"]:
        assert 4 * 2 * 0.7 < row["audio_s"] <= 4 * 2  # the shortest utterances have 70 % of the longest
        assert row["audio_hours_per_minute"] * 60 * row["step_median_s"] == pytest.approx(row["audio_s"])
        assert row["epoch_s"] / 60 * row["audio_hours_per_minute"] == pytest.approx(100.6)
    assert report["commit"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_gpu_benchmark_without_a_gpu_says_so() -> None:
    result = run("benchmark_gpu.py")
    assert result.returncode == 2
    assert "there is no CUDA device here; --device names another one." in result.stderr


@needs_onnx
def test_benchmark_compares_runtimes_and_files(tmp_path: Path) -> None:
    save_listener(tmp_path / "model")
    data = tmp_path / "data"
    data.mkdir()
    rows = []
    for text in ("HELLO", "NOT TAKEN", "ALL WELL"):
        soundfile.write(tmp_path / "speech.wav", speak(text)[0], SAMPLING_RATE)
        rows.append({"audio": {"bytes": (tmp_path / "speech.wav").read_bytes(), "path": "speech.wav"}, "text": text})
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), data / "test.parquet")

    result = run(
        *("benchmark.py", "--model", tmp_path / "model", "--runtimes", "onnx", "--num_threads", 1),
        *("--batch_sizes", 2, "--duration_s", 0.4, "--repeats", 1, "--dataset_name", data, "--every", 2),
        *("--file_repeats", 1, "--long_s", 3, "--output", tmp_path / "out.json", "--plot", tmp_path / "out.png"),
    )

    assert result.returncode == 0, result.stderr[-3000:]
    report = json.loads((tmp_path / "out.json").read_text())
    networks = [(row["name"], row["batch_size"], row["duration_s"]) for row in report["network"]]
    names = ("torch, packed nn.GRU", "onnx float32")
    assert networks == [(name, *size) for size in ((1, 5.0), (2, 0.4)) for name in names]
    assert all(row["real_time_factor"] > 0 for row in (*report["network"], *report["ceilings"]))
    file, grids = report["files"]
    assert (grids["name"], grids["wer"]) == (f"this package, {choose_runtime('auto', 'cpu')}, 3 grids", 0)
    assert (file["name"], file["wer"]) == ("this package, onnx", 0)  # HELLO and ALL WELL
    assert file["audio_s"] == pytest.approx(sum(len(speak(text)[0]) for text in ("HELLO", "ALL WELL")) / SAMPLING_RATE)
    assert report["long"][0]["audio_s"] == 3
    assert 10 < report["start"]["peak_memory_mib"] < 500
    assert report["ratios"]["file to text: best to network alone"] > 0
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
