import gzip
import hashlib
import http.server
import importlib.util
import io
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from hf_bigru_asr.data.librispeech import index as librispeech
from hf_bigru_asr.data.librispeech import parquet as librispeech_parquet
from hf_bigru_asr.data.librispeech import verification as librispeech_verification
from hf_bigru_asr.data.librispeech.download import download_openslr
from hf_bigru_asr.data.librispeech.index import SUBSETS, Reject, RejectReason, UtteranceError, iterate_openslr
from hf_bigru_asr.data.librispeech.parquet import SCHEMA, prepare_parquet
from hf_bigru_asr.data.librispeech.report import PreparationReport
from hf_bigru_asr.data.librispeech.verification import verify_utterance

Files = dict[str, bytes]
TraceFunction = Callable[[FrameType, str, object], Any]

REPOSITORY = Path(librispeech.__file__).parents[1]
DATA = os.environ.get("HF_BIGRU_ASR_DATA")
needs_data = pytest.mark.skipif(DATA is None, reason="HF_BIGRU_ASR_DATA does not name the folder of shared data")

TOP = "LibriSpeech/train-clean-100"
TEXTS = {
    "19-198-0000": "NORTHANGER ABBEY",
    "19-198-0001": "IT'S ALL HELLO",
    "19-198-0002": "A",
    "19-227-0000": "OH  TWO SPACES",
    "7312-92432-0000": "SHE DIDN'T",
    "7312-92432-0001": "WHY NOT",
}


def audio_file(
    seed: int = 0, rate_hz: int = 16_000, num_channels: int = 1, num_samples: int = 3200, **options: str | float
) -> bytes:
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, num_samples).astype(np.float32)
    tone = 0.4 * np.sin(2 * np.pi * (200 + 50 * seed) * np.arange(num_samples) / 16_000) + 0.1 * noise
    samples = np.repeat(tone[:, None], num_channels, axis=1) if num_channels > 1 else tone
    stream = io.BytesIO()
    soundfile.write(stream, samples, rate_hz, **{"format": "FLAC", "subtype": "PCM_16"} | options)
    return stream.getvalue()


def path_of(utterance_id: str) -> str:
    speaker, chapter, _ = utterance_id.split("-")
    return f"{TOP}/{speaker}/{chapter}/{utterance_id}.flac"


def transcript_path_of(utterance_id: str) -> str:
    speaker, chapter, _ = utterance_id.split("-")
    return f"{TOP}/{speaker}/{chapter}/{speaker}-{chapter}.trans.txt"


def corpus(texts: dict[str, str] = TEXTS) -> Files:
    files: Files = {"LibriSpeech/README.TXT": b"not data"}
    for seed, (utterance_id, text) in enumerate(texts.items()):
        files[path_of(utterance_id)] = audio_file(seed)
        transcript = transcript_path_of(utterance_id)
        files[transcript] = files.get(transcript, b"") + f"{utterance_id} {text}\n".encode()
    return files


def write_tree(folder: Path, files: Files) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (0, 0))
    return folder


def write_archive(path: Path, files: Files, *, order: Callable[[list[str]], list[str]] = sorted) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name in order(list(files)):
            info = tarfile.TarInfo(name)
            info.size = len(files[name])
            tar.addfile(info, io.BytesIO(files[name]))
    return path


def contents(folder: Path) -> Files:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rows_of(folder: Path, pattern: str = "*/*.parquet") -> list[dict[str, Any]]:
    return [row for path in sorted(folder.glob(pattern)) for row in pq.read_table(path).to_pylist()]


def prepare(source: Path, output_dir: Path, **options: str | float) -> PreparationReport:
    return prepare_parquet(source, output_dir, progress=False, **options)


# Reading


def transcripts_last(names: list[str]) -> list[str]:
    return sorted(names, key=lambda name: (name.endswith(".trans.txt"), name))


def transcripts_first(names: list[str]) -> list[str]:
    return sorted(names, key=lambda name: (not name.endswith(".trans.txt"), name))


def backwards(names: list[str]) -> list[str]:
    return sorted(names, reverse=True)


@pytest.mark.parametrize("order", [sorted, transcripts_first, transcripts_last, backwards])
def test_archive_gives_every_utterance_whatever_the_order(
    tmp_path: Path, order: Callable[[list[str]], list[str]]
) -> None:
    files = corpus()
    archive = write_archive(tmp_path / "train-clean-100.tar.gz", files, order=order)
    utterances = {utterance.id: utterance for utterance in iterate_openslr(archive)}
    assert {name: utterance.text for name, utterance in utterances.items()} == TEXTS
    for name, utterance in utterances.items():
        assert utterance.audio_bytes == files[path_of(name)]
        assert (utterance.file, utterance.path) == (f"{name}.flac", path_of(name))
        assert f"{utterance.speaker_id}-{utterance.chapter_id}" == name.rpartition("-")[0]


@pytest.mark.parametrize("below", ["", "LibriSpeech", TOP])
def test_tree_is_found_from_each_level_and_equals_the_archive(tmp_path: Path, below: str) -> None:
    files = corpus()
    tree = write_tree(tmp_path / "tree", files)
    archive = write_archive(tmp_path / "any-name.tar.gz", files)
    assert list(iterate_openslr(tree / below)) == list(iterate_openslr(archive))


def test_tree_agrees_with_torchaudio(tmp_path: Path) -> None:
    from torchaudio.datasets import LIBRISPEECH

    tree = write_tree(tmp_path, corpus())
    theirs = LIBRISPEECH(tree, url="train-clean-100", download=False)
    expected = [theirs.get_metadata(number) for number in range(len(theirs))]
    found = [
        (item.path.removeprefix("LibriSpeech/"), 16_000, item.text, item.speaker_id, item.chapter_id)
        for item in iterate_openslr(tree)
    ]
    assert found == [metadata[:5] for metadata in expected]
    assert len(found) == len(TEXTS)


def test_windows_line_ends_and_leading_dot_are_harmless(tmp_path: Path) -> None:
    files = {f"./{name}": content.replace(b"\n", b"\r\n") if name.endswith(".txt") else content
             for name, content in corpus().items()}  # fmt: skip
    archive = write_archive(tmp_path / "a.tar.gz", files)
    assert {utterance.id: utterance.text for utterance in iterate_openslr(archive)} == TEXTS


def test_one_subset_of_several(tmp_path: Path) -> None:
    files = corpus()
    files |= {name.replace("train-clean-100", "dev-clean"): content for name, content in files.items()}
    archive = write_archive(tmp_path / "both.tar.gz", files)
    tree = write_tree(tmp_path / "tree", files)
    for source in (archive, tree):
        with pytest.raises(ValueError, match=r"holds dev-clean, train-clean-100\. Name one subset"):
            next(iterate_openslr(source))
        with pytest.raises(ValueError, match="There is no subset 'test-other'"):
            next(iterate_openslr(source, "test-other"))
        paths = [utterance.path for utterance in iterate_openslr(source, "dev-clean")]
        assert len(paths) == len(TEXTS)
        assert all(path.startswith("LibriSpeech/dev-clean/") for path in paths)
    with pytest.raises(ValueError, match="is subset 'dev-clean', not 'train-clean-100'"):
        next(iterate_openslr(tree / "LibriSpeech" / "dev-clean", "train-clean-100"))


def cut_gzip(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped_gzip(content: bytes) -> bytes:
    return content[:-6] + bytes([content[-6] ^ 1]) + content[-5:]  # in the CRC-32


def damaged_header(content: bytes) -> bytes:
    plain = bytearray(gzip.decompress(content))
    start = plain.index(b"LibriSpeech/train-clean-100/7312/92432/7312-92432-0000.flac")
    plain[start + 150] ^= 1  # in the header's checksum
    return gzip.compress(bytes(plain))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut_gzip, "not a complete .tar.gz archive.*download it again"),
        (flipped_gzip, "not a complete .tar.gz archive.*CRC"),
        (damaged_header, "damaged tar header.*download it again"),
        (lambda content: content[:2], "not a complete .tar.gz archive"),
        (lambda content: gzip.compress(b"no tar" * 1000), "not a complete .tar.gz archive"),
        (gzip.decompress, "is no gzip file"),
        (lambda content: b"", "is no gzip file"),
    ],
    ids=["cut", "flipped", "header", "two bytes", "no tar", "plain tar", "empty"],
)
def test_damaged_archive_is_refused_before_anything_is_written(
    tmp_path: Path, damage: Callable[[bytes], bytes], message: str
) -> None:
    archive = write_archive(tmp_path / "a.tar.gz", corpus())
    archive.write_bytes(damage(archive.read_bytes()))
    with pytest.raises(ValueError, match=message):
        next(iterate_openslr(archive))
    with pytest.raises(ValueError, match=message):
        prepare(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_source_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"There is no .*nowhere.*Give a LibriSpeech"):
        next(iterate_openslr(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match="is no LibriSpeech tree"):
        next(iterate_openslr(tmp_path))
    (tmp_path / "LibriSpeech").mkdir()
    with pytest.raises(ValueError, match="no LibriSpeech/<subset>/ at all"):
        next(iterate_openslr(tmp_path))


def test_links_and_paths_that_leave_the_corpus_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.flac"
    secret.write_bytes(audio_file(9))
    archive = tmp_path / "evil.tar.gz"
    names = [
        "../../secret.flac",
        "/tmp/secret.flac",
        f"{TOP}/../../../secret.flac",
        "secret.flac",
        "x/19/1/19-1-0.flac",
    ]
    with tarfile.open(archive, "w:gz") as tar:
        for name, content in corpus().items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 4
            tar.addfile(info, io.BytesIO(b"evil"))
        for name, kind in [("19-198-0007", tarfile.SYMTYPE), ("19-198-0008", tarfile.LNKTYPE)]:
            info = tarfile.TarInfo(path_of(name))
            info.type, info.linkname = kind, str(secret)
            tar.addfile(info)
        info = tarfile.TarInfo(path_of("19-198-0009"))
        info.type = tarfile.FIFOTYPE
        tar.addfile(info)
    rejects: list[Reject] = []
    assert [utterance.id for utterance in iterate_openslr(archive, on_reject=rejects.append)] == list(TEXTS)
    links = [path_of(f"19-198-000{number}") for number in (7, 8, 9)]
    expected = [(name, RejectReason.UNEXPECTED_PATH) for name in names]
    expected += [(name, RejectReason.NOT_A_FILE) for name in links]
    assert [(reject.path, reject.reason) for reject in rejects] == expected

    tree = write_tree(tmp_path / "tree", corpus())
    (tree / path_of("19-198-0007")).symlink_to(secret)
    (tree / TOP / "20").symlink_to(tree / TOP / "19")
    rejects.clear()
    assert [utterance.id for utterance in iterate_openslr(tree, on_reject=rejects.append)] == list(TEXTS)
    assert {reject.path for reject in rejects} == {links[0], f"{TOP}/20"}
    assert {reject.reason for reject in rejects} == {RejectReason.NOT_A_FILE}


# Rejects

BAD = "19-198-0001"


def without(files: Files, path: str) -> Files:
    return {name: content for name, content in files.items() if name != path}


def with_line(files: Files, line: bytes) -> Files:
    """The transcript line of BAD replaced."""
    path = transcript_path_of(BAD)
    old = f"{BAD} {TEXTS[BAD]}\n".encode()
    assert old in files[path]
    return files | {path: files[path].replace(old, line)}


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


def misnamed(files: Files) -> Files:
    return without(files, path_of(BAD)) | {path_of(BAD).replace(BAD, "20-198-0001"): files[path_of(BAD)]}


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


def test_ids_that_do_not_match_the_path_are_rejected(tmp_path: Path) -> None:
    files = misnamed(corpus())
    foreign_line = transcript_path_of("7312-92432-0000")
    files[foreign_line] += b"19-198-0000 OF ANOTHER CHAPTER\n"
    files[f"{TOP}/19/198/19-227.trans.txt"] = b"19-227-0000 MISPLACED\n"
    files[f"{TOP}/19/19-198-0000.flac"] = files[f"{TOP}/nineteen/1/1-1-1.flac"] = audio_file()
    report = prepare(write_archive(tmp_path / "a.tar.gz", files), tmp_path / "out")
    found = {(reject.path, reject.reason) for reject in report.rejects}
    assert found == {
        (path_of(BAD).replace(BAD, "20-198-0001"), RejectReason.ID_MISMATCH),
        (path_of(BAD), RejectReason.NO_AUDIO),
        (foreign_line, RejectReason.ID_MISMATCH),
        (f"{TOP}/19/198/19-227.trans.txt", RejectReason.ID_MISMATCH),
        (f"{TOP}/19/19-198-0000.flac", RejectReason.UNEXPECTED_PATH),
        (f"{TOP}/nineteen/1/1-1-1.flac", RejectReason.UNEXPECTED_PATH),
    }
    assert [row["id"] for row in rows_of(tmp_path / "out")] == [name for name in TEXTS if name != BAD]


def test_an_audio_file_that_is_in_the_archive_twice_is_rejected_twice(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "a.tar.gz", corpus(), order=lambda names: [*sorted(names), path_of(BAD)])
    report = prepare(archive, tmp_path / "out")
    assert [(reject.path, reject.reason) for reject in report.rejects] == [(path_of(BAD), RejectReason.DUPLICATE)] * 2


def test_without_a_callback_the_first_reject_is_raised(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "a.tar.gz", without(corpus(), transcript_path_of(BAD)))
    with pytest.raises(UtteranceError, match=r"19-198-0000.flac: audio without transcript") as caught:
        list(iterate_openslr(archive))
    assert caught.value.reject.reason is RejectReason.NO_TRANSCRIPT


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


# Parquet


def test_columns_values_and_report(tmp_path: Path) -> None:
    files = corpus()
    report = prepare(write_tree(tmp_path / "tree", files), tmp_path / "out")
    assert rows_of(tmp_path / "out") == [
        {
            "file": f"{name}.flac",
            "audio": {"bytes": files[path_of(name)], "path": f"{name}.flac"},
            "text": text,
            "speaker_id": int(name.split("-")[0]),
            "chapter_id": int(name.split("-")[1]),
            "id": name,
        }
        for name, text in TEXTS.items()
    ]
    assert report.shards == ("clean/train.100-00000-of-00001.parquet",)
    assert (report.num_utterances, report.num_speakers, report.num_samples) == (6, 2, 6 * 3200)
    assert report.hours == pytest.approx(6 * 0.2 / 3600)
    assert "clean/train.100 from train-clean-100: 6 utterances, 0.00 h, 2 speakers" in report.summary()
    values = json.loads((tmp_path / "out/clean/train.100-report.json").read_text())
    assert PreparationReport.from_json(values) == report
    assert values["hours"] == report.hours


def test_load_dataset_reads_it_back(tmp_path: Path) -> None:
    from datasets import Audio, Features, Value, load_dataset

    files = corpus()
    archive = write_archive(tmp_path / "a.tar.gz", files)
    other = {name.replace("train-clean-100", "dev-other"): content for name, content in files.items()}
    prepare(archive, tmp_path / "out", max_shard_size_mb=0.015)
    prepare(write_tree(tmp_path / "tree", other), tmp_path / "out")
    cache = str(tmp_path / "cache")
    data = load_dataset(str(tmp_path / "out"), "clean", split="train.100", cache_dir=cache)
    assert data.features == Features(
        {
            "file": Value("string"),
            "audio": Audio(sampling_rate=16_000),
            "text": Value("string"),
            "speaker_id": Value("int64"),
            "chapter_id": Value("int64"),
            "id": Value("string"),
        }
    )
    assert data.features.arrow_schema.metadata == SCHEMA.metadata
    data = data.cast_column("audio", Audio(decode=False))
    assert dict(zip(data["id"], data["text"], strict=True)) == TEXTS
    assert [audio["bytes"] for audio in data["audio"]] == [files[path_of(name)] for name in TEXTS]
    other_split = load_dataset(str(tmp_path / "out"), "other", split="validation", cache_dir=cache)
    assert len(other_split) == len(TEXTS)


@pytest.mark.parametrize("subset", SUBSETS)
def test_each_subset_goes_to_its_config_and_split(tmp_path: Path, subset: str) -> None:
    files = {name.replace("train-clean-100", subset): content for name, content in corpus().items()}
    report = prepare(write_tree(tmp_path / "tree", files), tmp_path / "out")
    config, split = SUBSETS[subset]
    assert (report.subset, report.config, report.split) == (subset, config, split)
    assert (tmp_path / "out" / config / f"{split}-00000-of-00001.parquet").exists()


def test_split_can_be_chosen_and_must_be_for_an_unknown_subset(tmp_path: Path) -> None:
    files = {name.replace("train-clean-100", "train-clean-5"): content for name, content in corpus().items()}
    tree = write_tree(tmp_path / "tree", files)
    with pytest.raises(ValueError, match=r"'train-clean-5' has no configuration and split.*Name both"):
        prepare(tree, tmp_path / "out")
    with pytest.raises(ValueError, match=r"'../x' cannot name a configuration or split"):
        prepare(tree, tmp_path / "out", config="clean", split="../x")
    assert not (tmp_path / "out").exists()
    assert prepare(tree, tmp_path / "out", config="clean", split="train.5").shards == (
        "clean/train.5-00000-of-00001.parquet",
    )


def test_archive_equals_tree_bytewise(tmp_path: Path) -> None:
    files = corpus() | {path_of("19-227-0000"): b"broken"}
    prepare(write_archive(tmp_path / "a.tar.gz", files), tmp_path / "one", max_shard_size_mb=0.015)
    prepare(write_tree(tmp_path / "tree", files), tmp_path / "two", max_shard_size_mb=0.015)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_shards_hold_at_most_what_is_asked_unless_one_utterance_is_larger(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", corpus())
    size = len(audio_file())
    report = prepare(tree, tmp_path / "two", max_shard_size_mb=2.5 * size / 1e6)
    sizes = [len(rows_of(tmp_path / "two", name)) for name in report.shards]
    assert sizes == [2, 2, 2]
    assert [Path(name).name for name in report.shards] == [f"train.100-0000{n}-of-00003.parquet" for n in range(3)]
    report = prepare(tree, tmp_path / "one", max_shard_size_mb=1e-6)
    assert len(report.shards) == 6
    with pytest.raises(ValueError, match="max_shard_size_mb is 0; give"):
        prepare(tree, tmp_path / "none", max_shard_size_mb=0)


def test_row_groups_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(librispeech_parquet, "ROWS_PER_GROUP", 4)
    prepare(write_tree(tmp_path / "tree", corpus()), tmp_path / "out")
    metadata = pq.ParquetFile(tmp_path / "out/clean/train.100-00000-of-00001.parquet").metadata
    assert [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)] == [4, 2]


def test_nothing_usable_writes_only_the_report(tmp_path: Path) -> None:
    files = {name: b"broken" if name.endswith(".flac") else content for name, content in corpus().items()}
    report = prepare(write_tree(tmp_path / "tree", files), tmp_path / "out")
    assert (report.num_utterances, report.shards, len(report.rejects)) == (0, (), 6)
    assert list(contents(tmp_path / "out")) == ["clean/train.100-report.json"]


def test_card_keeps_what_its_owner_wrote(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", corpus())
    (tmp_path / "out").mkdir()
    (tmp_path / "out/README.md").write_text("---\nlicense: cc-by-4.0\npretty_name: Mine\n---\nMy own words.\n")
    prepare(tree, tmp_path / "out", config="clean", split="test")
    prepare(tree, tmp_path / "out")
    card = (tmp_path / "out/README.md").read_text()
    assert "pretty_name: Mine" in card
    assert card.endswith("My own words.\n")
    assert card.index("split: train.100") < card.index("split: test")


# Interruptions


class Interruption(BaseException):
    pass


def interrupt_at_line(number: int, call: Callable[[], object]) -> int:
    """Run `call`, raising at the `number`-th line that it executes in the two modules; returns the lines executed."""
    num_lines = 0

    def trace(frame: FrameType, event: str, _argument: object) -> TraceFunction | None:
        nonlocal num_lines
        if frame.f_code.co_filename not in (librispeech.__file__, librispeech_parquet.__file__):
            return None
        if event == "line":
            num_lines += 1
            if num_lines == number:
                raise Interruption
        return trace

    previous = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    except Interruption:
        pass
    finally:
        sys.settrace(previous)
    return num_lines


@pytest.fixture
def damaged_corpus(tmp_path: Path) -> Path:
    """Rejects of both passes: in the middle, right after a full shard, and at the end."""
    files = corpus() | {path_of("19-227-0000"): b"broken", path_of("7312-92432-0001"): b"broken"}
    return write_archive(tmp_path / "a.tar.gz", without(files, path_of("19-198-0000")))


def test_interrupted_anywhere_and_run_again_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged_corpus: Path
) -> None:
    monkeypatch.setattr(librispeech_parquet, "ROWS_PER_GROUP", 1)
    monkeypatch.setattr(librispeech_parquet.os, "fsync", lambda _: None)  # nobody cuts the power here
    options = {"max_shard_size_mb": 1.5 * len(audio_file()) / 1e6}
    prepare(damaged_corpus, tmp_path / "whole", **options)
    expected = contents(tmp_path / "whole")
    assert sum(name.endswith(".parquet") for name in expected) == 3
    rejects = json.loads(expected["clean/train.100-report.json"])["rejects"]
    broken = [path_of(name) for name in ("19-198-0000", "19-227-0000", "7312-92432-0001")]
    assert [reject["path"] for reject in rejects] == broken
    num_lines = interrupt_at_line(0, lambda: prepare(damaged_corpus, tmp_path / "counted", **options))
    for number in range(1, num_lines + 1, 23):  # a sample; step 1 passes too and takes minutes
        output_dir = tmp_path / f"cut-{number}"
        interrupt_at_line(number, lambda output_dir=output_dir: prepare(damaged_corpus, output_dir, **options))
        if (output_dir / "README.md").exists():
            assert expected.items() <= contents(output_dir).items(), f"line {number}: unfinished, yet announced"
        prepare(damaged_corpus, output_dir, **options)
        assert contents(output_dir) == expected, f"interrupted at line {number} of {num_lines}"


def test_interrupted_run_does_not_repeat_its_finished_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = write_tree(tmp_path / "tree", corpus())
    verified: list[str] = []

    def verify_four(utterance: librispeech.Utterance) -> int:
        if len(verified) == 4:
            raise Interruption
        verified.append(utterance.id)
        return verify_utterance(utterance)

    monkeypatch.setattr(librispeech_parquet, "verify_utterance", verify_four)
    options = {"max_shard_size_mb": 1.5 * len(audio_file()) / 1e6}
    with pytest.raises(Interruption):
        prepare(tree, tmp_path / "out", **options)
    assert not list((tmp_path / "out").glob("clean/*"))
    monkeypatch.setattr(
        librispeech_parquet, "verify_utterance", lambda item: verified.append(item.id) or verify_utterance(item)
    )
    report = prepare(tree, tmp_path / "out", **options)
    assert verified == [*list(TEXTS)[:4], *list(TEXTS)[3:]]  # three shards were finished, the fourth was begun
    assert report.num_utterances == len(TEXTS)


def test_interruption_while_shards_get_their_names_repeats_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = write_tree(tmp_path / "tree", corpus())
    options = {"max_shard_size_mb": 1e-6}
    replace = os.replace

    def replace_until_the_third(source: Path, target: Path) -> None:
        if target.name == "train.100-00002-of-00006.parquet":
            raise Interruption
        replace(source, target)

    monkeypatch.setattr(librispeech_parquet.os, "replace", replace_until_the_third)
    with pytest.raises(Interruption):
        prepare(tree, tmp_path / "out", **options)
    assert len(list((tmp_path / "out/clean").iterdir())) == 2
    monkeypatch.setattr(librispeech_parquet.os, "replace", replace)
    monkeypatch.setattr(librispeech_parquet, "verify_utterance", lambda _: pytest.fail("verified again"))
    assert prepare(tree, tmp_path / "out", **options).num_utterances == len(TEXTS)
    assert [row["id"] for row in rows_of(tmp_path / "out")] == list(TEXTS)


KILLED_RUN = """
import os, signal, sys
from hf_bigru_asr.librispeech_parquet import prepare_parquet
replace, calls = os.replace, []
def replace_or_die(*paths):
    if len(calls) == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)
    calls.append(paths)
    replace(*paths)
os.replace = replace_or_die
prepare_parquet(sys.argv[2], sys.argv[3], max_shard_size_mb=float(sys.argv[4]), progress=False)
"""


def test_killed_process_is_continued(tmp_path: Path, damaged_corpus: Path) -> None:
    size_mb = 1.5 * len(audio_file()) / 1e6
    prepare(damaged_corpus, tmp_path / "whole", max_shard_size_mb=size_mb)
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    for num_replaced in (4, 8):  # after a shard but before its JSON file; while shards get their final names
        process = subprocess.run(
            [sys.executable, "-c", KILLED_RUN, str(num_replaced), damaged_corpus, tmp_path / "out", str(size_mb)],
            env=environment,
            check=False,
        )
        assert process.returncode == -signal.SIGKILL
        assert (tmp_path / "out/.clean-train.100.partial").is_dir()
        assert not (tmp_path / "out/README.md").exists()
    prepare(damaged_corpus, tmp_path / "out", max_shard_size_mb=size_mb)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_second_run_changes_nothing_and_returns_the_same_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged_corpus: Path
) -> None:
    first = prepare(damaged_corpus, tmp_path / "out")
    before = contents(tmp_path / "out")
    monkeypatch.setattr(librispeech_parquet, "_write_shards", lambda *_: pytest.fail("wrote again"))
    assert prepare(damaged_corpus, tmp_path / "out") == first
    assert contents(tmp_path / "out") == before


def test_another_source_or_setting_is_never_mixed_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged_corpus: Path
) -> None:
    tree = write_tree(tmp_path / "tree", corpus())
    prepare(damaged_corpus, tmp_path / "out")
    with pytest.raises(ValueError, match=r"report.json is of another source.*Choose another output folder, or delete"):
        prepare(tree, tmp_path / "out")
    with pytest.raises(ValueError, match="other settings"):
        prepare(damaged_corpus, tmp_path / "out", max_shard_size_mb=1)
    (tmp_path / "out/clean/train.100-report.json").unlink()
    with pytest.raises(ValueError, match=r"train\.100-00000-of-00001\.parquet exists and would be mixed"):
        prepare(tree, tmp_path / "out")

    def interrupt(*_: object) -> int:
        raise Interruption

    monkeypatch.setattr(librispeech_parquet, "verify_utterance", interrupt)
    with pytest.raises(Interruption):
        prepare(tree, tmp_path / "begun")
    with pytest.raises(ValueError, match="holds an unfinished run over another source"):
        prepare(damaged_corpus, tmp_path / "begun")


def test_changed_text_or_file_time_counts_as_another_source(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", corpus())
    prepare(tree, tmp_path / "out")
    os.utime(tree / path_of(BAD), (99, 99))
    with pytest.raises(ValueError, match="of another source"):
        prepare(tree, tmp_path / "out")
    os.utime(tree / path_of(BAD), (0, 0))
    prepare(tree, tmp_path / "out")
    write_tree(tree, with_line(corpus(), f"{BAD} IT'S ALL WORLD\n".encode()))
    with pytest.raises(ValueError, match="of another source"):
        prepare(tree, tmp_path / "out")


# Download: torchaudio's own downloader and address, answered by a proxy on the loopback interface

URL = "http://www.openslr.org/resources/12/train-clean-100.tar.gz"


@pytest.fixture
def openslr(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    state = SimpleNamespace(payload=b"", status=200, requests=[], missing_bytes=0)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.requests.append(self.path)
            self.send_response(state.status)
            self.send_header("Content-Length", str(len(state.payload)))
            self.end_headers()
            self.wfile.write(state.payload[: len(state.payload) - state.missing_bytes])

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(urllib.request, "_opener", None)  # made at the first request, with the proxies of that moment
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, openslr: SimpleNamespace) -> bytes:
    """An archive on the server, with its checksum in torchaudio's table."""
    from torchaudio.datasets import librispeech as theirs

    assert URL in theirs._CHECKSUMS
    openslr.payload = write_archive(tmp_path / "payload.tar.gz", corpus()).read_bytes()
    monkeypatch.setitem(theirs._CHECKSUMS, URL, hashlib.sha256(openslr.payload).hexdigest())
    return openslr.payload


def test_download_is_verified_and_then_reused(tmp_path: Path, openslr: SimpleNamespace, published: bytes) -> None:
    archive = download_openslr("train-clean-100", tmp_path / "new" / "root")
    assert archive == tmp_path / "new/root/train-clean-100.tar.gz"
    assert archive.read_bytes() == published
    assert openslr.requests == [URL]
    assert len(list(iterate_openslr(archive))) == len(TEXTS)
    assert download_openslr("train-clean-100", tmp_path / "new" / "root") == archive
    assert openslr.requests == [URL]


def test_download_with_another_checksum_is_refused_and_not_kept(tmp_path: Path, openslr: SimpleNamespace) -> None:
    openslr.payload = write_archive(tmp_path / "payload.tar.gz", corpus()).read_bytes()  # not OpenSLR's file
    with pytest.raises(ValueError, match=r"came with a wrong checksum and was deleted.*invalid hash value"):
        download_openslr("train-clean-100", tmp_path / "root")
    assert openslr.requests == [URL]
    assert contents(tmp_path / "root") == {}


def test_cut_download_is_refused_and_not_kept(tmp_path: Path, openslr: SimpleNamespace, published: bytes) -> None:
    openslr.missing_bytes = 100
    with pytest.raises(ValueError, match="wrong checksum"):
        download_openslr("train-clean-100", tmp_path / "root")
    assert contents(tmp_path / "root") == {}


def test_archive_that_is_there_is_verified_too(tmp_path: Path, openslr: SimpleNamespace, published: bytes) -> None:
    archive = tmp_path / "train-clean-100.tar.gz"
    archive.write_bytes(published[:-1])
    with pytest.raises(ValueError, match=r"has SHA-256 \w+, OpenSLR's has \w+.*Delete it"):
        download_openslr("train-clean-100", tmp_path)
    assert openslr.requests == []
    assert archive.read_bytes() == published[:-1]


def test_download_of_nothing(tmp_path: Path, openslr: SimpleNamespace) -> None:
    with pytest.raises(ValueError, match=r"no LibriSpeech subset 'train-clean-5'. Choose one of train-clean-100,"):
        download_openslr("train-clean-5", tmp_path)
    openslr.status = 404
    with pytest.raises(ConnectionError, match=r"could not be downloaded.*404.*put the file at"):
        download_openslr("train-clean-100", tmp_path)
    assert contents(tmp_path) == {}


def test_torchaudio_knows_every_subset() -> None:
    from torchaudio.datasets import librispeech as theirs

    assert sorted(SUBSETS) == sorted(theirs._DATA_SUBSETS)
    assert {Path(url).name.removesuffix(".tar.gz") for url in theirs._CHECKSUMS} == set(SUBSETS)


# Script


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = REPOSITORY / "scripts" / "prepare_librispeech.py"
    specification = importlib.util.spec_from_file_location("prepare_librispeech", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["prepare_librispeech"] = module
    specification.loader.exec_module(module)
    return module


def test_script_prepares_and_its_exit_status_tells(
    tmp_path: Path, script: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    good = write_archive(tmp_path / "good.tar.gz", corpus())
    assert script.main(["--source", str(good), "--output_dir", str(tmp_path / "good")]) == 0
    assert "clean/train.100 from train-clean-100: 6 utterances" in capsys.readouterr().out
    some = write_archive(tmp_path / "some.tar.gz", corpus() | {path_of(BAD): b"broken"})
    assert script.main(["--source", str(some), "--output_dir", str(tmp_path / "some"), "--split", "mini"]) == 3
    printed = capsys.readouterr().out
    assert f"rejected {path_of(BAD)}: audio does not decode completely" in printed
    assert "Written, but 1 rejected." in printed
    assert (tmp_path / "some/clean/mini-00000-of-00001.parquet").exists()
    none = write_archive(tmp_path / "none.tar.gz", without(corpus({BAD: "A"}), transcript_path_of(BAD)))
    assert script.main(["--source", str(none), "--output_dir", str(tmp_path / "none")]) == 1
    assert "Failed: nothing was usable." in capsys.readouterr().out


def test_script_downloads(tmp_path: Path, script: ModuleType, openslr: SimpleNamespace, published: bytes) -> None:
    arguments = [
        "--download",
        "train-clean-100",
        "--root",
        str(tmp_path / "root"),
        "--output_dir",
        str(tmp_path / "out"),
    ]
    assert script.main([*arguments, "--max_shard_size_mb", "0.000001"]) == 0
    assert (tmp_path / "root/train-clean-100.tar.gz").read_bytes() == published
    assert len(list((tmp_path / "out/clean").glob("train.100-*-of-00006.parquet"))) == 6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give either --source PATH or --download SUBSET"),
        (["--source", "a", "--download", "b"], "give either --source PATH or --download SUBSET"),
        (["--source", "/nowhere"], "There is no /nowhere"),
        (["--download", "nothing"], "no LibriSpeech subset 'nothing'"),
    ],
)
def test_script_refuses(
    tmp_path: Path, script: ModuleType, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        script.main([*arguments, "--output_dir", str(tmp_path / "out")])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


# The corpus itself


@needs_data
@pytest.mark.parametrize(
    ("subset", "num_utterances", "num_speakers"), [("train-clean-100", 11, 3), ("test-clean", 21, 3)]
)
def test_real_sample(tmp_path: Path, subset: str, num_utterances: int, num_speakers: int) -> None:
    archive = Path(str(DATA), "openslr_sample", f"{subset}.tar.gz")
    report = prepare(archive, tmp_path / "one", max_shard_size_mb=0.3)
    assert (report.num_utterances, report.num_speakers, report.rejects) == (num_utterances, num_speakers, ())
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "tree", filter="data")
        sizes = {Path(member.name).name: member.size for member in tar if member.name.endswith(".flac")}
    prepare(tmp_path / "tree", tmp_path / "two", max_shard_size_mb=0.3)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    rows = rows_of(tmp_path / "one")
    assert {row["file"]: len(row["audio"]["bytes"]) for row in rows} == sizes
    durations = [soundfile.info(path).frames for path in (tmp_path / "tree").rglob("*.flac")]
    assert report.num_samples == sum(durations)


@needs_data
def test_same_schema_and_rows_as_the_shared_parquet(tmp_path: Path) -> None:
    shared = Path(str(DATA), "librispeech_asr", "clean")
    prepare(Path(str(DATA), "openslr_sample", "test-clean.tar.gz"), tmp_path)
    ours = pq.read_table(tmp_path / "clean/test-00000-of-00001.parquet")
    for path in shared.glob("*.parquet"):
        assert ours.schema.equals(pq.read_schema(path), check_metadata=True)
    columns = ["id", "text", "speaker_id", "chapter_id"]
    theirs = [
        row for path in sorted(shared.glob("test-*")) for row in pq.read_table(path, columns=columns).to_pylist()
    ]
    by_id = {row["id"]: row for row in theirs}
    assert [by_id[row["id"]] for row in ours.select(columns).to_pylist()] == ours.select(columns).to_pylist()
