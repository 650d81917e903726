"""Configuration of the bidirectional GRU with a CTC head."""

import os
from typing import Any, Self

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig

from .checked_files_bigru_ctc import CONFIG_NAME, CONFIG_RULES, library_errors_named, local_folder, read_config
from .field_rules_bigru_ctc import check_fields

_FORMER_FIELDS = frozenset(
    {
        "consistency_weight",
        "ctc_label_smoothing",
        "intermediate_ctc_layer",
        "intermediate_ctc_weight",
        "mmi_weight",
        "mwer_scale",
        "mwer_weight",
        "word_delimiter_token_id",
        "word_error_temperature",
        "word_error_weight",
    }
)
"""Settings of training that `config.json` had before 0.1.0; they are left out when a file is read."""


@strict
class BiGRUCTCConfig(PreTrainedConfig):
    r"""Sizes, loss and training-time masking of a [`BiGRUForCTC`].

    The defaults are the network of the original design: 128 log-mel bins, three bidirectional GRU layers of 256 units
    per direction, dropout 0.1 between them, 29 classes; 2,973,213 parameters.

    Args:
        vocab_size (`int`, defaults to 29): Number of classes, the CTC blank included.
        num_mel_bins (`int`, defaults to 128): Log-mel bins per input frame.
        hidden_size (`int`, defaults to 256): Units per direction; a layer's output has `2 * hidden_size` features.
        num_hidden_layers (`int`, defaults to 3): Number of bidirectional GRU layers.
        hidden_dropout (`float`, defaults to 0.1): Dropout probability between GRU layers; none after the last.
        pad_token_id (`int`, defaults to 0): Id of the CTC blank, which is also the padding token.
        ctc_loss_reduction (`str`, defaults to `"mean"`): `"mean"` (each loss divided by its number of labels, then
            averaged over the batch) or `"sum"`.
        ctc_zero_infinity (`bool`, defaults to `True`): Whether a loss that is infinite, because the labels do not fit
            into the frames, counts as zero. If `False`, such labels raise a `ValueError`.
        inputs_to_logits_ratio (`int`, defaults to 320): Audio samples per logit frame, which is the feature
            extractor's `hop_length`; the pipeline computes timestamps and chunk borders from it.
        max_silence_frames (`int`, *optional*): Silent frames on each side of a sound that the network reads. A frame
            is silent if all its bins are zero, which `normalization="speech"` of the feature extractor makes of frames
            without speech. Those further from any sound are left out and get the blank, so that a long silence
            changes nothing. `None` leaves out none.
        apply_spec_augment (`bool`, defaults to `True`): Whether to mask input features, in training mode only. Source:
            SpecAugment (Park et al., 2019), without time warping.
        mask_time_prob (`float`, defaults to 0.05): Expected share of an utterance's frames that time masks cover,
            overlaps not deducted.
        mask_time_length (`int`, defaults to 10): Upper bound, exclusive, of a time mask's width in frames; widths are
            uniform.
        mask_time_min_masks (`int`, defaults to 0): Least number of time masks per utterance.
        mask_feature_prob (`float`, defaults to 0.0): Expected share of the mel bins that feature masks cover, overlaps
            not deducted.
        mask_feature_length (`int`, defaults to 27): Upper bound, exclusive, of a feature mask's width in mel bins.
        mask_feature_min_masks (`int`, defaults to 0): Least number of feature masks per utterance.

    Raises:
        ValueError: If a size is not positive, a probability is outside `[0, 1]`, the blank is not one of the classes,
            `ctc_loss_reduction` is unknown, or a setting of training is given that is no field any more. A
            `config.json` may have such settings: they are left out when it is read.

    Example:
        >>> from hf_bigru_asr import BiGRUCTCConfig, BiGRUForCTC
        >>> BiGRUForCTC(BiGRUCTCConfig()).num_parameters()
        2973213
    """

    model_type = "bigru_ctc"

    vocab_size: int = 29
    num_mel_bins: int = 128
    hidden_size: int = 256
    num_hidden_layers: int = 3
    hidden_dropout: float | int = 0.1
    pad_token_id: int | None = 0
    ctc_loss_reduction: str = "mean"
    ctc_zero_infinity: bool = True
    inputs_to_logits_ratio: int = 320
    max_silence_frames: int | None = None
    apply_spec_augment: bool = True
    mask_time_prob: float | int = 0.05
    mask_time_length: int = 10
    mask_time_min_masks: int = 0
    mask_feature_prob: float | int = 0.0
    mask_feature_length: int = 27
    mask_feature_min_masks: int = 0

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Any:  # noqa: ANN401 - as in the library
        """As in the library, but what `kwargs` change is checked as well.

        Raises:
            ValueError: As the class does.
        """
        _refuse_former_fields(kwargs)
        changes = {name: kwargs.pop(name) for name in cls.__annotations__ if name in kwargs}
        return super().from_dict(_without_former_fields(config_dict) | changes, **kwargs)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike[str], *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as in the library
        """As in the library, with a file that is checked.

        Raises:
            ValueError: If the file is broken, or as the class does; the message names the file.
        """
        folder = local_folder(pretrained_model_name_or_path, kwargs)
        if folder is not None and (folder / CONFIG_NAME).is_file():
            read_config(folder / CONFIG_NAME)
        with library_errors_named(pretrained_model_name_or_path, of_values=True):
            return super().from_pretrained(pretrained_model_name_or_path, *args, **kwargs)

    @classmethod
    def from_json_file(cls, json_file: str | os.PathLike[str]) -> Self:
        """As in the library."""
        return cls(**_without_former_fields(cls._dict_from_json_file(json_file)))

    def __post_init__(self, **kwargs: object) -> None:
        """Check the values, after the base class has taken its own fields from `kwargs`."""
        _refuse_former_fields(kwargs)
        super().__post_init__(**kwargs)
        check_fields(vars(self), CONFIG_RULES)
        if self.pad_token_id is None or not 0 <= self.pad_token_id < self.vocab_size:
            raise ValueError(
                f"pad_token_id is {self.pad_token_id}; it is the CTC blank and must be one of the "
                f"{self.vocab_size} classes (0 to {self.vocab_size - 1})."
            )


def _without_former_fields(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in _FORMER_FIELDS}


def _refuse_former_fields(values: dict[str, Any]) -> None:
    for name in sorted(_FORMER_FIELDS & values.keys()):
        raise ValueError(
            f"{name} is not a field of BiGRUCTCConfig any more: losses beside CTC are settings of training. Set them "
            "in CTCTrainingArguments, or in LossSettings of a TrainingBiGRUForCTC (both in hf_bigru_asr.training)."
        )


BiGRUCTCConfig.register_for_auto_class()

__all__ = ["BiGRUCTCConfig"]
