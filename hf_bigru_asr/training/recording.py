"""The record of a run: settings, data, hardware, versions, commit and log, for `training.json`."""

from typing import Any

from transformers import TrainerState

from ..provenance import command_line, git_commit, machine, versions

__all__ = ["training_record"]


def training_record(state: TrainerState, arguments: dict[str, Any], dataset: dict[str, Any]) -> dict[str, Any]:
    """Everything about the run that made a model, for `training.json` beside its weights.

    Args:
        state: State of the trainer after training.
        arguments: Every setting, JSON-serialisable.
        dataset: Names and sizes of the data.

    Returns:
        Settings, data, the best evaluation, hardware, wall time in seconds, versions, command, commit and log.
    """
    # The error rate that chooses the model, or that of greedy decoding if something else does.
    chosen_by = str(arguments.get("metric_for_best_model")).removeprefix("eval_")
    metric = f"eval_{chosen_by}" if chosen_by in ("cer", "lm_wer", "lm_cer") else "eval_wer"
    evaluations = [entry for entry in state.log_history if metric in entry]
    best = min(evaluations, key=lambda entry: entry[metric], default={})
    return {
        "arguments": {name: value for name, value in arguments.items() if name != "hub_token"},
        "dataset": dataset,
        "best_validation": {name: best.get(f"eval_{name}") for name in ("wer", "cer", "loss", "blank_rate")}
        | {name: best[f"eval_{name}"] for name in ("lm_wer", "lm_cer") if f"eval_{name}" in best}
        | {"epoch": best.get("epoch"), "step": best.get("step")},
        "hardware": machine(),
        "wall_time_s": max((entry.get("elapsed_s", 0.0) for entry in state.log_history), default=0.0),
        "versions": versions(),
        "command": command_line(),
        "commit": git_commit(),
        "log_history": state.log_history,
    }
