from pathlib import Path

from hf_bigru_asr.demo.sessions import Sessions


def test_a_page_has_files_of_its_own_that_end_with_it(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path)
    one, other = sessions.of("one"), sessions.of("other")
    (one.new_folder() / "x").touch()
    kept = other.new_folder()
    stop = one.stop
    one.source, other.source = tmp_path / "uploads" / "mine.wav", tmp_path.parent / "example.wav"
    for path in (one.source, other.source):
        path.parent.mkdir(exist_ok=True)
        path.touch()

    assert sessions.of("one") is one
    sessions.close("one")
    sessions.close("nobody")

    other.forget_upload()
    assert [path.exists() for path in (tmp_path / "uploads" / "mine.wav", tmp_path.parent / "example.wav")] == [
        False,
        True,
    ]
    assert stop.is_set()
    assert not one.folder.exists()
    assert kept.exists()
    assert len(sessions) == 1


def test_a_new_run_ends_the_one_before(tmp_path: Path) -> None:
    session = Sessions(tmp_path).of(None)
    session.new_run()
    before = session.stop
    session.new_run()
    assert before.is_set()
    assert not session.stop.is_set()
