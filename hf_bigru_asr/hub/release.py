"""Releases: a folder that holds exactly what a Hub repository should, and the push of such a folder.

Only the files named by `RELEASE_FILES` ever leave the machine, and none that holds a token. Weights, configuration,
processor and code arrive in one commit, the card in a second and last one; both name their parent commit, so a push
that raced another one is refused by the Hub and overwrites nothing.
"""

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import cast

import torch
from huggingface_hub import (
    CommitOperationAdd,
    HfApi,
    ModelCard,
    constants,
    get_session,
    get_token,
    hf_raise_for_status,
)
from huggingface_hub.errors import HfHubHTTPError, HTTPError

from ..model.configuration_bigru_ctc import BiGRUCTCConfig
from ..model.language_model_files_bigru_ctc import CONFIDENCE_NAME, LANGUAGE_MODEL_DIR
from ..model.modeling_bigru_ctc import BiGRUForCTC
from ..model.processing_bigru_ctc import BiGRUCTCProcessor
from ..runtime.model_files import WEIGHTS_NAME
from ..storage.writing import whole_folder
from .card import CARD_NAME, PICTURES, Json, check_card, write_card

RELEASE_FILES = (
    "config.json",
    WEIGHTS_NAME,
    "processor_config.json",
    "preprocessor_config.json",
    "tokenizer_config.json",
    "vocab.json",
    "added_tokens.json",
    "special_tokens_map.json",
    "*_bigru_ctc.py",
    CONFIDENCE_NAME,
    *PICTURES,
    f"{LANGUAGE_MODEL_DIR}/*",
    ".eval_results/*.yaml",
    CARD_NAME,
)
"""Patterns of the files that belong to a release; anything else in a folder stays where it is."""

TOKEN_PATTERN = re.compile(rb"\bhf_[A-Za-z0-9]{20,}")
"""A Hugging Face user access token."""


class HubError(RuntimeError):
    """The Hub, or the lack of a token for it, stands in the way of a push; the message says what to do."""


@dataclass(frozen=True)
class PushedRelease:
    """Where a release arrived: the page and the two commits."""

    url: str
    model_commit: str
    card_commit: str


def assemble_release(
    model_dir: str | Path,
    target_dir: str | Path,
    evaluations: Sequence[Json] = (),
    *,
    repo_id: str,
    dataset_id: str | None = None,
) -> Path:
    """Write everything that a release of a trained model holds into a folder of its own.

    Weights and processor are loaded and saved anew, so the folder has safetensors, the code and its `auto_map`,
    whatever else lay beside the model.

    Args:
        model_dir: Folder that `save_pretrained`, of model and processor, or the Trainer wrote.
        target_dir: New or empty folder.
        evaluations: What `card.load_evaluation` gave.
        repo_id: Where the release will be found, `NAMESPACE/NAME`.
        dataset_id: Hub id of the training data, if `training.json` names them by a local folder.

    Returns:
        `target_dir` as a path.

    Raises:
        FileNotFoundError: If `model_dir` is not the folder of a model.
        FileExistsError: If `target_dir` is not empty.
        ValueError: If the weights are not complete and finite, a file would hold a token, or `repo_id` is malformed.

    Example:
        >>> from hf_bigru_asr import bundled_checkpoint
        >>> folder = assemble_release(bundled_checkpoint(), "release", repo_id="alice/bigru")
        >>> (folder / "README.md").is_file()
        True
    """
    source, target = Path(model_dir), Path(target_dir)
    _check_repo_id(repo_id)
    _check_model_folder(source)
    if target.exists() and any(target.iterdir()):
        raise FileExistsError(f"{target} is not empty; name a new or an empty folder for the release.")
    with whole_folder(target) as staging:
        _load_complete_model(source).save_pretrained(staging)
        BiGRUCTCProcessor.from_pretrained(source).save_pretrained(staging)
        for name in PICTURES:
            if (source / name).is_file():
                shutil.copyfile(source / name, staging / name)
        write_card(source, staging, evaluations, repo_id, dataset_id)
    check_no_token(target)
    return target


def check_token(repo_id: str) -> str:
    """The token that a push takes, from `HF_TOKEN` or `hf auth login`.

    Args:
        repo_id: Where to push to, for the message.

    Raises:
        HubError: If there is none.
    """
    token = get_token()
    if token is None:
        raise HubError(
            f"There is no Hugging Face token to push to {repo_id} with; set HF_TOKEN or run `hf auth login`. The "
            "token needs write permission."
        )
    return token


def push_release(
    release_dir: str | Path,
    repo_id: str,
    *,
    private: bool = False,
    revision: str = "main",
    parent_commit: str | None = None,
    commit_message: str = "Release",
) -> PushedRelease:
    """Push the folder that `assemble_release` wrote: the model first, then, last and on its own, the card.

    The token comes from `HF_TOKEN` or `hf auth login`, the address from `HF_ENDPOINT`. The repository and the branch
    are created if they do not exist; files of the repository that the release does not have stay.

    Args:
        release_dir: The folder; only what matches `RELEASE_FILES` is pushed.
        repo_id: `NAMESPACE/NAME`.
        private: Whether only the owner may see the repository.
        revision: Branch to push to.
        parent_commit: The commit that the branch must be at; whatever it is at, if `None`.
        commit_message: Title of the commits.

    Raises:
        HubError: If there is no token, the Hub cannot be reached or refuses the token or the namespace, the repository
            is public though `private` was asked for, or the branch has moved on.
        FileNotFoundError: If `release_dir` has no model or no card.
        ValueError: If a file holds a token, `repo_id` is malformed, or the Hub finds fault with the card.
    """
    folder = Path(release_dir)
    _check_repo_id(repo_id)
    card = _checked_card(folder)
    api = HfApi(token=check_token(repo_id))
    with hub_refusals_explained(repo_id, revision):
        _validate_on_hub(api, card)
        url = _open_repository(api, repo_id, revision, private=private)
        head = str(api.model_info(repo_id, revision=revision).sha)
        if parent_commit is not None and not head.startswith(parent_commit):
            raise HubError(_stale_message(repo_id, revision, f"at {head}, not at {parent_commit}"))

        def commit(names: Sequence[str], title: str, parent: str) -> str:
            operations = [CommitOperationAdd(name, folder / name) for name in names]
            info = api.create_commit(
                repo_id, operations, commit_message=title, revision=revision, parent_commit=parent
            )
            return str(info.oid)

        files = [name for name in release_files(folder) if name != CARD_NAME]
        model_commit = commit(files, commit_message, head)
        card_commit = commit([CARD_NAME], f"{commit_message}: model card", model_commit)
    return PushedRelease(url, model_commit, card_commit)


def release_files(folder: str | Path) -> list[str]:
    """The files of `folder` that belong to a release, as sorted paths relative to it."""
    root = Path(folder)
    found = {path for pattern in RELEASE_FILES for path in root.glob(pattern) if path.is_file()}
    return sorted(path.relative_to(root).as_posix() for path in found)


def check_no_token(folder: str | Path) -> None:
    """Refuse a release with a token in one of its files.

    Raises:
        ValueError: If a file holds the user's own token or something that looks like one; it names the file, never
            the token.
    """
    own = get_token()
    for name in release_files(folder):
        content = (Path(folder) / name).read_bytes()
        if TOKEN_PATTERN.search(content) or (own and own.encode() in content):
            raise ValueError(
                f"{Path(folder) / name} holds a Hugging Face token; a release must not. Remove it from where it came "
                "from (training.json and evaluation files quote command lines), and revoke the token if others may "
                "have seen it."
            )


def _checked_card(folder: Path) -> ModelCard:
    """The card of a folder that has all that a release needs, and no token."""
    _check_model_folder(folder)
    if not (folder / CARD_NAME).is_file():
        raise FileNotFoundError(f"{folder} has no {CARD_NAME}; write the folder with assemble_release.")
    check_no_token(folder)
    card = ModelCard.load(folder / CARD_NAME)
    check_card(card)
    return card


def _open_repository(api: HfApi, repo_id: str, revision: str, *, private: bool) -> str:
    """Create the repository and the branch, if they do not exist; gives the repository's page."""
    url = str(api.create_repo(repo_id, private=private or None, exist_ok=True))
    if private and not api.model_info(repo_id).private:
        raise HubError(
            f"{repo_id} exists and is public, but a private repository was asked for; make it private on the Hub, "
            "or push without asking for a private one."
        )
    if revision != constants.DEFAULT_REVISION:
        api.create_branch(repo_id, branch=revision, exist_ok=True)
    return url


def _validate_on_hub(api: HfApi, card: ModelCard) -> None:
    # Not card.validate(): before huggingface_hub 2 it asks huggingface.co, whatever HF_ENDPOINT says.
    question = {"content": str(card), "repoType": "model"}
    response = get_session().post(f"{api.endpoint}/api/validate-yaml", json=question)
    if response.status_code == HTTPStatus.BAD_REQUEST:
        faults = "; ".join(str(fault.get("message")) for fault in response.json().get("errors", []))
        raise ValueError(f"The Hub finds fault with the card's metadata: {faults}. Correct them; nothing was pushed.")
    hf_raise_for_status(response)


def _load_complete_model(folder: Path) -> BiGRUForCTC:
    loaded = BiGRUForCTC.from_pretrained(folder, local_files_only=True, output_loading_info=True)
    model, report = cast("tuple[BiGRUForCTC, dict[str, set[str]]]", loaded)
    faults = {name: sorted(map(str, keys)) for name, keys in report.items() if keys}
    if faults:
        raise ValueError(
            f"The weights in {folder} do not fit its config.json: {faults}. A release needs every weight; give the "
            "folder as training wrote it."
        )
    for name, parameter in model.named_parameters():
        if not bool(torch.isfinite(parameter).all()):
            raise ValueError(f"The weight {name} in {folder} has NaN or infinite values; release another checkpoint.")
    return model


def _check_model_folder(folder: Path) -> None:
    missing = [name for name in ("config.json", WEIGHTS_NAME) if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{folder} is not the folder of a model: it has no {' and no '.join(missing)}. Give a folder that "
            "save_pretrained wrote."
        )
    model_type = BiGRUCTCConfig.get_config_dict(folder)[0].get("model_type")
    if model_type != BiGRUCTCConfig.model_type:
        raise ValueError(
            f"{folder} holds a model of the type {model_type!r}; only {BiGRUCTCConfig.model_type!r} can be released. "
            "Give the folder of a BiGRUForCTC."
        )


def _check_repo_id(repo_id: str) -> None:
    if re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", repo_id, re.ASCII) is None:
        raise ValueError(
            f"repo_id is {repo_id!r}; it must be NAMESPACE/NAME of letters, digits, '-', '_' and '.', for example "
            "alice/bigru-librispeech."
        )


@contextmanager
def hub_refusals_explained(repo_id: str, revision: str) -> Iterator[None]:
    """Turns the Hub's refusals, and its silence, into errors that say what to do."""
    namespace = repo_id.split("/")[0]
    try:
        yield
    except HfHubHTTPError as error:
        explanations = {
            401: (
                "The Hub does not accept the token; set HF_TOKEN to a valid one with write permission, or run "
                "`hf auth login` again."
            ),
            403: (
                f"The token may not write to {repo_id}; push to a namespace of your own, or use a token that has "
                f"write permission for {namespace!r}."
            ),
            404: (
                f"The Hub has no {repo_id} that this token may see; check the name, and that the token has access to "
                f"{namespace!r}."
            ),
            412: _stale_message(repo_id, revision, "changed during the push"),
        }
        message = explanations.get(error.response.status_code, f"The Hub refused the push to {repo_id}.")
        raise HubError(f"{message} The Hub said: {error}") from error
    except (HTTPError, ConnectionError) as error:
        raise HubError(
            f"The Hub at {constants.ENDPOINT} cannot be reached: {error}; check the connection and HF_ENDPOINT, and "
            "push again."
        ) from error


def _stale_message(repo_id: str, revision: str, state: str) -> str:
    return (
        f"The branch {revision!r} of {repo_id} is {state}: somebody else has pushed. Nothing of theirs was "
        "overwritten; look at their commits and push again."
    )


__all__ = [
    "HubError",
    "PushedRelease",
    "assemble_release",
    "check_no_token",
    "check_token",
    "push_release",
    "release_files",
]
