"""Pictures of the documentation: the network, and words where they are spoken. They need the extra `plot`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..alignment.aligned_text import AlignedWord
from ..model.configuration_bigru_ctc import BiGRUCTCConfig
from .plots import new_figure, save_figure

__all__ = ["draw_aligned_words", "draw_network"]

_BACK, _EDGE, _FORWARD, _BACKWARD = "#f2f5f9", "#33415c", "#1f6fb2", "#b2541f"
_BOX_WIDTH, _BOX_HEIGHT, _GAP = 5.6, 0.9, 0.5


def draw_network(config: BiGRUCTCConfig, frame_ms: float, num_parameters: int, path: str | Path) -> None:
    """The network from waveform to text, its layers with their sizes.

    Args:
        config: Sizes.
        frame_ms: Milliseconds from one frame to the next.
        num_parameters: Of all layers together.
        path: Where to write the picture.
    """
    size, mels, classes = config.hidden_size, config.num_mel_bins, config.vocab_size
    figure, (axes,) = new_figure(1)
    boxes = [
        ("waveform", "16 kHz, one channel", False),
        ("log-mel spectrogram", f"{mels} bins, a frame every {frame_ms:g} ms, normalised", False),
        *(
            (
                f"GRU {layer + 1}",
                f"{mels if layer == 0 else 2 * size} \N{RIGHTWARDS ARROW} 2 \N{MULTIPLICATION SIGN} {size}",
                True,
            )
            for layer in range(config.num_hidden_layers)
        ),
        ("linear", f"{2 * size} \N{RIGHTWARDS ARROW} {classes}", False),
        ("log-softmax", "blank, space, apostrophe, A to Z", False),
        ("CTC decoding", "greedy, or beam search with a language model", False),
    ]
    figure.set_size_inches(6.5, 0.72 * len(boxes))
    step = _BOX_HEIGHT + _GAP
    for place, (name, note, is_recurrent) in enumerate(boxes):
        _draw_box(axes, -place * step, name, note, is_recurrent)
        if place:
            axes.annotate(
                "",
                (0, -place * step + _BOX_HEIGHT),
                (0, -(place - 1) * step),
                arrowprops={"arrowstyle": "-|>", "color": _EDGE},
            )
    first, last = 2, 2 + config.num_hidden_layers
    top, bottom = -first * step + _BOX_HEIGHT, -last * step
    axes.plot([3.2, 3.35, 3.35, 3.2], [top, top, bottom, bottom], color=_EDGE, linewidth=1)
    axes.text(3.5, (top + bottom) / 2, f"{num_parameters:,}\nparameters", va="center", fontsize=9)
    axes.set(xlim=(-3.2, 5.2), ylim=(-(len(boxes) - 1) * step - 0.2, _BOX_HEIGHT + 0.2))
    axes.axis("off")
    save_figure(figure, path)


def _draw_box(axes: Any, bottom: float, name: str, note: str, is_recurrent: bool) -> None:  # noqa: ANN401 - matplotlib's
    from matplotlib.patches import FancyBboxPatch

    left = -_BOX_WIDTH / 2
    axes.add_patch(
        FancyBboxPatch(
            (left, bottom), _BOX_WIDTH, _BOX_HEIGHT, boxstyle="round,pad=0,rounding_size=0.12", fc=_BACK, ec=_EDGE
        )
    )
    axes.text(0, bottom + 0.6 * _BOX_HEIGHT, name, ha="center", va="center", fontsize=11, weight="bold")
    axes.text(0, bottom + 0.25 * _BOX_HEIGHT, note, ha="center", va="center", fontsize=8.5)
    if is_recurrent:
        for height, start, end, color in (
            (0.7, left + 0.25, left + 1.25, _FORWARD),
            (0.7, -left - 0.25, -left - 1.25, _BACKWARD),
        ):
            axes.annotate(
                "",
                (end, bottom + height * _BOX_HEIGHT),
                (start, bottom + height * _BOX_HEIGHT),
                arrowprops={"arrowstyle": "-|>", "color": color, "linewidth": 1.5},
            )


def draw_aligned_words(
    waveform: npt.NDArray[np.float32], sampling_rate: int, words: Sequence[AlignedWord], path: str | Path
) -> None:
    """A waveform with the words of its text where they are spoken.

    Args:
        waveform: `(samples,)`.
        sampling_rate: In hertz.
        words: From [`Aligner`], in order.
        path: Where to write the picture.
    """
    figure, (axes,) = new_figure(1)
    figure.set_size_inches(11, 3.6)
    axes.plot(np.arange(len(waveform)) / sampling_rate, waveform, color=_EDGE, linewidth=0.5)
    top = 1.1 * float(np.abs(waveform).max())
    for place, word in enumerate(words):
        color = (_FORWARD, _BACKWARD)[place % 2]
        axes.axvspan(word.start_s, word.end_s, color=color, alpha=0.15, linewidth=0)
        axes.text((word.start_s + word.end_s) / 2, top, word.text, rotation=90, ha="center", va="bottom", fontsize=9)
    axes.set(xlabel="seconds", xlim=(0, len(waveform) / sampling_rate), ylim=(-top, top), yticks=[])
    axes.spines[["left", "right", "top"]].set_visible(False)
    save_figure(figure, path)
