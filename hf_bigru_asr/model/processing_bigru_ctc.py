"""Feature extractor and tokenizer of the BiGRU-CTC recogniser as one object."""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import BatchEncoding, BatchFeature, ProcessorMixin
from transformers.processing_utils import ProcessingKwargs

from .checked_files_bigru_ctc import check_model_files, library_errors_named, local_folder
from .ctc_loss_bigru_ctc import num_frames_needed
from .feature_extraction_bigru_ctc import BiGRUCTCFeatureExtractor
from .language_model_files_bigru_ctc import (
    CONFIDENCE_NAME,
    LANGUAGE_MODEL_DIR,
    LANGUAGE_MODEL_FILES,
    HubModel,
    find_language_model,
    find_model_file,
)
from .tokenization_bigru_ctc import BiGRUCTCTokenizer
from .waveforms_bigru_ctc import AudioArray

if TYPE_CHECKING:
    from .beam_search_bigru_ctc import BeamSearchDecoder
    from .decoding_bigru_ctc import GreedyDecoder

LABEL_PADDING = -100


class BiGRUCTCProcessorKwargs(ProcessingKwargs, total=False):
    """Options of a call and their defaults; `text_kwargs` are those of `text` and of the labels."""

    _defaults = {  # type: ignore[misc] # noqa: RUF012 - how the library declares them
        "common_kwargs": {"return_tensors": "pt"},
        "text_kwargs": {"padding": True},
    }


class BiGRUCTCProcessor(ProcessorMixin):
    """Turns audio and text into model inputs, and ids or log-probabilities into text.

    A language model in the folder `language_model` beside the processor, and confidences in `confidence.json`, are
    saved and pushed with it. A language model on the Hub is downloaded when it is asked for, at the commit of the
    processor. Threads can share it; each decoder that it makes can be shared too.

    Args:
        feature_extractor: Computes the log-mel frames.
        tokenizer: Maps text to ids and back.

    Example:
        >>> import numpy as np
        >>> from hf_bigru_asr import BiGRUCTCProcessor, bundled_checkpoint
        >>> processor = BiGRUCTCProcessor.from_pretrained(bundled_checkpoint())
        >>> batch = processor(audio=np.zeros(16000), text="HELLO", sampling_rate=16000)
        >>> batch["input_features"].shape, batch["labels"].tolist()
        (torch.Size([1, 48, 128]), [[10, 7, 14, 14, 17]])
    """

    valid_processor_kwargs = BiGRUCTCProcessorKwargs

    def __init__(self, feature_extractor: BiGRUCTCFeatureExtractor, tokenizer: BiGRUCTCTokenizer) -> None:
        super().__init__(feature_extractor, tokenizer)
        self._language_model: Path | HubModel | None = None
        self._confidence_file: Path | HubModel | None = None
        self._is_calibrated = True

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | Path, **kwargs: Any) -> "BiGRUCTCProcessor":  # type: ignore[override]
        """Load a processor from a folder or the Hub; the arguments are the library's.

        Raises:
            ValueError: If a file of the model is broken or a value out of range, or if the files in a folder belong to
                different models.
        """
        model = pretrained_model_name_or_path
        folder = local_folder(model, kwargs)
        if folder is not None:
            check_model_files(folder)
            with library_errors_named(model):
                processor = super().from_pretrained(model, **kwargs)
            options = {"subfolder": kwargs["subfolder"]} if kwargs.get("subfolder") else {}
            processor.language_model = find_language_model(model, **options)
            processor.confidence_file = find_model_file(model, CONFIDENCE_NAME, **options)
            return processor
        origin = HubModel.pinned(str(model), kwargs)
        with library_errors_named(model):
            processor = super().from_pretrained(model, **{**kwargs, **origin.options})
        processor._language_model = processor._confidence_file = origin
        with suppress(OSError):
            # It is small, and may be needed where there is no connection. If it cannot be had now, its use raises.
            _ = processor.confidence_file
        return processor

    @property
    def language_model(self) -> Path | None:
        """Folder of the language model for [`beam_search_decoder`], or `None`.

        Raises:
            OSError: If it has to be fetched from the Hub, and cannot be.
        """
        if isinstance(self._language_model, HubModel):
            self._language_model = find_language_model(self._language_model.name, **self._language_model.options)
        return self._language_model

    @language_model.setter
    def language_model(self, folder: str | Path | None) -> None:
        self._language_model = None if folder is None else Path(folder)

    @property
    def confidence_file(self) -> Path | None:
        """JSON file of the [`ConfidenceModel`] for [`greedy_decoder`], or `None`; errors as for `language_model`."""
        if isinstance(self._confidence_file, HubModel):
            origin = self._confidence_file
            self._confidence_file = find_model_file(origin.name, CONFIDENCE_NAME, **origin.options)
        return self._confidence_file

    @confidence_file.setter
    def confidence_file(self, path: str | Path | None) -> None:
        self._confidence_file = None if path is None else Path(path)

    def save_pretrained(self, save_directory: str | Path, push_to_hub: bool = False, **kwargs: Any) -> Any:  # noqa: ANN401 - what the library returns
        """Save the processor, its confidence file, and its language model in the folder `language_model`.

        Raises:
            OSError: If one of the two has to be fetched from the Hub, and cannot be.
        """
        self._save_beside(Path(save_directory))
        try:
            # A string, which the library splits.
            return super().save_pretrained(str(save_directory), push_to_hub=push_to_hub, **kwargs)
        finally:
            # Which belongs to the files: the library leaves it here, and a loaded processor would differ by it.
            vars(self).pop("auto_map", None)

    def _save_beside(self, folder: Path) -> None:
        """Copy the confidence file and the language model into `folder`, if they do not lie there."""
        sources: dict[str, Path] = {}
        if self.confidence_file is not None:
            sources[CONFIDENCE_NAME] = self.confidence_file
        if self.language_model is not None:
            for name in LANGUAGE_MODEL_FILES:
                if self._is_calibrated or name != CONFIDENCE_NAME:
                    sources[f"{LANGUAGE_MODEL_DIR}/{name}"] = self.language_model / name
        for name, source in sources.items():
            copy = folder / name
            if source.is_file() and source.resolve() != copy.resolve():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, copy)
        if not self._is_calibrated:
            # The folder may still have those of other weights.
            for name in {CONFIDENCE_NAME, f"{LANGUAGE_MODEL_DIR}/{CONFIDENCE_NAME}"} - sources.keys():
                (folder / name).unlink(missing_ok=True)

    def _upload_modified_files(
        self,
        working_dir: str | PathLike[Any],
        repo_id: str,
        files_timestamps: dict[str, float],
        *args: Any,
        **kwargs: Any,
    ) -> Any:  # noqa: ANN401 - what the library returns
        # The library leaves out what was there before it began to save, as these are.
        own = (LANGUAGE_MODEL_DIR, CONFIDENCE_NAME)
        others = {name: time for name, time in files_timestamps.items() if name not in own}
        return super()._upload_modified_files(working_dir, repo_id, others, *args, **kwargs)

    def forget_confidences(self) -> None:
        """Use and save no confidences, of greedy decoding or of the own language model: they belong to one network."""
        self.confidence_file = None
        self._is_calibrated = False

    @property
    def is_calibrated(self) -> bool:
        """Whether confidences may be used; not after [`forget_confidences`]."""
        return self._is_calibrated

    @property
    def frame_s(self) -> float:
        """Seconds per frame of the network's output."""
        return float(self.feature_extractor.hop_length / self.feature_extractor.sampling_rate)

    # The decoders are imported where they are used: their module is for users too, and imports what is above.
    def greedy_decoder(self) -> "GreedyDecoder":
        """Decoder that takes the best class of every frame."""
        from .confidence_bigru_ctc import ConfidenceModel
        from .decoding_bigru_ctc import GreedyDecoder

        folder = self.confidence_file and self.confidence_file.parent
        return GreedyDecoder(self.tokenizer, self.frame_s, ConfidenceModel.from_folder(folder))

    def beam_search_decoder(self, language_model: str | Path | None = None, **settings: Any) -> "BeamSearchDecoder":
        """Decoder with a language model.

        Args:
            language_model: Folder of a language model; the processor's own if `None`.
            settings: Fields of [`BeamSearchSettings`] to change, and `preset`, see [`BeamSearchSettings.from_folder`].

        Raises:
            ValueError: If there is no language model, or no such setting; and what [`BeamSearchDecoder`] raises.
        """
        from .beam_search_bigru_ctc import BeamSearchDecoder, BeamSearchSettings

        folder = self.language_model if language_model is None else Path(language_model)
        if folder is None:
            raise ValueError(
                "This processor came without a language model; name the folder of one that scripts/build_lm.py made."
            )
        chosen = BeamSearchSettings.from_folder(folder, **settings)
        is_forgotten = language_model is None and not self._is_calibrated
        return BeamSearchDecoder(folder, self.tokenizer, self.frame_s, chosen, None if is_forgotten else "own")

    def __call__(
        self,
        audio: AudioArray | Sequence[AudioArray] | None = None,
        text: str | list[str] | None = None,
        **kwargs: Any,
    ) -> BatchFeature | BatchEncoding:
        """Model inputs from audio, from text, or from both.

        Args:
            audio: One utterance or a batch; see [`BiGRUCTCFeatureExtractor`].
            text: One transcript or a batch, as many as there are utterances.
            kwargs: Options of the feature extractor and the tokenizer, for both alike or in the library's dictionaries
                `audio_kwargs`, `text_kwargs` and `common_kwargs`: `sampling_rate` of the audio in Hz, `padding`
                (`True` by default), `return_tensors` (`"pt"` by default, `"np"`, or `None` for lists), `max_length`,
                `pad_to_multiple_of`, `device`. `truncation` cuts audio and text alone, never labels.

        Returns:
            With audio: `input_features`, `attention_mask` and, with text, `labels` `(batch, labels)` padded with -100.
            With text alone: the tokenizer's `input_ids` and `attention_mask`.

        Raises:
            ValueError: If neither audio nor text is given, their numbers differ, or a transcript needs more frames
                than its audio has; and what the feature extractor and the tokenizer raise.
        """
        if audio is None and text is None:
            raise ValueError("Neither audio nor text was given; give audio=, text= or both.")
        given = {name: value for name, value in kwargs.items() if value is not None or not name.endswith("_kwargs")}
        options = self._merge_kwargs(
            self.valid_processor_kwargs,  # type: ignore[arg-type] # the class, whose annotations are read
            tokenizer_init_kwargs=self.tokenizer.init_kwargs,
            **given,
        )
        if audio is None:
            return self.tokenizer(text, **options["text_kwargs"])
        inputs = self.feature_extractor(audio, **options["audio_kwargs"])
        if text is not None:
            texts = [text] if isinstance(text, str) else list(text)
            inputs["labels"] = self._labels(inputs, texts, options["text_kwargs"])
        return inputs

    def _labels(self, inputs: BatchFeature, texts: list[str], options: dict[str, Any]) -> object:
        features = inputs["input_features"]
        if len(texts) != len(features):
            raise ValueError(f"There are {len(features)} utterances and {len(texts)} texts; give one text each.")
        ids = [self.tokenizer(text).input_ids for text in texts]
        lengths = (
            [int(row.sum()) for row in inputs["attention_mask"]]
            if "attention_mask" in inputs
            else [len(frames) for frames in features]
        )
        for index, (text, row, length) in enumerate(zip(texts, ids, lengths, strict=True)):
            needed = int(num_frames_needed(torch.tensor([row], dtype=torch.long)))
            if needed > length:
                raise ValueError(
                    f"The text of utterance {index}, {text[:60]!r}, needs {needed} frames, one per character and one "
                    f"between equal neighbours, but its audio has {length}. Check that text and audio belong "
                    "together, or leave the utterance out."
                )
        if options["return_tensors"] is None:
            return ids
        padding = {name: options[name] for name in ("padding", "max_length", "pad_to_multiple_of") if name in options}
        padded = self.tokenizer.pad({"input_ids": ids}, return_attention_mask=True, **padding)
        longest = max(len(row) for row in padded["input_ids"])
        rows = [row + [LABEL_PADDING] * (longest - len(row)) for row in ids]
        return np.asarray(rows, dtype=np.int64) if options["return_tensors"] == "np" else torch.tensor(rows)

    def pad(
        self,
        input_features: Any | None = None,  # noqa: ANN401 - what the library pads: dictionaries of arrays or tensors
        labels: Any | None = None,  # noqa: ANN401 - the same
        return_tensors: str | None = "pt",
        **kwargs: Any,
    ) -> BatchFeature | BatchEncoding:
        """Pad features, labels or both that were computed one by one, as data collators do.

        Args:
            input_features: List of `{"input_features": (frames, mels)}`; see `SequenceFeatureExtractor.pad` in the
                library.
            labels: List of `{"input_ids": ids}`. With `input_features` they come back as `labels`, padded with -100;
                alone as the tokenizer pads them.
            return_tensors: `"pt"`, `"np"` or `None` for lists.
            kwargs: Passed on: `padding`, `max_length`, `pad_to_multiple_of`.

        Raises:
            ValueError: If neither is given.
        """
        if input_features is None and labels is None:
            raise ValueError("Neither input_features nor labels were given; give one of them or both.")
        if input_features is None:
            return self.tokenizer.pad(labels, return_tensors=return_tensors, **kwargs)
        batch = self.feature_extractor.pad(input_features, return_tensors=return_tensors, **kwargs)
        if labels is not None:
            padded = self.tokenizer.pad(labels, return_tensors="pt", **kwargs)
            ids = padded["input_ids"].masked_fill(padded["attention_mask"] == 0, LABEL_PADDING)
            batch["labels"] = ids if return_tensors == "pt" else ids.numpy() if return_tensors else ids.tolist()
        return batch

    @property
    def model_input_names(self) -> list[str]:
        """Names of the inputs that `__call__` makes."""
        return [*self.feature_extractor.model_input_names, "labels"]


BiGRUCTCProcessor.register_for_auto_class()

__all__ = ["BiGRUCTCProcessor"]
