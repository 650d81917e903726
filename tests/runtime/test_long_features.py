"""Features of a recording in blocks, against those of the whole."""

from typing import Any

import numpy as np
import pytest
import torch
from sounds import changing_sound
from speech_prior import SPEECH, speech_prior
from tone_speech import RATE_HZ

from hf_bigru_asr import BiGRUCTCFeatureExtractor
from hf_bigru_asr.runtime.frame_store import Frames, FrameStore
from hf_bigru_asr.runtime.log_mel import FloatArray, LogMelSettings, log_mel, log_mel_frames
from hf_bigru_asr.runtime.long_features import LongFeatures, log_mel_blocks

PRIOR = speech_prior(128)
CASES: dict[str, dict[str, Any]] = {
    "utterance": {},
    "utterance, prior": PRIOR,
    "utterance, three grids": {"num_offsets": 3, **PRIOR},
    "speech": SPEECH,
    "speech, two grids": {"num_offsets": 2, **SPEECH},
    "none": {"normalization": "none"},
    "long hop": {"hop_length": 600, "win_length": 400, "num_offsets": 2},
}


def in_blocks(blocks: list[FloatArray], settings: LogMelSettings, max_frames: int) -> Frames:
    """Normalised features, read in three parts."""
    with FrameStore(settings.num_offsets * settings.feature_size, 1.0) as store:
        features = LongFeatures.compute(iter(blocks), settings, store, max_frames=max_frames)
        bounds = [0, len(features) // 3, len(features) // 2, len(features)]
        return np.concatenate([features.read(*bounds[part : part + 2]) for part in range(3)])


@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
@pytest.mark.parametrize(
    "parts",
    [[1], [0, 7], [1, 1, 1], [160, 320, 1], [5000, 3, 12_000], [20_000] * 3],
    ids=lambda parts: "-".join(map(str, parts)),
)
def test_blocks_of_any_length_have_the_features_of_the_whole(options: dict[str, Any], parts: list[int]) -> None:
    audio, settings = changing_sound(sum(parts)), LogMelSettings.from_dict(options)
    expected = log_mel(audio, settings)
    for max_frames in (4, 1000):
        found = in_blocks(np.split(audio, np.cumsum(parts)[:-1]), settings, max_frames)
        np.testing.assert_allclose(found, expected, atol=2e-5)


@pytest.mark.parametrize("num_offsets", [1, 2])
def test_a_recording_with_pauses_in_pieces(num_offsets: int) -> None:
    """Speech, silence beyond the window of the statistics, another speaker: pieces have the features of the whole."""
    options = {"hop_length": 600, "num_offsets": num_offsets, **SPEECH}
    settings = LogMelSettings.from_dict(options)
    pause = np.zeros(25 * RATE_HZ, dtype=np.float32)
    audio = np.concatenate([changing_sound(50_000), pause, 0.2 * changing_sound(40_000, seed=1), pause[:7]])
    np.testing.assert_allclose(in_blocks(np.array_split(audio, 7), settings, 130), log_mel(audio, settings), atol=2e-4)


def test_settings_of_the_extractor_give_its_layout() -> None:
    for hop_length, num_offsets in ((320, 1), (336, 3), (600, 2)):
        extractor = BiGRUCTCFeatureExtractor(hop_length=hop_length, num_offsets=num_offsets)
        settings = LogMelSettings.from_dict(extractor.to_dict())
        assert (settings.num_before, settings.span) == (extractor.num_before, extractor.span)
        padded = changing_sound(4 * hop_length + settings.span)
        found = log_mel_frames(padded, settings)
        np.testing.assert_allclose(found, extractor.log_mel(torch.from_numpy(padded)).numpy(), atol=1e-3)


def test_frames_of_another_function_are_taken() -> None:
    def extract(padded: FloatArray, settings: LogMelSettings) -> Frames:
        return 2 * log_mel_frames(padded, settings)

    audio, settings = changing_sound(9000), LogMelSettings(normalization="none")
    pieces = log_mel_blocks([audio], settings, max_frames=5, extract=extract)
    np.testing.assert_allclose(np.concatenate(list(pieces)), 2 * log_mel(audio, settings), atol=2e-5)
