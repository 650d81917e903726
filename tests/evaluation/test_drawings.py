"""Pictures of the documentation: what stands in them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hf_bigru_asr import BiGRUCTCConfig
from hf_bigru_asr.alignment.aligned_text import AlignedWord
from hf_bigru_asr.evaluation import drawings
from hf_bigru_asr.evaluation.drawings import draw_aligned_words, draw_network

pytest.importorskip("matplotlib")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The axes that are drawn in the test; nothing is written."""
    found: list[Any] = []
    monkeypatch.setattr(drawings, "save_figure", lambda figure, path: found.extend(figure.axes))
    return found


def test_the_network_has_its_sizes(drawn: list[Any], tmp_path: Path) -> None:
    draw_network(BiGRUCTCConfig(hidden_size=12, num_hidden_layers=2, num_mel_bins=40), 20.0, 1234, tmp_path / "x.png")
    texts = [text.get_text() for text in drawn[0].texts]
    assert [text for text in texts if text.startswith("GRU")] == ["GRU 1", "GRU 2"]
    arrow, times = "\N{RIGHTWARDS ARROW}", "\N{MULTIPLICATION SIGN}"
    assert f"40 {arrow} 2 {times} 12" in texts
    assert f"24 {arrow} 2 {times} 12" in texts
    assert f"24 {arrow} 29" in texts
    assert "1,234\nparameters" in texts


def test_words_stand_where_they_are_spoken(drawn: list[Any], tmp_path: Path) -> None:
    words = [
        AlignedWord(text=text, normalized=text, start_s=start_s, end_s=end_s, score=1.0, characters=())
        for text, start_s, end_s in (("IT", 0.1, 0.3), ("NO", 0.5, 0.9))
    ]
    draw_aligned_words(np.ones(1000, np.float32), 1000, words, tmp_path / "x.png")
    assert [(text.get_text(), text.get_position()[0]) for text in drawn[0].texts] == [("IT", 0.2), ("NO", 0.7)]
    spans = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in drawn[0].patches]
    assert spans == [pytest.approx((0.1, 0.3)), pytest.approx((0.5, 0.9))]
