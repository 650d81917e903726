"""Streams are read once, whatever their length; bytes that stay in a file are those in memory."""

import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from encoded_sound import Samples, encode

from hf_bigru_asr.audio import sources
from hf_bigru_asr.audio.loading import AudioError, load_audio
from hf_bigru_asr.audio.sources import FileBytes, Part, can_be_opened_again, open_part, open_source

DATA = bytes(range(256)) * 20


@pytest.fixture
def in_file(tmp_path: Path) -> FileBytes:
    (tmp_path / "data").write_bytes(b"head" + DATA)
    return FileBytes((tmp_path / "data").open("rb"), 4)


def test_bytes_of_a_file_are_sliced_like_bytes(in_file: FileBytes) -> None:
    assert len(in_file) == len(DATA)
    for key in (slice(None), slice(3, 9), slice(5_000, 9_999), slice(7, 7), slice(9, 3), slice(-4, None)):
        assert in_file[key] == DATA[key]
    rest = in_file.behind(100)
    assert (len(rest), rest[:5]) == (len(DATA) - 100, DATA[100:105])
    del in_file
    assert rest[:5] == DATA[100:105]  # the file is still open


def test_bytes_of_a_file_are_searched_like_bytes(in_file: FileBytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_COPY_BYTES", 7)
    for word in (b"\x05\x06\x07", b"\xff\x00", b"no such"):
        for first in (0, 5, 6, 300):
            assert in_file.find(word, first) == DATA.find(word, first)
            assert in_file.find(word, first, 400) == DATA.find(word, first, 400)


@pytest.mark.parametrize("prefix", [b"", b"a new header"])
def test_a_part_is_a_file(prefix: bytes, in_file: FileBytes) -> None:
    part = Part(100, 1_000, prefix)
    expected = prefix + DATA[100:1_000]
    for data in (in_file, DATA):
        with open_part(data, part) as stream:
            assert stream.read() == expected
            assert stream.seek(5) == 5
            assert stream.read(20) == expected[5:25]
            assert stream.seek(-3, io.SEEK_END) == len(expected) - 3
            assert stream.read() == expected[-3:]


class Pipe(io.RawIOBase):
    """Gives few bytes at a time, and cannot seek."""

    def __init__(self, data: bytes) -> None:
        self._rest = data

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:  # type: ignore[override] # never None
        block, self._rest = self._rest[:1_000], self._rest[1_000:]
        return block


@pytest.mark.parametrize("in_memory", [0, 5_000, 1 << 20])
def test_a_pipe_in_memory_and_in_a_file(in_memory: int, speechlike: Samples, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_IN_MEMORY", in_memory)
    data = encode(speechlike)
    opened = open_source(Pipe(data))
    assert isinstance(opened.data, bytes) == (in_memory > len(data))
    for _ in range(2):
        np.testing.assert_array_equal(load_audio(opened), load_audio(data))  # type: ignore[arg-type] # as in batches
    np.testing.assert_array_equal(load_audio(Pipe(data)), load_audio(data))  # type: ignore[arg-type] # reads


@pytest.mark.parametrize("format", ["FLAC", "OGG", "MP3", "WAV", "CAF"])
def test_a_large_file_is_read_from_the_disk(
    format: str, speechlike: Samples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encode(speechlike, format=format)
    path = tmp_path / "file"
    path.write_bytes(data)
    monkeypatch.setattr(sources, "MAX_IN_MEMORY", 1_000)
    assert isinstance(open_source(path).data, FileBytes)
    np.testing.assert_array_equal(load_audio(path), load_audio(data))


@contextmanager
def fed_fifo(path: Path, data: bytes) -> Iterator[Path]:
    """A named pipe that gives some bytes once."""
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=[data])
    writer.start()
    yield path
    writer.join()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe(tmp_path: Path, speechlike: Samples) -> None:
    data = encode(speechlike, format="FLAC")
    with fed_fifo(tmp_path / "pipe", data) as path:
        assert not can_be_opened_again(path)
        np.testing.assert_array_equal(load_audio(path), load_audio(data))


def test_what_can_be_opened_again(tmp_path: Path) -> None:
    assert can_be_opened_again(b"data")
    assert can_be_opened_again(tmp_path)
    assert can_be_opened_again(tmp_path / "missing")
    assert not can_be_opened_again("/dev/stdin")
    assert not can_be_opened_again(io.BytesIO(b"data"))


def test_an_empty_pipe_is_named() -> None:
    with pytest.raises(AudioError, match=r"open file 'Pipe': is empty \(0 bytes\)"):
        load_audio(Pipe(b""))  # type: ignore[arg-type] # reads
