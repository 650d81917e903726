"""Push a trained model with its code, card and evaluation records to the Hugging Face Hub.

Examples:
  hf-bigru-asr push --repo-id NAMESPACE/NAME --evaluation evaluation_clean.json evaluation_other.json
  hf-bigru-asr push --repo-id NAMESPACE/NAME --dry-run release

The token comes from HF_TOKEN or from `hf auth login`. A dry run needs neither a network nor a token.
"""

import tempfile
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass, field
from pathlib import Path

from ..bundled import BUNDLED, bundled_checkpoint
from .dataclass_arguments import add_dataclass_arguments, dataclass_of
from .one_line import CommandError

__all__ = ["PushArguments", "push"]


@dataclass
class PushArguments:
    """What to push, and where to."""

    repo_id: str = field(metadata={"help": "Repository to push to, NAMESPACE/NAME; created if it does not exist."})
    model: str = field(
        default="bundled", metadata={"help": "Folder of the model, or 'bundled' for the one that the package ships."}
    )
    evaluation: list[str] = field(
        default_factory=list,
        metadata={"help": "JSON files of scripts/evaluate.py; by default evaluation*.json in the model's folder."},
    )
    dataset_id: str | None = field(
        default=None,
        metadata={
            "help": "Hub id of the data, for training and evaluation files that name a local folder instead. "
            "Whole splits of LibriSpeech are found without it."
        },
    )
    private: bool = field(default=False, metadata={"help": "Create the repository as a private one."})
    revision: str = field(default="main", metadata={"help": "Branch to push to; created if it does not exist."})
    parent_commit: str | None = field(
        default=None, metadata={"help": "Push only if the branch is at this commit; by default wherever it is."}
    )
    commit_message: str = field(default="Release", metadata={"help": "Title of the commits."})
    dry_run: str | None = field(
        default=None, metadata={"help": "Write everything that would be pushed into this new folder; push nothing."}
    )


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options."""
    add_dataclass_arguments(parser, PushArguments)


def run(args: Namespace) -> int:
    """Push, and return the exit status."""
    arguments = dataclass_of(PushArguments, args)
    for path in [*arguments.evaluation, *([] if arguments.model == BUNDLED else [arguments.model])]:
        if not Path(path).exists():
            raise FileNotFoundError(f"{path} does not exist.")
    from ..hub.release import HubError, check_token

    try:
        if arguments.dry_run is None:
            check_token(arguments.repo_id)  # before anything is written that takes a while
        push(arguments)
    except HubError as error:
        raise CommandError(str(error), status=1) from error
    return 0


def push(arguments: PushArguments) -> None:
    """Assemble the release and, unless it is a dry run, push it.

    Raises:
        HubError: If the Hub, or the lack of a token for it, stands in the way.
        FileNotFoundError: If the model or an evaluation is not there.
        ValueError: If they cannot be released.
    """
    from ..hub.card import find_evaluations, load_evaluation
    from ..hub.release import assemble_release, push_release, release_files

    # 1. Find the model and what was measured about it.
    model_dir = bundled_checkpoint() if arguments.model == BUNDLED else Path(arguments.model)
    files = arguments.evaluation or find_evaluations(model_dir)
    evaluations = [load_evaluation(path, arguments.dataset_id) for path in files]
    with tempfile.TemporaryDirectory() as scratch:
        # 2. Write the release into a folder.
        target = arguments.dry_run or scratch
        release = assemble_release(
            model_dir, target, evaluations, repo_id=arguments.repo_id, dataset_id=arguments.dataset_id
        )
        print(f"{arguments.repo_id}: {', '.join(release_files(release))}")
        if arguments.dry_run:
            print(f"Dry run: written to {release}, nothing was pushed.")
            return
        # 3. Push it, the card last.
        pushed = push_release(
            release,
            arguments.repo_id,
            private=arguments.private,
            revision=arguments.revision,
            parent_commit=arguments.parent_commit,
            commit_message=arguments.commit_message,
        )
    print(f"Pushed to {pushed.url}: model {pushed.model_commit}, card {pushed.card_commit}.")
