"""Waveform and log-mel spectrogram of a part of a recording, with the characters where the network marked them."""

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from ..model.ctc_alignment_bigru_ctc import CharacterSpan
from ..runtime.log_mel import FloatArray, LogMelSettings, log_mel_frames

__all__ = ["WINDOW_S", "picture", "spectrogram_png"]

WINDOW_S = 10.0
"""Seconds that are shown at once."""
PIXELS_PER_S = 180
WAVE_HEIGHT = 90
MEL_HEIGHT = 192
ROW_HEIGHT = 17
NUM_ROWS = 3
TEXT_HEIGHT = NUM_ROWS * ROW_HEIGHT + 8
AXIS_HEIGHT = 20
CHARACTER_PIXELS = 11.0
"""What a character takes; one that lies closer to the one before goes to another row."""
DYNAMIC_RANGE = 9.0
"""Nats between the darkest and the brightest colour: 39 dB."""
WIDEST_CHARACTER_S = 0.3

_COLOURS = np.array(
    [
        (0, 0, 4),
        (40, 11, 84),
        (101, 21, 110),
        (159, 42, 99),
        (212, 72, 66),
        (245, 125, 21),
        (250, 193, 39),
        (252, 255, 164),
    ]
)
"""Anchors of the colour map `inferno` of matplotlib, which is readable without colours too: brighter is louder."""


def picture(audio: Path, start_s: float, characters: Sequence[CharacterSpan], settings: LogMelSettings) -> str:
    """A figure of `WINDOW_S` seconds, as HTML with SVG inside.

    Args:
        audio: WAV at `settings.sampling_rate`.
        start_s: Where the part begins; shifted where the recording ends before.
        characters: Those of the whole recording.
        settings: Of the features.
    """
    with soundfile.SoundFile(audio) as file:
        rate, num_samples = file.samplerate, file.frames
        first = round(min(max(start_s, 0.0), max(num_samples / rate - WINDOW_S, 0.0)) * rate)
        file.seek(first)
        samples: FloatArray = file.read(round(WINDOW_S * rate), dtype="float32")
    start_s, length_s = first / rate, len(samples) / rate
    width = max(round(length_s * PIXELS_PER_S), 1)
    shown = [span for span in characters if start_s <= span.start_s < start_s + length_s and span.char != " "]
    text_top = WAVE_HEIGHT
    mel_top = text_top + TEXT_HEIGHT
    height = mel_top + MEL_HEIGHT + AXIS_HEIGHT
    text = "".join(span.char for span in characters if start_s <= span.start_s < start_s + length_s)
    image = base64.b64encode(spectrogram_png(samples, replace(settings, num_offsets=1))).decode()
    label = (
        f"Waveform and log-mel spectrogram from {start_s:.1f} to {start_s + length_s:.1f} s. Characters that the "
        f"network marked: {text or 'none'}."
    )
    return (
        '<figure class="picture"><div class="scroll" tabindex="0" role="region" '
        'aria-label="Picture, scrolls sideways">'
        f'<svg role="img" aria-label="{escape(label)}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">'
        f'<path class="wave" d="{_wave_path(samples, width)}"/>'
        f'<image x="0" y="{mel_top}" width="{width}" height="{MEL_HEIGHT}" preserveAspectRatio="none" '
        f'href="data:image/png;base64,{image}"/>'
        f"{''.join(_characters(shown, start_s, text_top, mel_top + MEL_HEIGHT))}"
        f"{_axis(start_s, length_s, mel_top + MEL_HEIGHT)}</svg></div>"
        "<figcaption>Above the waveform, below the 128 log-mel bands that the network gets, low tones at the bottom. "
        "Each character stands where the network marked it; a faint one was less sure.</figcaption></figure>"
    )


def _wave_path(samples: FloatArray, width: int) -> str:
    """A filled outline between the smallest and the largest sample of every pixel, scaled to the loudest one."""
    edges = np.linspace(0, len(samples), width + 1).astype(int)[:-1]
    top, bottom = np.maximum.reduceat(samples, edges), np.minimum.reduceat(samples, edges)
    middle = WAVE_HEIGHT / 2
    scale = (middle - 4) / max(float(np.abs(samples).max()), 1e-3)
    ahead = [f"{x},{middle - value * scale - 0.5:.1f}" for x, value in enumerate(top)]
    back = [f"{x},{middle - value * scale + 0.5:.1f}" for x, value in reversed(list(enumerate(bottom)))]
    return f"M{' '.join(ahead + back)}Z"


def _characters(spans: Sequence[CharacterSpan], start_s: float, top: int, bottom: int) -> Iterator[str]:
    """Each character in the first row that has room, and a line from it to the bottom of the spectrogram."""
    row_ends = [-CHARACTER_PIXELS] * NUM_ROWS
    for span in spans:
        end_s = min(span.end_s, span.start_s + WIDEST_CHARACTER_S)
        x = max(((span.start_s + end_s) / 2 - start_s) * PIXELS_PER_S, CHARACTER_PIXELS / 2)
        row = next(
            (row for row, end in enumerate(row_ends) if x - end >= CHARACTER_PIXELS), row_ends.index(min(row_ends))
        )
        row_ends[row] = x
        opacity = 0.55 + 0.45 * min(max(span.score, 0.0), 1.0)
        baseline = top + (row + 1) * ROW_HEIGHT
        yield (
            f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{top + TEXT_HEIGHT}" y2="{bottom}"/>'
            f'<line class="lead" x1="{x:.1f}" x2="{x:.1f}" y1="{baseline + 3}" y2="{top + TEXT_HEIGHT}"/>'
            f'<text class="character" x="{x:.1f}" y="{baseline}" opacity="{opacity:.2f}">{escape(span.char)}</text>'
        )


def _axis(start_s: float, length_s: float, top: int) -> str:
    seconds = range(int(np.ceil(start_s)), int(start_s + length_s) + 1)
    places = [(second, (second - start_s) * PIXELS_PER_S) for second in seconds]
    last = length_s * PIXELS_PER_S - 14
    return "".join(
        f'<line class="tick" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{top + 5}"/>'
        f'<text class="tick" x="{max(min(x, last), 12):.1f}" y="{top + 16}">{second} s</text>'
        for second, x in places
    )


def spectrogram_png(samples: FloatArray, settings: LogMelSettings) -> bytes:
    """The log-mel bands of samples as a picture: a column for every frame, low bands at the bottom.

    Args:
        samples: `(samples,)` at `settings.sampling_rate`, at least one.
        settings: Of the features, with one frame grid.
    """
    from PIL import Image  # Gradio brings it

    num_frames = settings.num_frames(len(samples))
    after = (num_frames - 1) * settings.hop_length + settings.span - settings.num_before - len(samples)
    bands = log_mel_frames(np.pad(samples, (settings.num_before, after)), settings)
    loudest = max(float(bands.max()), float(np.log(settings.mel_floor)) + DYNAMIC_RANGE)
    levels = np.clip((bands - loudest) / DYNAMIC_RANGE + 1, 0, 1)
    file = io.BytesIO()
    Image.fromarray(_coloured(levels.T[::-1])).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _coloured(levels: FloatArray) -> npt.NDArray[np.uint8]:
    """Colours `(rows, columns, 3)` of levels from 0 to 1."""
    places = np.linspace(0, 1, len(_COLOURS))
    return np.stack([np.interp(levels, places, _COLOURS[:, part]) for part in range(3)], -1).astype(np.uint8)
