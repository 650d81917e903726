"""What the library's mixin for pipelines asks of the speech recogniser's own test class.

That class is not in the source distribution. These checks are our own, for the same calls: samples, samples with a
stride, times of characters and of words.
"""

from typing import Any

import numpy as np
from transformers import AutomaticSpeechRecognitionPipeline

NUM_SAMPLES = 34_000
STRIDE = 4000
FRAME_S = 0.02


class PipelineChecks:
    """As the mixin calls it: it makes the pipeline and examples for it, and checks them."""

    def get_test_pipeline(
        self,
        model: Any,  # noqa: ANN401 - the mixin passes what it has loaded
        tokenizer: Any,  # noqa: ANN401 - the same
        image_processor: Any = None,  # noqa: ANN401 - the same
        feature_extractor: Any = None,  # noqa: ANN401 - the same
        processor: Any = None,  # noqa: ANN401 - the same
        dtype: str = "float32",
    ) -> tuple[AutomaticSpeechRecognitionPipeline, list[np.ndarray]]:
        made = AutomaticSpeechRecognitionPipeline(
            model=model, tokenizer=tokenizer, feature_extractor=feature_extractor, processor=processor, dtype=dtype
        )
        rng = np.random.default_rng(0)
        return made, [rng.uniform(-0.1, 0.1, num).astype(np.float32) for num in (NUM_SAMPLES, 14_000)]

    def run_pipeline_test(self, recognizer: AutomaticSpeechRecognitionPipeline, examples: list[np.ndarray]) -> None:
        assert recognizer.type == "ctc"
        rate_hz = recognizer.feature_extractor.sampling_rate
        audio = examples[0]
        whole = recognizer(audio)
        assert set(whole) == {"text"}
        assert isinstance(whole["text"], str)
        strided = recognizer({"raw": audio, "stride": (0, STRIDE), "sampling_rate": rate_hz})
        assert set(strided) == {"text"}
        assert len(strided["text"]) <= len(whole["text"])
        for unit in ("char", "word"):
            found = recognizer(audio, return_timestamps=unit)
            assert found["text"] == whole["text"]
            assert set(found) == {"text", "chunks"}
            separator = "" if unit == "char" else " "
            assert separator.join(chunk["text"] for chunk in found["chunks"]) == whole["text"]
            times = [time for chunk in found["chunks"] for time in chunk["timestamp"]]
            assert times == sorted(times)
            # The last frame stands for what is left of the audio.
            assert all(0 <= time < NUM_SAMPLES / rate_hz + FRAME_S for time in times)
