"""What Whisper's, Vosk's and sherpa-onnx's users type: it works, or one line says what does."""

from pathlib import Path

import pytest

from hf_bigru_asr.cli import transcribe
from hf_bigru_asr.cli.main import command_parser, main
from hf_bigru_asr.cli.other_programs import hints_for


@pytest.mark.parametrize(
    ("words", "formats"),
    [
        ("a.wav --output_format srt --output_dir out", ["srt"]),
        ("a.wav -f srt,vtt -o out", ["srt", "vtt"]),
        ("a.wav --output-format all -o out --language en", ["txt", "vtt", "srt", "tsv", "json"]),
        ("a.wav --language English -o out -f vtt --word_stamps", ["vtt"]),
        ("a.wav -l en-US -o out -q", ["txt"]),
        ("a.wav --output_format=json --output_dir=out", ["json"]),
    ],
)
def test_everyday_options_are_taken(words: str, formats: list[str]) -> None:
    args = command_parser("transcribe").parse(words.split())
    transcribe._check(args)
    assert (args.format, args.output_dir, args.paths) == (formats, Path("out"), ["a.wav"])


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--model tiny.en", "argument --model: tiny.en is no folder, and models on the Hub are named NAMESPACE/NAME"),
        ("--model nosuch", "argument --model: nosuch is no folder, and models on the Hub"),
        ("--word_timestamps True", "--word-timestamps: json, ctm and textgrid have the times of words"),
        ("--initial_prompt=Ahab", "--initial-prompt: --hotwords names what is expected"),
        ("--device cpu --fp16 False", "--device: the command runs on the CPU; leave it out; --fp16: nothing here"),
        ("-i", "unknown argument -i; -i: give the recording without an option"),
        ("-t srt", "-t: give --format"),
        (
            "--repetition_penalty 1.1 -nt",
            "--repetition-penalty: nothing here corresponds to it; leave it out; -nt: no",
        ),
        ("--vad_min_silence_duration_ms 500", "--vad-min-silence-duration-ms: silence adds no words; leave it out"),
        (
            "-m ggml-base.en.bin --output-srt",
            "-m: --model takes the folder with all files of a model; --output-srt: g",
        ),
        ("-n vosk-model-small-en-us-0.15", "-n: --model takes a folder or a name on the Hub"),
        ("--pretty_json True", "--pretty-json: give --format json"),
        ("--version", "--version: hf-bigru-asr --version, and hf-bigru-asr info, say it"),
        ("--threads 4", "--threads: --jobs N recordings run at once"),
        ("--langauge en", "did you mean --language?"),
        ("--frobnicate 3", "unknown argument --frobnicate 3. See hf-bigru-asr transcribe --help."),
    ],
)
def test_what_does_the_same_here_is_said(words: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        command_parser("transcribe").parse(["a.wav", *words.split()])
    assert end.value.code == 2
    shown = capsys.readouterr().err
    assert line in shown
    assert shown.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("-osrt", "-o srt would be a folder; for the format give --format srt"),
        ("-o json", "-o json would be a folder; for the format give --format json"),
        ("-f a.wav", "--format has a.wav; choose from txt, json,"),
        ("-f a.wav", "rttm; recordings are given without an option"),
    ],
)
def test_a_format_where_a_folder_stands_and_a_recording_where_a_format_stands(
    words: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As whisper.cpp has them."""
    monkeypatch.chdir(tmp_path)
    Path("a.wav").touch()
    with pytest.raises(SystemExit) as end:
        main(["transcribe", "a.wav", *words.split()])
    assert end.value.code == 2
    shown = capsys.readouterr().err
    assert line in shown
    assert shown.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_no_hint_is_for_an_option_that_exists() -> None:
    ours = command_parser("transcribe")._option_string_actions
    assert [option for option in ours if hints_for([option])] == []


def test_a_name_that_looks_like_an_option_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("-call.wav").touch()
    for words in (["-call.wav"], ["a.wav", "-call.wav"]):
        with pytest.raises(SystemExit):
            command_parser("transcribe").parse(words)
        assert "; -call.wav begins like an option: give ./-call.wav." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "usage"), [(["help"], "usage: hf-bigru-asr [-h]"), (["help", "info"], "usage: hf-bigru-asr info [-h]")]
)
def test_help_is_a_command_too(words: list[str], usage: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith(usage)
