"""What the tests of training share: a few utterances with the columns of training data, and quiet arguments."""

from typing import Any

import torch
from speech_rows import flac, make_waveform
from transformers import Trainer

Weights = dict[str, torch.Tensor]

QUIET: dict[str, Any] = {"report_to": "none", "disable_tqdm": True, "use_cpu": True, "remove_unused_columns": False}
TRAINING_ALONE: dict[str, Any] = QUIET | {"eval_strategy": "no", "load_best_model_at_end": False}


def make_examples(num: int) -> list[dict[str, Any]]:
    """Utterances of different lengths and texts, with the columns that `filter_utterances` adds."""
    texts = ["HELLO", "IT'S ME", "A", "NO MORE", "TOO", "BAT"]
    return [
        {
            "audio": {"bytes": flac(make_waveform(index, 4000 + 1111 * index)), "path": None},
            "text": texts[index],
            "index": index,
            "length": 13 + 4 * index,
        }
        for index in range(num)
    ]


def weights_of(model: torch.nn.Module) -> Weights:
    """A copy."""
    return {name: weight.clone() for name, weight in model.state_dict().items()}


def assert_equal(weights: Weights, expected: Weights) -> None:
    """Bitwise."""
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


def losses_of(trainer: Trainer) -> list[float]:
    """The losses that the log has."""
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
