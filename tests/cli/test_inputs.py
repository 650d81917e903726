"""What a command line names is found one after the other, and its results have places of their own."""

import os
from pathlib import Path

import pytest

from hf_bigru_asr.cli.inputs import Input, Inputs
from hf_bigru_asr.cli.one_line import CommandError


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (
        "a.wav",
        "b/c.FLAC",
        "b/d.mp3",
        "b/deep/e.ogg",
        "b/notes.txt",
        "b/.hidden.wav",
        "b/._c.FLAC",
        ".x/f.wav",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"sound")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(*words: str) -> dict[str, str]:
    """Places of results by the names of recordings."""
    problems: list[str] = []
    places = {each.source: each.place.as_posix() for each in Inputs(words, problems.append)}
    assert problems == []
    return places


@pytest.mark.parametrize(
    ("words", "places"),
    [
        (["a.wav"], {"a.wav": "a"}),
        (["b/d.mp3"], {"b/d.mp3": "d"}),
        (["a.wav", "b/d.mp3"], {"a.wav": "a", "b/d.mp3": "b/d"}),
        (["b"], {"b/c.FLAC": "c", "b/d.mp3": "d", "b/deep/e.ogg": "deep/e"}),
        (["b", "a.wav"], {"b/c.FLAC": "b/c", "b/d.mp3": "b/d", "b/deep/e.ogg": "b/deep/e", "a.wav": "a"}),
        (["b/*.mp3"], {"b/d.mp3": "d"}),
        (["**/*.ogg"], {"b/deep/e.ogg": "b/deep/e"}),
        (["b/d*"], {"b/d.mp3": "d", "b/deep/e.ogg": "deep/e"}),
        (["b/notes.txt"], {"b/notes.txt": "notes"}),
        (["-", "a.wav"], {"-": "stdin", "a.wav": "a"}),
        (["https://x.org/p/q.mp3"], {"https://x.org/p/q.mp3": "q"}),
        (["https://x.org/p/q.mp3", "a.wav"], {"https://x.org/p/q.mp3": "x.org/p/q", "a.wav": "a"}),
        (
            ["https://x.org:8000/../p/..%2fq.mp3", "https://x.org:8000/"],
            {"https://x.org:8000/../p/..%2fq.mp3": "p/.._q", "https://x.org:8000/": "recording"},
        ),
    ],
)
def test_recordings_and_the_places_of_their_results(words: list[str], places: dict[str, str], tree: Path) -> None:
    assert found(*words) == places
    assert list(found(*words)) == list(places)


def test_names_that_differ_in_their_endings_alone_keep_them(tree: Path) -> None:
    (tree / "b" / "C.wav").write_bytes(b"sound")  # of the same name, where case does not matter
    assert found("b")["b/c.FLAC"] == "c.FLAC"
    assert found("b")["b/C.wav"] == "C.wav"
    assert found("b/c.FLAC") == {"b/c.FLAC": "c.FLAC"}
    assert found("b")["b/d.mp3"] == "d"
    two = ["https://x.org/q.mp3", "https://x.org/q.ogg", "https://x.org/q.ogg?part=2"]
    first, second, third = found(*two).values()
    assert (first, second) == ("q.mp3", "q.ogg")
    assert third.startswith("q-")


def test_a_file_without_an_ending_is_told_by_its_bytes(tree: Path) -> None:
    (tree / "b" / "recording").write_bytes(b"RIFF....WAVEfmt ")
    (tree / "b" / "README").write_bytes(b"text")
    assert "b/recording" in found("b")
    assert "b/README" not in found("b")


def test_a_name_that_exists_is_no_pattern(tree: Path) -> None:
    (tree / "talk [1].wav").write_bytes(b"sound")
    assert found("talk [1].wav") == {"talk [1].wav": "talk [1]"}


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_links_are_followed_and_lead_nowhere_for_ever(tree: Path) -> None:
    (tree / "b" / "deep" / "up").symlink_to(tree / "b")
    (tree / "b" / "other").symlink_to(tree / ".x")
    assert list(found("b")) == ["b/c.FLAC", "b/d.mp3", "b/deep/e.ogg", "b/other/f.wav"]


def test_a_folder_that_cannot_be_read_is_named(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = os.scandir

    def refuse(folder: str) -> object:
        if folder.endswith("deep"):
            raise PermissionError(13, "Permission denied")
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    problems: list[str] = []
    assert [each.source for each in Inputs(["b"], problems.append)] == ["b/c.FLAC", "b/d.mp3"]
    assert problems == ["b/deep: Permission denied; its recordings are left out"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["missing.wav"], "missing.wav does not exist; check the path"),
        (["*.xyz"], "no file is named like"),
        (["-", "-"], "give it once"),
        (["file:///etc/passwd"], "has the scheme 'file'"),
    ],
)
def test_what_is_not_there_is_refused_at_once(words: list[str], message: str, tree: Path) -> None:
    with pytest.raises(CommandError) as caught:
        Inputs(words, print)
    assert message in str(caught.value)


def test_a_link_to_nothing_is_named(tree: Path) -> None:
    (tree / "gone.wav").symlink_to("nowhere.wav")
    with pytest.raises(CommandError, match=r"gone\.wav is a link to a file that does not exist"):
        Inputs(["gone.wav"], print)


def test_one_recording_is_told_from_several(tree: Path) -> None:
    assert Inputs(["a.wav"], print).is_one
    assert Inputs(["https://x.org/a.wav"], print).is_one
    assert not Inputs(["b"], print).is_one
    assert not Inputs(["*.wav"], print).is_one
    assert not Inputs(["a.wav", "-"], print).is_one


def test_recordings_beside_which_results_can_lie() -> None:
    sources = {name: Input(name, Path("x")).is_file for name in ("a.wav", "-", "http://x.org/a.wav")}
    assert sources == {"a.wav": True, "-": False, "http://x.org/a.wav": False}
