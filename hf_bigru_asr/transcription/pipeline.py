"""The stock speech recognition pipeline with a language model."""

from copy import copy
from pathlib import Path
from typing import Any

import torch
from transformers import AutomaticSpeechRecognitionPipeline

from ..model.beam_search_bigru_ctc import BeamSearchDecoder
from ..model.decoding_bigru_ctc import Hypothesis
from ..model.frame_grids_bigru_ctc import use_offsets
from ..runtime.decoding import OWN_LANGUAGE_MODEL, language_model_of
from ..runtime.parts import decode_in_parts

__all__ = ["OWN_LANGUAGE_MODEL", "BeamSearchPipeline", "language_model_of", "timed_chunks"]


class BeamSearchPipeline(AutomaticSpeechRecognitionPipeline):
    """Speech recognition pipeline that decodes by beam search with a language model.

    It takes what the stock pipeline takes and gives what it gives, chunks and times of words and characters included;
    with `nbest` above 1 also `hypotheses`, a list of [`Hypothesis`]; and with a calibrated language model
    (`scripts/calibrate_confidence.py`) the `confidence` of every word that has a time. The network runs on as many
    frame grids as the decoder's settings say (`num_offsets`), if they do. Threads can share it; every search has
    states of its own.

    Args:
        args: As for the stock pipeline.
        language_model: Folder of a language model; the one beside the model if `None`.
        decoding: Fields of [`BeamSearchSettings`] to change, and the name of a `preset`.
        kwargs: As for the stock pipeline.

    Raises:
        ImportError: If neither the compiled part of the package nor KenLM is there.
        ValueError: If there is no language model.

    Example:
        >>> from transformers import pipeline
        >>> from hf_bigru_asr import bundled_checkpoint
        >>> from hf_bigru_asr.transcription.pipeline import BeamSearchPipeline
        >>> recognizer = pipeline(
        ...     "automatic-speech-recognition", bundled_checkpoint(), pipeline_class=BeamSearchPipeline
        ... )
    """

    _load_processor = True

    def __init__(
        self,
        *args: Any,
        language_model: str | Path | None = None,
        decoding: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        processor: Any = self.processor
        if not hasattr(processor, "beam_search_decoder"):
            raise ValueError("BeamSearchPipeline needs a BiGRUCTCProcessor; give processor= or the name of a model.")
        self.beam_search: BeamSearchDecoder = processor.beam_search_decoder(language_model, **(decoding or {}))
        self._has_own_language_model = language_model is None
        if self.beam_search.settings.num_offsets is not None:
            # A copy: the processor may serve another pipeline too.
            self.feature_extractor = copy(self.feature_extractor)
            use_offsets(self.feature_extractor, self.beam_search.settings.num_offsets)

    def decoder(self) -> BeamSearchDecoder:
        """The beam search; without confidences once the processor has forgotten those of its own language model."""
        if self._has_own_language_model and not getattr(self.processor, "is_calibrated", True):
            self.beam_search.confidence = None
        return self.beam_search

    def _forward(self, model_inputs: dict[str, Any], **kwargs: Any) -> dict[str, Any]:  # type: ignore[override] # typed in part
        is_last, stride = model_inputs.pop("is_last"), model_inputs.pop("stride", None)
        names = (self.model.main_input_name, "attention_mask")
        inputs = {name: model_inputs.pop(name) for name in names if name in model_inputs}
        log_probs = self.model(**inputs).logits
        frames = None if stride is None else [self._in_frames(*each) for each in _as_list(stride)]
        return {
            "is_last": is_last,
            "log_probs": log_probs,
            **({} if frames is None else {"stride": frames if isinstance(stride, list) else frames[0]}),
            **model_inputs,
        }

    def _in_frames(self, total: int, left: int, right: int) -> tuple[int, int, int]:
        """Length and overlaps of a chunk in frames, from samples."""
        total_frames, left_frames, right_frames = (round(each / self._align_to) for each in (total, left, right))
        return total_frames, left_frames, right_frames

    def postprocess(  # type: ignore[override] # the same
        self, model_outputs: list[dict[str, Any]], return_timestamps: str | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """Text of one recording from the log-probabilities of its chunks."""
        pieces: list[torch.Tensor] = []
        extra: dict[str, list[Any]] = {}
        for output in model_outputs:
            log_probs = output.pop("log_probs")[0].float().cpu()
            if (stride := output.pop("stride", None)) is not None:
                total, left, right = stride
                log_probs = log_probs[left : total - right]
            # On padding all classes but the blank are impossible.
            pieces.append(log_probs[log_probs.amin(-1) > torch.finfo(torch.float32).min])
            output.pop("is_last", None)
            for name, value in output.items():
                extra.setdefault(name, []).append(value)
        decoder = self.decoder()
        hypotheses = decode_in_parts(
            decoder, torch.cat(pieces), decoder.tokenizer, decoder.frame_s, nbest=decoder.settings.nbest
        )
        result: dict[str, Any] = {"text": hypotheses[0].text}
        if return_timestamps:
            result["chunks"] = timed_chunks(
                hypotheses[0], return_timestamps, with_confidence=decoder.confidence is not None
            )
        if decoder.settings.nbest > 1:
            result["hypotheses"] = hypotheses
        return result | extra


def _as_list(stride: Any) -> list[tuple[int, int, int]]:  # noqa: ANN401 - a triple, or a list of them for a batch
    return list(stride) if isinstance(stride, list) else [stride]


def timed_chunks(hypothesis: Hypothesis, unit: str, *, with_confidence: bool = False) -> list[dict[str, Any]]:
    """Words (`"word"`) or characters (`"char"`) of a hypothesis with their times, in the form of the stock pipeline.

    With `with_confidence` a word has its `confidence` too.
    """
    if unit == "word":
        return [
            {"text": word.text, "timestamp": (word.start_s, word.end_s)}
            | ({"confidence": word.confidence} if with_confidence else {})
            for word in hypothesis.words
        ]
    return [{"text": span.char, "timestamp": (span.start_s, span.end_s)} for span in hypothesis.characters]
