"""The record of a run."""

import json

from transformers import TrainerState

from hf_bigru_asr.training.recording import training_record


def test_the_record_names_the_best_evaluation() -> None:
    state = TrainerState(
        log_history=[
            {"loss": 3.0, "elapsed_s": 5.0},
            {"eval_wer": 0.5, "eval_cer": 0.2, "eval_loss": 1.0, "eval_blank_rate": 0.7, "epoch": 1.0, "step": 10},
            {"eval_wer": 0.4, "eval_cer": 0.1, "eval_loss": 1.5, "eval_blank_rate": 0.8, "epoch": 2.0, "step": 20},
            {"eval_wer": 0.6, "eval_cer": 0.3, "eval_loss": 0.9, "eval_blank_rate": 0.9, "elapsed_s": 90.0},
        ]
    )
    record = training_record(state, {"seed": 1}, {"name": "x"})
    json.dumps(record)
    assert record["best_validation"] == {
        "wer": 0.4,
        "cer": 0.1,
        "loss": 1.5,
        "blank_rate": 0.8,
        "epoch": 2.0,
        "step": 20,
    }
    assert record["wall_time_s"] == 90.0
    assert record["arguments"] == {"seed": 1}
    assert record["log_history"] == state.log_history
    assert {"hardware", "versions", "command", "commit"} <= record.keys()
    assert training_record(TrainerState(), {}, {})["best_validation"]["wer"] is None
    lm = {"eval_lm_wer": 0.3, "eval_lm_cer": 0.2, "eval_wer": 0.7, "step": 40}
    state.log_history += [lm, lm | {"eval_lm_wer": 0.35, "eval_wer": 0.35}]
    assert training_record(state, {"metric_for_best_model": "wer"}, {})["best_validation"]["wer"] == 0.35
    best = training_record(state, {"metric_for_best_model": "lm_wer"}, {})["best_validation"]
    assert (best["lm_wer"], best["lm_cer"], best["wer"], best["step"]) == (0.3, 0.2, 0.7, 40)
