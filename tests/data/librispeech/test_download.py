"""Downloads: torchaudio's own downloader and address, answered by a proxy on the loopback interface."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from openslr_corpus import TEXTS, contents, corpus, write_archive
from openslr_server import URL, OpenSLR, serve_openslr

from hf_bigru_asr.data.librispeech.download import download_openslr
from hf_bigru_asr.data.librispeech.index import SUBSETS, iterate_openslr


@pytest.fixture
def openslr() -> Iterator[OpenSLR]:
    with serve_openslr() as server:
        yield server


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, openslr: OpenSLR) -> bytes:
    return openslr.publish(write_archive(tmp_path / "payload.tar.gz", corpus()).read_bytes(), monkeypatch)


def test_download_is_verified_and_then_reused(tmp_path: Path, openslr: OpenSLR, published: bytes) -> None:
    archive = download_openslr("train-clean-100", tmp_path / "new" / "root")
    assert archive == tmp_path / "new/root/train-clean-100.tar.gz"
    assert archive.read_bytes() == published
    assert openslr.requests == [URL]
    assert len(list(iterate_openslr(archive))) == len(TEXTS)
    assert download_openslr("train-clean-100", tmp_path / "new" / "root") == archive
    assert openslr.requests == [URL]


def test_download_with_another_checksum_is_refused_and_not_kept(tmp_path: Path, openslr: OpenSLR) -> None:
    openslr.payload = write_archive(tmp_path / "payload.tar.gz", corpus()).read_bytes()  # not OpenSLR's file
    with pytest.raises(ValueError, match=r"came with a wrong checksum and was deleted.*invalid hash value"):
        download_openslr("train-clean-100", tmp_path / "root")
    assert openslr.requests == [URL]
    assert contents(tmp_path / "root") == {}


def test_cut_download_is_refused_and_not_kept(tmp_path: Path, openslr: OpenSLR, published: bytes) -> None:
    openslr.missing_bytes = 100
    with pytest.raises(ValueError, match="wrong checksum"):
        download_openslr("train-clean-100", tmp_path / "root")
    assert contents(tmp_path / "root") == {}


def test_archive_that_is_there_is_verified_too(tmp_path: Path, openslr: OpenSLR, published: bytes) -> None:
    archive = tmp_path / "train-clean-100.tar.gz"
    archive.write_bytes(published[:-1])
    with pytest.raises(ValueError, match=r"has SHA-256 \w+, OpenSLR's has \w+.*Delete it"):
        download_openslr("train-clean-100", tmp_path)
    assert openslr.requests == []
    assert archive.read_bytes() == published[:-1]


def test_download_of_nothing(tmp_path: Path, openslr: OpenSLR) -> None:
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
