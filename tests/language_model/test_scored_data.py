"""Which language model a script takes."""

from pathlib import Path

import pytest
from small_language_model import write_language_model

from hf_bigru_asr import bundled_checkpoint
from hf_bigru_asr.language_model.scored_data import language_model_folder


def test_folder_of_a_language_model(model_dir: Path, tmp_path: Path) -> None:
    assert language_model_folder(tmp_path / "lm", "nobody/nothing", to_write=True) == tmp_path / "lm"
    assert language_model_folder("own", "bundled", to_write=True) == bundled_checkpoint() / "language_model"
    with pytest.raises(FileNotFoundError, match=r"model has no language model of its own; .* scripts/build_lm\.py"):
        language_model_folder("own", model_dir)
    folder = write_language_model(model_dir / "language_model")
    assert language_model_folder("own", model_dir, to_write=True) == folder


def test_nothing_is_written_beside_a_model_on_the_hub() -> None:
    with pytest.raises(ValueError, match="The language model of nobody/nothing lies on the Hub, and nothing can be"):
        language_model_folder("own", "nobody/nothing", to_write=True)
