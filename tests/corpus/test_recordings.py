from pathlib import Path

import fsspec
import numpy as np
import pytest
import soundfile
from datasets import Audio, Dataset
from speech_rows import flac, make_waveform

from hf_bigru_asr.corpus import recordings as module
from hf_bigru_asr.corpus.recordings import Opener, Recording, UnreachableError, in_bucket, in_dataset

SUFFIXES = {".wav", ".flac"}


@pytest.fixture
def bucket() -> str:
    files = fsspec.filesystem("memory")
    for name in ("b.wav", "deep/a.flac", "notes.txt"):
        files.pipe(f"/corpus/{name}", name.encode())
    return "memory://corpus"


def test_a_bucket_is_searched_and_its_recordings_are_fetched(bucket: str) -> None:
    found = in_bucket(bucket, SUFFIXES)

    assert [(each.id, each.num_bytes) for each in found] == [("b.wav", 5), ("deep/a.flac", 11)]
    assert [Opener()(each).read() for each in found] == [b"b.wav", b"deep/a.flac"]


@pytest.mark.parametrize(("end", "ids"), [("/b.wav", ["b.wav"]), ("/*/*.flac", ["deep/a.flac"]), ("/*.flac", [])])
def test_a_bucket_has_files_and_patterns(end: str, ids: list[str], bucket: str) -> None:
    if ids:
        assert [each.id for each in in_bucket(bucket + end, SUFFIXES)] == ids
    else:
        with pytest.raises(FileNotFoundError, match="nothing at memory://corpus"):
            in_bucket(bucket + end, SUFFIXES)


def test_a_bucket_that_does_not_answer_is_no_fault_of_a_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fail(url: str, mode: str) -> None:
        asked.append(url)
        raise OSError("connection reset")

    monkeypatch.setattr(fsspec, "open", fail)
    monkeypatch.setattr(module, "PAUSE_S", 0.0)
    with pytest.raises(UnreachableError, match=r"s3://x/a\.wav cannot be fetched: connection reset"):
        Opener()(Recording("a", "s3://x/a.wav"))
    assert len(asked) == module.NUM_TRIES


def test_rows_of_a_data_set_have_bytes_paths_or_parts_of_files(tmp_path: Path) -> None:
    sound, path = flac(make_waveform(0, 4000)), tmp_path / "there.wav"
    waveform = np.linspace(-0.5, 0.5, 16_000, dtype=np.float32)
    soundfile.write(path, waveform, 16_000, subtype="FLOAT")
    rows = [(sound, "x.flac"), (None, str(path)), (None, f"{path}#t=0.25,0.5"), (None, None)]
    audio = [{"bytes": content, "path": name} for content, name in rows]
    dataset = Dataset.from_dict({"id": [7, 8, 9, 10], "audio": audio}).cast_column("audio", Audio(decode=False))

    found = in_dataset(dataset)

    assert [(each.id, each.location) for each in found] == [
        ("7", None),
        ("8", str(path)),
        ("9", f"{path}#t=0.25,0.5"),
        ("10", None),
    ]
    assert [each.num_bytes for each in found] == [len(sound), path.stat().st_size, -1, -1]
    opener = Opener(dataset)
    assert opener(found[0]).read() == sound
    assert opener(found[1]) == str(path)
    part, rate = soundfile.read(opener(found[2]), dtype="float32")
    assert rate == 16_000
    np.testing.assert_array_equal(part, waveform[4000:8000])
    with pytest.raises(ValueError, match="there is no audio in this row"):
        opener(found[3])


def test_keys_tell_names_rows_and_sizes_apart() -> None:
    kinds = [Recording("a", "x"), Recording("b", "x"), Recording("a", "x", num_bytes=3), Recording("a", "x", row=3)]
    assert len({each.key for each in kinds}) == 4
    assert Recording("a", "elsewhere").key == kinds[0].key
    assert len(Recording("\udcff", None).key) == 16
