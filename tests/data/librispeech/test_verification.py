"""What fails a check is listed with its reason, in the middle of a corpus that is otherwise whole."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from openslr_corpus import (
    BAD,
    TEXTS,
    Files,
    audio_file,
    corpus,
    path_of,
    prepare,
    rows_of,
    with_line,
    without,
    write_archive,
    write_tree,
)

from hf_bigru_asr.data.librispeech import index as librispeech
from hf_bigru_asr.data.librispeech import verification as librispeech_verification
from hf_bigru_asr.data.librispeech.index import RejectReason, UtteranceError, iterate_openslr
from hf_bigru_asr.data.librispeech.verification import verify_utterance


def wav_file(value: float = 0.1, num_samples: int = 3200) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, np.full(num_samples, value, np.float32), 16_000, format="WAV", subtype="FLOAT")
    return stream.getvalue()


def wrong_md5(content: bytes) -> bytes:
    return content[:26] + bytes(16 * [7]) + content[42:]


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0x55]) + content[middle + 1 :]


def promising(content: bytes, num_samples: int) -> bytes:
    """The number of samples in STREAMINFO (its low 32 bits, in front of the MD5) replaced."""
    return content[:22] + num_samples.to_bytes(4, "big") + content[26:]


REJECTS: dict[str, tuple[Callable[[Files], Files], RejectReason, str]] = {
    "cut": (lambda f: f | {path_of(BAD): f[path_of(BAD)][:-200]}, RejectReason.BROKEN_AUDIO, "libsndfile says"),
    "flipped": (lambda f: f | {path_of(BAD): flipped(f[path_of(BAD)])}, RejectReason.BROKEN_AUDIO, "libsndfile says"),
    "garbage": (lambda f: f | {path_of(BAD): b"garbage"}, RejectReason.BROKEN_AUDIO, "libsndfile says"),
    "no bytes": (lambda f: f | {path_of(BAD): b""}, RejectReason.BROKEN_AUDIO, "libsndfile says"),
    "md5": (lambda f: f | {path_of(BAD): wrong_md5(f[path_of(BAD)])}, RejectReason.BROKEN_AUDIO, "MD5"),
    "short": (lambda f: f | {path_of(BAD): promising(f[path_of(BAD)], 9999)}, RejectReason.BROKEN_AUDIO, "libsndfile"),
    "long": (lambda f: f | {path_of(BAD): promising(f[path_of(BAD)], 3000)}, RejectReason.BROKEN_AUDIO, "MD5"),
    "length unset": (lambda f: f | {path_of(BAD): promising(f[path_of(BAD)], 0)}, RejectReason.BROKEN_AUDIO, ""),
    "8 kHz": (lambda f: f | {path_of(BAD): audio_file(rate_hz=8000)}, RejectReason.SAMPLING_RATE, "8000 Hz.*16000 Hz"),
    "stereo": (lambda f: f | {path_of(BAD): audio_file(num_channels=2)}, RejectReason.CHANNELS, "2 channels"),
    "no samples": (lambda f: f | {path_of(BAD): wav_file(num_samples=0)}, RejectReason.NO_SAMPLES, "above 0 s"),
    "NaN": (lambda f: f | {path_of(BAD): wav_file(float("nan"))}, RejectReason.NOT_FINITE, "finite"),
    "infinite": (lambda f: f | {path_of(BAD): wav_file(float("inf"))}, RejectReason.NOT_FINITE, "finite"),
    "no transcript": (lambda f: with_line(f, b""), RejectReason.NO_TRANSCRIPT, f"no line for {BAD}"),
    "no audio": (lambda f: without(f, path_of(BAD)), RejectReason.NO_AUDIO, "not there"),
    "empty text": (lambda f: with_line(f, f"{BAD} \n".encode()), RejectReason.EMPTY_TRANSCRIPT, "one character"),
    "id alone": (lambda f: with_line(f, f"{BAD}\n".encode()), RejectReason.EMPTY_TRANSCRIPT, "one character"),
    "lower case": (lambda f: with_line(f, f"{BAD} Hello\n".encode()), RejectReason.ALPHABET, r"\['e', 'l', 'o'\]"),
    "accent": (lambda f: with_line(f, f"{BAD} CAFÉ\n".encode()), RejectReason.ALPHABET, "'É'"),
    "digit": (lambda f: with_line(f, f"{BAD} CHAPTER 1\n".encode()), RejectReason.ALPHABET, "'1'"),
    "tab": (lambda f: with_line(f, f"{BAD} A\tB\n".encode()), RejectReason.ALPHABET, r"'\\t'"),
    "other space": (lambda f: with_line(f, f"{BAD} AB\u2028\n".encode()), RejectReason.ALPHABET, r"'\\u2028'"),
    "not UTF-8": (
        lambda f: with_line(f, f"{BAD} ".encode() + b"A\xff\n"),
        RejectReason.ALPHABET,
        "allowed are A to Z",
    ),
    "two lines": (
        lambda f: with_line(f, f"{BAD} A\n{BAD} B\n".encode()),
        RejectReason.DUPLICATE,
        "2 transcript lines",
    ),
    "too large": (lambda f: f | {path_of(BAD): bytes(70_000)}, RejectReason.TOO_LARGE, "70,000 bytes, at most 65,536"),
}


@pytest.mark.parametrize("form", ["archive", "tree"])
@pytest.mark.parametrize("case", REJECTS)
def test_reject_is_listed_with_its_reason_and_nothing_else_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str, form: str
) -> None:
    monkeypatch.setattr(librispeech, "MAX_FILE_BYTES", 2**16)
    change, reason, detail = REJECTS[case]
    files = change(corpus())
    source = write_archive(tmp_path / "a.tar.gz", files) if form == "archive" else write_tree(tmp_path / "tree", files)
    report = prepare(source, tmp_path / "out")
    assert [(reject.path, reject.reason) for reject in report.rejects] == [(path_of(BAD), reason)]
    assert report.rejects_by_reason == {reason.value: 1}
    assert re.search(detail, report.rejects[0].detail)
    assert [row["id"] for row in rows_of(tmp_path / "out")] == [name for name in TEXTS if name != BAD]
    assert report.num_utterances == len(TEXTS) - 1
    assert json.loads((tmp_path / "out/clean/train.100-report.json").read_text())["rejects"] == [
        {"path": path_of(BAD), "reason": reason.value, "detail": report.rejects[0].detail}
    ]


def test_verify_counts_samples_over_several_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = audio_file(num_samples=16_000 * 61 + 5)
    archive = write_archive(tmp_path / "a.tar.gz", corpus() | {path_of(BAD): long})
    counts = {utterance.id: verify_utterance(utterance) for utterance in iterate_openslr(archive)}
    assert counts == dict.fromkeys(TEXTS, 3200) | {BAD: 16_000 * 61 + 5}


def test_fewer_samples_than_promised_are_rejected_even_if_libsndfile_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Optimist(soundfile.SoundFile):
        frames = 3201

    (utterance,) = iterate_openslr(write_tree(tmp_path, corpus({BAD: "A"})))
    assert verify_utterance(utterance) == 3200
    monkeypatch.setattr(librispeech_verification.soundfile, "SoundFile", Optimist)
    with pytest.raises(UtteranceError, match="decodes to 3,200 samples, its header promises 3,201"):
        verify_utterance(utterance)
