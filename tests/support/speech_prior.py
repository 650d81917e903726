"""Priors for the normalisation by speech, which has none of its own."""

from typing import Any

from hf_bigru_asr import BiGRUCTCFeatureExtractor


def speech_prior(num_mels: int) -> dict[str, Any]:
    """Settings of a feature extractor with so many bins."""
    return {
        "prior_frames": 60,
        "prior_std": [1.0 + mel / 50 for mel in range(num_mels)],
        "prior_mean": [-4.0 - mel / 30 for mel in range(num_mels)],
    }


SPEECH: dict[str, Any] = {"normalization": "speech", **speech_prior(128)}
"""Settings of a feature extractor with 128 bins that normalises by speech."""


def set_normalization(extractor: BiGRUCTCFeatureExtractor, normalization: str) -> None:
    """Change the normalisation of an extractor in place, with the priors that it needs for `"speech"`."""
    extractor.normalization = normalization
    if normalization == "speech":
        for name, value in speech_prior(extractor.feature_size).items():
            setattr(extractor, name, value)
