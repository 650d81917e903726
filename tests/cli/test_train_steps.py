"""The features that a run of training begins with."""

from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset
from repository import SAMPLE
from speech_prior import set_normalization

from hf_bigru_asr import BiGRUCTCFeatureExtractor, BiGRUCTCProcessor, load_audio
from hf_bigru_asr.cli.train_arguments import ModelArguments
from hf_bigru_asr.cli.train_steps import make_processor, set_prior


@pytest.fixture(scope="module")
def speech() -> Dataset:
    return Dataset.from_list([{"audio": {"bytes": SAMPLE.read_bytes(), "path": SAMPLE.name}}])


@pytest.mark.parametrize("normalization", ["speech", "utterance", None])
def test_the_prior_comes_from_the_training_split(normalization: str | None, speech: Dataset) -> None:
    arguments = ModelArguments(normalization=normalization, prior_frames=200)
    processor = make_processor(arguments)
    set_prior(processor, arguments, speech, "audio")

    expected = BiGRUCTCFeatureExtractor()
    expected.fit_prior([load_audio(SAMPLE)], 200)
    found = processor.feature_extractor
    assert found.normalization == (normalization or "utterance")
    assert found.prior_frames == 200
    np.testing.assert_allclose(found.prior_mean, expected.prior_mean, atol=1e-3)
    np.testing.assert_allclose(found.prior_std, expected.prior_std, atol=1e-3)


def test_a_model_that_normalises_by_speech_is_trained_on(
    processor: BiGRUCTCProcessor, model_dir: Path, speech: Dataset
) -> None:
    set_normalization(processor.feature_extractor, "speech")
    processor.save_pretrained(model_dir)
    before = processor.feature_extractor

    kept = ModelArguments(model_name_or_path=str(model_dir))
    same = make_processor(kept)
    set_prior(same, kept, speech, "audio")
    assert same.feature_extractor.speech_prior == before.speech_prior

    fitted = ModelArguments(model_name_or_path=str(model_dir), prior_frames=9)
    other = make_processor(fitted)
    set_prior(other, fitted, speech, "audio")
    assert other.feature_extractor.normalization == "speech"
    assert other.feature_extractor.prior_frames == 9
    assert other.feature_extractor.prior_mean != before.prior_mean

    with pytest.raises(ValueError, match="prior_frames is 0 and normalization 'speech', which needs a prior"):
        make_processor(ModelArguments(model_name_or_path=str(model_dir), prior_frames=0))
