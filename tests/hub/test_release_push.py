"""Pushes of a release to a Hub on 127.0.0.1, and what stands in their way."""

import socket
from pathlib import Path

import huggingface_hub
import pytest
from hub_users import ALICE_TOKEN, BOB_TOKEN
from huggingface_hub import CommitOperationAdd, HfApi, constants
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError
from loopback_hub import LoopbackHub

from hf_bigru_asr.hub.release import HubError, push_release

pytestmark = pytest.mark.hub


def test_push_without_a_token_is_refused(client: LoopbackHub, release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    before = len(client.requests)
    with pytest.raises(HubError, match=r"no Hugging Face token.*set HF_TOKEN or run `hf auth login`"):
        push_release(release, "alice/anonymous")
    assert len(client.requests) == before
    with pytest.raises(HfHubHTTPError) as refusal:
        HfApi(token=False).create_repo("alice/anonymous")
    assert refusal.value.response.status_code == 401


def test_push_with_a_wrong_token_is_refused(
    client: LoopbackHub, release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(HubError, match=r"does not accept the token.*set HF_TOKEN to a valid one"):
        push_release(release, "alice/wrong")
    assert ("models", "alice/wrong") not in client.repositories


def test_a_hub_that_cannot_be_reached_is_named(
    client: LoopbackHub, release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    monkeypatch.setattr(constants, "ENDPOINT", url)
    with pytest.raises(
        HubError, match=f"The Hub at {url} cannot be reached: .*; check the connection and HF_ENDPOINT"
    ):
        push_release(release, "alice/unreachable")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    huggingface_hub.close_session()
    with pytest.raises(HubError, match=f"The Hub at {url} cannot be reached: .*HF_HUB_OFFLINE"):
        push_release(release, "alice/unreachable")


def test_push_into_a_foreign_namespace_is_refused(client: LoopbackHub, release: Path) -> None:
    with pytest.raises(HubError, match="may not write to bob/tiny; push to a namespace of your own"):
        push_release(release, "bob/tiny")
    assert client.requests[-2][2] == 403
    assert ("models", "bob/tiny") not in client.repositories


def test_push_into_a_foreign_repository_is_refused(client: LoopbackHub, release: Path) -> None:
    HfApi(token=BOB_TOKEN).create_repo("bob/existing")
    before = client.files("bob/existing")
    with pytest.raises(HubError, match="may not write to bob/existing"):
        push_release(release, "bob/existing")
    assert client.files("bob/existing") == before


def test_private_repository_is_invisible_without_its_token(client: LoopbackHub, release: Path) -> None:
    push_release(release, "alice/secret", private=True)
    assert HfApi(token=ALICE_TOKEN).model_info("alice/secret").private
    for token in (False, BOB_TOKEN):
        with pytest.raises(RepositoryNotFoundError):
            HfApi(token=token).model_info("alice/secret")
        with pytest.raises(RepositoryNotFoundError):
            HfApi(token=token).get_hf_file_metadata(url=f"{client.url}/alice/secret/resolve/main/config.json")


def test_private_push_to_a_public_repository_is_refused(client: LoopbackHub, release: Path) -> None:
    HfApi(token=ALICE_TOKEN).create_repo("alice/public")
    before = client.files("alice/public")
    with pytest.raises(HubError, match="alice/public exists and is public"):
        push_release(release, "alice/public", private=True)
    assert client.files("alice/public") == before


@pytest.fixture
def moved_on(client: LoopbackHub) -> tuple[str, str]:
    """A repository into which somebody has committed: its name and the commit before that."""
    api = HfApi(token=ALICE_TOKEN)
    api.create_repo("alice/moving", exist_ok=True)
    before = str(api.model_info("alice/moving").sha)
    operations = [CommitOperationAdd("config.json", before.encode())]
    api.create_commit("alice/moving", operations, commit_message="theirs", parent_commit=before)
    return "alice/moving", before


def test_named_parent_that_is_stale_is_refused(client: LoopbackHub, release: Path, moved_on: tuple[str, str]) -> None:
    repo_id, stale = moved_on
    before = client.files(repo_id)
    with pytest.raises(HubError, match=f"not at {stale}: somebody else has pushed.*push again"):
        push_release(release, repo_id, parent_commit=stale)
    assert client.files(repo_id) == before


def test_commit_that_slips_in_is_not_overwritten(
    client: LoopbackHub, release: Path, moved_on: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    repo_id, stale = moved_on
    before = client.files(repo_id)
    # What the push saw before the other commit came.
    monkeypatch.setattr(HfApi, "model_info", lambda *_, **__: huggingface_hub.ModelInfo(id=repo_id, sha=stale))
    with pytest.raises(HubError, match="changed during the push: somebody else has pushed"):
        push_release(release, repo_id)
    assert client.requests[-1][2] == 412
    assert client.files(repo_id) == before


def test_push_to_a_branch_leaves_main_alone(client: LoopbackHub, release: Path) -> None:
    HfApi(token=ALICE_TOKEN).create_repo("alice/branched")
    before = client.files("alice/branched")
    pushed = push_release(release, "alice/branched", revision="next")
    assert client.files("alice/branched") == before
    assert client.files("alice/branched", "next")["README.md"] == (release / "README.md").read_bytes()
    HfApi(token=ALICE_TOKEN).create_tag("alice/branched", tag="v1", revision="next")
    refs = HfApi(token=ALICE_TOKEN).list_repo_refs("alice/branched")
    assert [(tag.name, tag.target_commit) for tag in refs.tags] == [("v1", pushed.card_commit)]


def test_second_push_of_the_same_changes_nothing(client: LoopbackHub, release: Path) -> None:
    first = push_release(release, "alice/again")
    assert push_release(release, "alice/again", parent_commit=first.card_commit) == first.__class__(
        first.url, first.card_commit, first.card_commit
    )


def test_card_that_the_hub_rejects_stops_the_push(client: LoopbackHub, release: Path) -> None:
    text = (release / "README.md").read_text()
    (release / "README.md").write_text(text.replace("tags:\n", "tags:\n- {not: a string}\n"))
    with pytest.raises(ValueError, match=r'finds fault with the card.*"tags.*must be an array of strings'):
        push_release(release, "alice/rejected")
    assert ("models", "alice/rejected") not in client.repositories
