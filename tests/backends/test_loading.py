"""Networks with processors of other models are refused where they meet."""

import pytest

from hf_bigru_asr import Aligner, BiGRUCTCFeatureExtractor, BiGRUCTCProcessor, BiGRUCTCTokenizer, BiGRUForCTC
from hf_bigru_asr.backends.loading import check_parts


def test_parts_of_one_model(tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor) -> None:
    check_parts(tiny_model, processor.feature_extractor, processor.tokenizer)
    check_parts(object(), object(), object())


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"hop_length": 160}, "samples per frame 320 against 160"),
        ({"feature_size": 80}, "mel bins 128 against 80"),
    ],
)
def test_parts_of_two_models(features: dict[str, int], message: str, tiny_model: BiGRUForCTC) -> None:
    other = BiGRUCTCProcessor(BiGRUCTCFeatureExtractor(**features), BiGRUCTCTokenizer())
    with pytest.raises(ValueError, match=f"The network and its processor belong to different models: {message}"):
        check_parts(tiny_model, other.feature_extractor, other.tokenizer)
    with pytest.raises(ValueError, match=message):
        Aligner(tiny_model, other)
