"""Pictures of a training, of tuning and of confidences."""

from pathlib import Path
from typing import Any

import pytest
from matplotlib.text import Text

from hf_bigru_asr.evaluation import plots
from hf_bigru_asr.evaluation.plots import learning_curve, plot_learning_curve, plot_speed


def record(rates: list[float], hours: float, **arguments: int) -> dict[str, Any]:
    log = [{"epoch": 0.25, "loss": 2.0}]
    log += [{"epoch": (place + 1) / 2, "eval_wer": rate} for place, rate in enumerate(rates)]
    dataset = {"train": {"hours": hours}, "extra": [{"hours": 1.0}]}
    return {"log_history": log, "dataset": dataset, "arguments": arguments}


def test_the_curve_is_the_best_rate_over_the_hours_heard() -> None:
    stages = [record([0.9, 0.5], 3.0), record([0.6, 0.4, 0.7], 3.0, train_repeats=3)]
    hours, rates = learning_curve(stages)
    assert hours == [2, 4, 4 + 5, 4 + 10, 4 + 15]
    assert rates == [0.9, 0.5, 0.5, 0.4, 0.4]


def test_the_curve_of_a_stream_is_over_what_was_heard() -> None:
    """Its first epoch did not come to an end."""
    stage = record([0.9, 0.5], 1.5)
    stage["dataset"] = {"train": {"hours": 2.0}, "heard": {"hours": 4.0, "epochs": 1.0}}
    assert learning_curve([stage]) == ([2, 4], [0.9, 0.5])


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        ({"log_history": [{"epoch": 1.0}], "dataset": {"train": {"hours": 1.0}}, "arguments": {}}, "no evaluation"),
        ({"log_history": [], "dataset": {}, "arguments": {}}, "lacks the hours of its data"),
    ],
)
def test_a_record_without_a_curve_is_refused(stage: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        learning_curve([stage])


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures, with their axes, that are drawn in the test."""
    pytest.importorskip("matplotlib")
    figures = []
    draw = plots.new_figure

    def keep(num_axes: int) -> Any:  # noqa: ANN401 - matplotlib's
        figures.append(draw(num_axes))
        return figures[-1]

    monkeypatch.setattr(plots, "new_figure", keep)
    return figures


def test_learning_curve_is_one_line(tmp_path: Path, drawn: list[Any]) -> None:
    plot_learning_curve([record([0.9, 0.5], 3.0)], tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    (line,) = drawn[0][1][0].get_lines()
    assert line.get_xydata().tolist() == [[2, 90], [4, 50]]


def test_every_recogniser_is_named_beside_its_point(tmp_path: Path, drawn: list[Any]) -> None:
    rows = [
        ("this package, ONNX Runtime", 0.434, 565),
        ("this package, OpenVINO", 0.434, 461),
        ("this package, torch", 0.434, 367),
        ("this package, ONNX Runtime, language model", 0.23, 30),
        ("PocketSphinx en-us", 0.3, 4.4),
        ("Whisper-base, faster-whisper int8", 0.05, 4.9),
    ]
    plot_speed(
        [{"name": name, "wer": wer, "real_time_factor": speed} for name, wer, speed in rows], tmp_path / "speed.png"
    )
    figure, (axes,) = drawn[0]
    for label in axes.texts:
        label.update_positions(figure.canvas.get_renderer())
    extents = {label.get_text(): Text.get_window_extent(label) for label in axes.texts}
    assert extents.keys() == {name for name, _, _ in rows}
    dots = axes.transData.transform([(speed, 100 * wer) for _, wer, speed in rows])
    for name, extent in extents.items():
        assert axes.bbox.contains(extent.x0, extent.y0)
        assert axes.bbox.contains(extent.x1, extent.y1)
        assert extent.count_contains(dots) == 0
        assert not any(extent.overlaps(other) for key, other in extents.items() if key != name)
    edge = axes.get_lines()[0].get_xydata().tolist()
    assert edge == [[565, 43.4], [30, 23], [4.9, 5]]
