"""Pictures of a training, of tuning and of confidences."""

from pathlib import Path
from typing import Any

import pytest

from hf_bigru_asr.evaluation import plots
from hf_bigru_asr.evaluation.plots import plot_learning_curve, plot_speed


def test_learning_curve(tmp_path: Path) -> None:
    log = [{"elapsed_s": 9, "loss": 2.0}, {"elapsed_s": 20, "eval_loss": 1.5, "eval_wer": 0.5, "eval_cer": 0.2}, {}]
    plot_learning_curve([log, log], tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures, with their axes, that are drawn in the test."""
    pytest.importorskip("matplotlib")
    figures = []
    draw = plots._new_figure

    def keep(num_axes: int) -> Any:  # noqa: ANN401 - matplotlib's
        figures.append(draw(num_axes))
        return figures[-1]

    monkeypatch.setattr(plots, "_new_figure", keep)
    return figures


@pytest.mark.parametrize(("lowest", "is_zero"), [(0.5, True), (-0.7, False)])
def test_a_loss_below_zero_is_in_the_picture(lowest: float, is_zero: bool, tmp_path: Path, drawn: list[Any]) -> None:
    rates = {"eval_loss": 1.5, "eval_wer": 0.5, "eval_cer": 0.2}
    log = [{"elapsed_s": 9, "loss": 2.0}, {"elapsed_s": 20, "loss": lowest, **rates}]
    plot_learning_curve([log], tmp_path / "curve.png")
    bottom, top = drawn[0][1][0].get_ylim()
    assert (bottom == 0) == is_zero
    assert bottom <= lowest < 2.0 <= top


def test_every_recogniser_is_seen_beside_the_legend(tmp_path: Path, drawn: list[Any]) -> None:
    rows = [
        ("this package, ONNX Runtime", 0.55, 230),
        ("this package, ONNX Runtime, language model", 0.23, 30),
        ("PocketSphinx en-us", 0.3, 4.4),
        ("Whisper-base, faster-whisper int8", 0.05, 4.9),
        ("Whisper-tiny, faster-whisper int8", 0.08, 9.0),
        ("another", 0.45, 20),
        ("one more", 0.4, 9.0),
    ]
    plot_speed(
        [{"name": name, "wer": wer, "real_time_factor": speed} for name, wer, speed in rows], tmp_path / "speed.png"
    )
    figure, (axes,) = drawn[0]
    legend = (figure.legends or [axes.get_legend()])[0]
    extent = legend.get_window_extent()
    assert [text.get_text() for text in legend.get_texts()] == [name for name, _, _ in rows]
    assert figure.bbox.contains(extent.x0, extent.y0)
    assert figure.bbox.contains(extent.x1, extent.y1)
    for _, wer, speed in rows:
        assert not extent.contains(*axes.transData.transform((speed, 100 * wer)))
