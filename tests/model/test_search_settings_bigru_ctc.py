"""Settings of a beam search in a file, and the presets in it."""

import json
from pathlib import Path
from typing import Any

import pytest

from hf_bigru_asr.bundled import bundled_checkpoint
from hf_bigru_asr.model.search_settings_bigru_ctc import BeamSearchSettings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with settings and a preset, and fields that another version may write."""
    fast = {"beam_size": 50, "num_offsets": 1, "later": 1}
    values = {"lm_weight": 1.5, "beam_size": 400, "num_offsets": 3, "presets": {"fast": fast}, "later": 1}
    (tmp_path / "decoding.json").write_text(json.dumps(values))
    return tmp_path


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"beam_size": 400, "num_offsets": 3}),
        ({"preset": "accurate"}, {"beam_size": 400, "num_offsets": 3}),
        ({"preset": "fast"}, {"beam_size": 50, "num_offsets": 1}),
        ({"preset": "fast", "beam_size": 7}, {"beam_size": 7, "num_offsets": 1}),
    ],
)
def test_a_preset_changes_some_settings(options: dict[str, Any], expected: dict[str, Any], folder: Path) -> None:
    assert BeamSearchSettings.from_folder(folder, **options) == BeamSearchSettings(lm_weight=1.5, **expected)


def test_presets_that_are_not_there_are_named(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(ValueError, match=r"There is no preset 'faster' beside .*; choose of accurate, fast"):
        BeamSearchSettings.from_folder(folder, preset="faster")
    empty = tmp_path_factory.mktemp("empty")
    assert BeamSearchSettings.from_folder(empty, preset="accurate") == BeamSearchSettings()
    with pytest.raises(ValueError, match=r"There is no preset 'fast' .*; choose of accurate"):
        BeamSearchSettings.from_folder(empty, preset="fast")


@pytest.mark.parametrize(
    ("presets", "message"),
    [
        (3, "presets is 3; it must have settings by their names"),
        ({"fast": [1]}, "presets is .*; it must have settings by their names"),
        ({"fast": {"beam_size": 0}}, r"decoding\.json: beam_size is 0"),
        ({"fast": {"blank_margin": 0}}, r"decoding\.json: blank_margin is 0"),
    ],
)
def test_broken_presets_are_refused_whatever_is_asked_for(presets: object, message: str, folder: Path) -> None:
    (folder / "decoding.json").write_text(json.dumps({"presets": presets}))
    with pytest.raises(ValueError, match=message):
        BeamSearchSettings.from_folder(folder)


def test_the_shipped_language_model_has_a_fast_preset() -> None:
    folder = Path(bundled_checkpoint()) / "language_model"
    accurate, fast = (BeamSearchSettings.from_folder(folder, preset=name) for name in ("accurate", "fast"))
    assert (accurate.num_offsets, fast.num_offsets) == (3, 1)
    assert fast.beam_size < accurate.beam_size
