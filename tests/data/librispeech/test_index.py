"""Utterances of an archive or a tree, and what is no utterance."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from openslr_corpus import (
    BAD,
    TEXTS,
    TOP,
    Files,
    audio_file,
    corpus,
    path_of,
    prepare,
    rows_of,
    transcript_path_of,
    without,
    write_archive,
    write_tree,
)

from hf_bigru_asr.data.librispeech.index import Reject, RejectReason, UtteranceError, iterate_openslr


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


def misnamed(files: Files) -> Files:
    return without(files, path_of(BAD)) | {path_of(BAD).replace(BAD, "20-198-0001"): files[path_of(BAD)]}


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
