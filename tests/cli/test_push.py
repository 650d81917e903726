"""`hf-bigru-asr push`: the same steps as the script, and refusals before anything heavy is imported."""

from pathlib import Path

import pytest

from hf_bigru_asr.cli import push
from hf_bigru_asr.cli.main import main
from hf_bigru_asr.hub import release
from hf_bigru_asr.hub.release import HubError


def test_the_steps_get_the_options(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the steps do with them, tests/hub tests by the script."""
    calls: list[push.PushArguments] = []
    monkeypatch.setattr(push, "push", calls.append)
    assert main(["push", "--repo-id", "a/b", "--model", str(tmp_path), "--private", "--dry_run", "new"]) == 0
    assert calls == [push.PushArguments(repo_id="a/b", model=str(tmp_path), private=True, dry_run="new")]


@pytest.mark.parametrize("option", ["--model", "--evaluation"])
def test_what_is_not_there_is_named(
    option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(push, "push", lambda _: pytest.fail("the push began"))
    with pytest.raises(SystemExit) as end:
        main(["push", "--repo-id", "a/b", option, "nowhere"])
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith("hf-bigru-asr push: error: nowhere does not exist.")


def test_a_hub_in_the_way_is_no_fault_of_the_arguments(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_none")

    def refuse(_: object) -> None:
        raise HubError("no token")

    monkeypatch.setattr(push, "push", refuse)
    with pytest.raises(SystemExit) as end:
        main(["push", "--repo-id", "a/b"])
    assert (end.value.code, capsys.readouterr().err) == (1, "hf-bigru-asr push: error: no token.\n")


def test_a_missing_token_is_told_before_anything_is_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(release, "get_token", lambda: None)
    monkeypatch.setattr(push, "push", lambda _: pytest.fail("the push began"))
    with pytest.raises(SystemExit) as end:
        main(["push", "--repo-id", "a/b"])
    assert end.value.code == 1
    assert "There is no Hugging Face token to push to a/b with; set HF_TOKEN" in capsys.readouterr().err
