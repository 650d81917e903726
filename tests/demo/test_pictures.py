import io
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import soundfile
from browser import needs_gradio

from hf_bigru_asr.demo.pictures import WINDOW_S, picture, spectrogram_png
from hf_bigru_asr.model.ctc_alignment_bigru_ctc import CharacterSpan
from hf_bigru_asr.runtime.log_mel import LogMelSettings

pytestmark = needs_gradio  # which brings Pillow

RATE_HZ = 16_000
SETTINGS = LogMelSettings()


def tone(frequency_hz: float, seconds: float) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)).astype(np.float32)


def figure(tmp_path: Path, seconds: float, start_s: float, *spans: CharacterSpan) -> ET.Element:
    path = tmp_path / "x.wav"
    soundfile.write(path, tone(440, seconds), RATE_HZ, "PCM_16")
    (svg,) = re.findall(r"<svg.*</svg>", picture(path, start_s, spans, SETTINGS))
    return ET.fromstring(svg)


def test_a_tone_is_bright_where_its_frequency_lies() -> None:
    from PIL import Image

    image = np.asarray(Image.open(io.BytesIO(spectrogram_png(tone(1000, 1.0), SETTINGS)))).sum(axis=2, dtype=int)
    assert image.shape == (128, 50)
    # 128 triangles, evenly spaced on the HTK mel scale from 0 to 8 kHz.
    place = 2595 * np.log10(1 + 1000 / 700) / (2595 * np.log10(1 + 8000 / 700)) * 129 - 1
    assert abs((127 - image[:, 25].argmax()) - place) <= 1.5


def test_silence_has_a_picture() -> None:
    assert spectrogram_png(np.zeros(1, dtype=np.float32), SETTINGS).startswith(b"\x89PNG")


def test_characters_stand_at_their_times(tmp_path: Path) -> None:
    spans = [
        CharacterSpan("A", 1.0, 1.02, 1.0),
        CharacterSpan("B", 2.0, 2.02, 0.5),
        CharacterSpan("C", 19.0, 19.1, 1.0),
    ]
    svg = figure(tmp_path, 3.0, 0.0, *spans)
    width = float(svg.attrib["width"])
    places = {each.text: float(each.attrib["x"]) / width for each in svg.iter("text") if each.text in set("ABC")}
    assert places == {"A": pytest.approx(1.01 / 3, abs=2e-3), "B": pytest.approx(2.01 / 3, abs=2e-3)}
    assert "from 0.0 to 3.0 s" in svg.attrib["aria-label"]
    assert svg.attrib["aria-label"].endswith("marked: AB.")


def test_characters_that_are_close_do_not_overlap(tmp_path: Path) -> None:
    spans = [CharacterSpan(char, k * 0.04, k * 0.04 + 0.02, 1.0) for k, char in enumerate("ABCDEFGH")]
    letters = [each.attrib for each in figure(tmp_path, 2.0, 0.0, *spans).iter("text") if each.text in set("ABCDEFGH")]
    for row in {each["y"] for each in letters}:
        places = sorted(float(each["x"]) for each in letters if each["y"] == row)
        assert (np.diff(places) >= 11).all()


@pytest.mark.parametrize(("start_s", "begin"), [(5.0, 5.0), (25.0, 15.0), (-3.0, 0.0)])
def test_a_part_of_a_longer_recording(tmp_path: Path, start_s: float, begin: float) -> None:
    label = figure(tmp_path, 25.0, start_s).attrib["aria-label"]
    assert f"from {begin:.1f} to {begin + WINDOW_S:.1f} s" in label
