"""Archives and trees as sources, and those that are damaged or none."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from openslr_corpus import TOP, corpus, prepare, write_archive, write_tree

from hf_bigru_asr.data.librispeech.index import iterate_openslr


@pytest.mark.parametrize("below", ["", "LibriSpeech", TOP])
def test_tree_is_found_from_each_level_and_equals_the_archive(tmp_path: Path, below: str) -> None:
    files = corpus()
    tree = write_tree(tmp_path / "tree", files)
    archive = write_archive(tmp_path / "any-name.tar.gz", files)
    assert list(iterate_openslr(tree / below)) == list(iterate_openslr(archive))


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
