"""Records of an evaluation and of a training as the scripts write them, and readers of the cards made of them."""

import copy
import re
from typing import Any

EVALUATION: dict[str, Any] = {
    "model": "checkpoint",
    "dataset": {
        "name": "openslr/librispeech_asr",
        "config": "clean",
        "split": "test",
        "num_utterances": 2620,
        "hours": 5.403,
    },
    "metrics": {
        "wer": 0.25123,
        "cer": 0.08336,
        "substitutions": 1,
        "deletions": 2,
        "insertions": 3,
        "precision": 0.8012,
        "recall": 0.7934,
        "f1": 0.7973,
        "num_words": 52576,
    },
    "decoding": {"method": "greedy", "batch_size": 4},
    "speed": {"real_time_factor": 131.42, "time_per_utterance_s": {"median": 0.0452, "p95": 0.1213}},
    "machine": {"cpu": "AMD EPYC", "num_threads": 2, "platform": "Linux-6.1"},
    "versions": {"python": "3.11.2", "torch": "2.14.1", "transformers": "5.23.0", "hf_bigru_asr": "0.1.0"},
    "command": "python scripts/evaluate.py --split test | tee log",
    "commit": "0123abc",
    "date": "2026-01-02T03:04:05Z",
}
TRAINING: dict[str, Any] = {
    "arguments": {
        "learning_rate": 0.002,
        "num_train_epochs": 12,
        "hub_token": "hf_secret",
        "weight_decay": None,
        "optim": "None",
    },
    "dataset": {
        "name": "openslr/librispeech_asr",
        "config": "clean",
        "train_split": "train.100",
        "eval_split": "validation",
        "train": {"hours": 100.59, "num_utterances": 28539, "num_rejected": {}},
    },
    "hardware": {"gpu": "H100"},
    "wall_time_s": 9000.0,
    "commit": "4567def",
    "command": "python scripts/train.py a|b",
    "best_validation": {"wer": 0.2601, "cer": 0.0902},
}


def changed_evaluation(**changes: dict[str, Any]) -> dict[str, Any]:
    """`EVALUATION` with some keys of some sections changed."""
    evaluation = copy.deepcopy(EVALUATION)
    for section, values in changes.items():
        evaluation[section] |= values
    return evaluation


def table(text: str, heading: str) -> list[list[str]]:
    """The cells of the first table after a heading."""
    lines = text.split(f"## {heading}\n")[1].splitlines()
    first = next(index for index, line in enumerate(lines) if line.startswith("|"))
    last = next(index for index, line in enumerate(lines[first:], first) if not line.startswith("|"))
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[first:last]]


def training_list(text: str) -> dict[str, str]:
    """What the list of the training says, by its labels."""
    section = text.split("## Training\n")[1].split("\n## ")[0]
    return dict(line[2:].split(": ", 1) for line in section.splitlines() if line.startswith("- "))
