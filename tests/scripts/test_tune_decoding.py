"""`scripts/tune_decoding.py`: the settings and the report that it writes."""

import json
from pathlib import Path

import pytest
from script_runs import run_script

from hf_bigru_asr.evaluation import plots
from hf_bigru_asr.model.beam_search_bigru_ctc import BeamSearchSettings

pytestmark = pytest.mark.usefixtures("in_one_process")


def test_the_best_settings_are_written_into_the_language_model(
    tone_model: Path, tone_data: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tone_model / "language_model"
    settings_when_drawn, draw = [], plots.plot_tuning

    def draw_later(*arguments: object) -> None:
        settings_when_drawn.append(BeamSearchSettings.from_folder(folder))
        draw(*arguments)

    monkeypatch.setattr(plots, "plot_tuning", draw_later)

    tuned = run_script(
        *("tune_decoding.py", *tone_data, "--model", tone_model, "--batch_size", 2, "--lm", "own"),
        *("--lm_weights", 0.5, 1, "--word_scores", 0, "--prior_weights", 0, 0.3, "--num_offsets", 3),
        *("--beam_size", 50, "--beam_sizes", 5, 50, "--chosen_beam_size", 20, "--output_dir", tmp_path / "tuning"),
    )

    assert tuned.returncode == 0, tuned.stderr
    report = json.loads((tmp_path / "tuning" / "tuning.json").read_text())
    assert report["dataset"] == {"name": str(tone_data[1]), "config": None, "split": "validation"}
    assert [trial["lm_weight"] for trial in report["trials"]] == [0.5, 0.5, 1, 1, report["chosen"]["lm_weight"]]
    assert (report["outside_lexicon"]["num_utterances"], report["outside_lexicon"]["num_reference"]) == (1, 1)
    assert (tmp_path / "tuning" / "tuning.png").read_bytes().startswith(b"\x89PNG")
    # Written before anything that may fail.
    assert settings_when_drawn == [BeamSearchSettings.from_folder(folder)] == [BeamSearchSettings(**report["chosen"])]
    assert report["chosen"]["beam_size"] == 20
    # What comes after runs the network as it did here.
    assert (report["num_offsets"], report["chosen"]["num_offsets"]) == (3, 3)
