"""Push a trained model with its code, card and evaluation records to the Hugging Face Hub.

python scripts/push_to_hub.py --repo_id NAMESPACE/NAME --evaluation evaluation_clean.json evaluation_other.json

The token comes from HF_TOKEN or from `hf auth login`. To see what would be pushed, without a network or a token:

python scripts/push_to_hub.py --repo_id NAMESPACE/NAME --dry_run release
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hf_bigru_asr import bundled_checkpoint
from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.hub.card import find_evaluations, load_evaluation
from hf_bigru_asr.hub.release import HubError, assemble_release, push_release, release_files


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


def main(argv: Sequence[str] | None = None) -> None:
    """Assemble the release and, unless it is a dry run, push it."""
    parser = CommandParser(PushArguments, description=__doc__.partition("\n")[0])
    (arguments,) = parser.parse(argv)
    with parser.refusals(HubError):
        # 1. Find the model and what was measured about it.
        model_dir = bundled_checkpoint() if arguments.model == "bundled" else Path(arguments.model)
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


if __name__ == "__main__":
    main()
