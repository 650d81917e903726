"""The processor and the network that a run of training begins with: new ones, or those of a trained model."""

from typing import Any

from ..bundled import resolve_model
from ..model.configuration_bigru_ctc import BiGRUCTCConfig
from ..model.feature_extraction_bigru_ctc import BiGRUCTCFeatureExtractor
from ..model.modeling_bigru_ctc import BiGRUForCTC
from ..model.processing_bigru_ctc import BiGRUCTCProcessor
from ..model.tokenization_bigru_ctc import BiGRUCTCTokenizer
from .arguments import CTCTrainingArguments
from .mmi import load_character_lm
from .modeling import TrainingBiGRUForCTC

__all__ = ["build_model", "build_processor", "freeze_layers", "with_losses"]

PAUSE_S = 3.0
"""A pause that is a word boundary. Shorter ones without a letter occur within words that the network does not read."""


def build_processor(model_name_or_path: str | None, **feature_kwargs: Any) -> BiGRUCTCProcessor:
    """Processor for training: that of a trained model, without confidences and with one grid of frames, or a new one.

    Args:
        model_name_or_path: A model on the Hub, a folder or `"bundled"`; `None` for a new processor.
        feature_kwargs: Settings of the feature extractor to change, `hop_length` for example, in either case.

    Raises:
        OSError: If the model, or its language model, cannot be fetched from the Hub.
        ValueError: If a setting is out of its range.
    """
    if model_name_or_path is None:
        extractor = BiGRUCTCFeatureExtractor(**feature_kwargs)
        pause_frames = round(PAUSE_S * extractor.sampling_rate / extractor.hop_length)
        return BiGRUCTCProcessor(extractor, BiGRUCTCTokenizer(pause_frames=pause_frames))
    processor = BiGRUCTCProcessor.from_pretrained(resolve_model(model_name_or_path))
    processor.forget_confidences()
    # A language model on the Hub is saved with every checkpoint; if it cannot be fetched, that ends no run half-way.
    _ = processor.language_model
    processor.feature_extractor.set_num_offsets(1)
    if feature_kwargs:
        values = processor.feature_extractor.to_dict() | feature_kwargs
        before, processor.feature_extractor = processor.feature_extractor, BiGRUCTCFeatureExtractor.from_dict(values)
        tokenizer = processor.tokenizer
        if tokenizer.pause_frames is not None:
            tokenizer.pause_frames = round(
                tokenizer.pause_frames * before.frame_s / processor.feature_extractor.frame_s
            )
    return processor


def build_model(model_name_or_path: str | None, processor: BiGRUCTCProcessor, **config_kwargs: Any) -> BiGRUForCTC:
    """Trained model to go on with, or a new one that fits the processor.

    Args:
        model_name_or_path: A model on the Hub, a folder or `"bundled"`; `None` for random weights.
        processor: Gives the length of a frame, and the sizes of the input and the output of a new model.
        config_kwargs: Fields of [`BiGRUCTCConfig`] to change, in either case. A trained model keeps the others.

    Raises:
        ValueError: If a value is out of its range.
    """
    config_kwargs["inputs_to_logits_ratio"] = processor.feature_extractor.hop_length
    if model_name_or_path is not None:
        return BiGRUForCTC.from_pretrained(resolve_model(model_name_or_path), **config_kwargs)
    config = BiGRUCTCConfig(
        num_mel_bins=processor.feature_extractor.feature_size,
        vocab_size=len(processor.tokenizer),
        pad_token_id=processor.tokenizer.pad_token_id,
        **config_kwargs,
    )
    return BiGRUForCTC(config)


def freeze_layers(model: BiGRUForCTC, number: int) -> None:
    """Let the first GRU layers keep their weights in training.

    Raises:
        ValueError: If the model does not have so many layers.
    """
    layers = model.bigru.layers
    if not 0 <= number <= len(layers):
        raise ValueError(
            f"num_frozen_layers is {number}; the model has {len(layers)} layers, so give 0 to {len(layers)}."
        )
    for layer in layers[:number]:
        layer.requires_grad_(False)


def with_losses(
    model: BiGRUForCTC, args: CTCTrainingArguments, processor: BiGRUCTCProcessor, teacher_size: int | None = None
) -> BiGRUForCTC:
    """The model with the losses of `args`: itself if the CTC loss is the only one.

    Args:
        model: The network to train.
        args: The weights of the losses, and the character n-gram for `mmi_weight`.
        processor: Its tokenizer gives the word delimiter.
        teacher_size: Features per frame of the teacher, for `distillation_weight`.

    Raises:
        FileNotFoundError: If the file `mmi_lm` does not exist.
        ValueError: If the n-gram has other labels than the model, or something that a loss needs is missing.
    """
    losses = args.loss_settings()
    if losses.is_plain:
        return model
    tokenizer, num_labels = processor.tokenizer, model.config.vocab_size - 1
    return TrainingBiGRUForCTC.from_model(
        model,
        losses,
        denominator_lm=load_character_lm(args.mmi_lm, num_labels) if args.mmi_lm and args.mmi_weight > 0 else None,
        teacher_size=teacher_size,
        word_delimiter_token_id=tokenizer.encoder[tokenizer.word_delimiter_token],
    )
