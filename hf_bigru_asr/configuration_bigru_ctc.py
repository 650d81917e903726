"""Configuration of the bidirectional GRU with a CTC head."""

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig


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
        consistency_weight (`float`, defaults to 0.0): In training, weight of the disagreement between two views of
            every utterance that differ in their masks; above 0 a batch is run twice. Source: CR-CTC (Yao et al., arXiv
            2410.05101), where it is 0.2.
        intermediate_ctc_weight (`float`, defaults to 0.0): In training, share of the CTC loss of a lower layer, read
            by the same output layer. Source: InterCTC (Lee and Watanabe, ICASSP 2021), where it is 0.3.
        intermediate_ctc_layer (`int`, defaults to 2): That layer, counted from 1; below the last.
        ctc_label_smoothing (`float`, defaults to 0.0): In training, share of the divergence of every frame's
            distribution from the uniform one. Source: Kim et al., Interspeech 2018, where it is 0.05.
        mmi_weight (`float`, defaults to 0.0): In training, weight of the denominator of lattice-free MMI: the
            logarithm of all that the network and an n-gram of characters (`denominator_lm` of the model) make likely
            together. With 1 the loss is that of MMI, below an average of it and the CTC loss. Source: Povey et al.,
            Interspeech 2016; Xiang and Ou, ICASSP 2019.
        word_error_weight (`float`, defaults to 0.0): In training, weight of the expected share of wrong words of an
            utterance, averaged over the batch, or of their number if `ctc_loss_reduction` is `"sum"`. Source: Graves
            and Jaitly, ICML 2014.
        word_error_temperature (`float`, defaults to 1.0): By what the log-probabilities are divided for it; the lower,
            the nearer are the readings whose errors are counted to the likeliest one.
        mwer_weight (`float`, defaults to 0.0): In training, weight of the expected share of wrong words among the
            readings that a beam search with a language model (`reading_search` of the model) finds; averaged as that
            of `word_error_weight`. Source: Prabhavalkar et al., ICASSP 2018.
        mwer_scale (`float`, defaults to 1.0): What the scores of these readings are multiplied by; the lower, the more
            do unlikely ones count.
        word_delimiter_token_id (`int`, defaults to 1): Id of the class between words, for `mmi_weight`,
            `word_error_weight` and `mwer_weight`.
        inputs_to_logits_ratio (`int`, defaults to 320): Audio samples per logit frame, which is the feature
            extractor's `hop_length`; the pipeline computes timestamps and chunk borders from it.
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
        ValueError: If a size, the temperature or the scale is not positive, a probability is outside `[0, 1]`, the
            blank is not one of the classes, nor the word delimiter where it is needed, `ctc_loss_reduction` is
            unknown, a weight is negative, or `intermediate_ctc_layer` is not below the last.

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
    consistency_weight: float | int = 0.0
    intermediate_ctc_weight: float | int = 0.0
    intermediate_ctc_layer: int = 2
    ctc_label_smoothing: float | int = 0.0
    mmi_weight: float | int = 0.0
    word_error_weight: float | int = 0.0
    word_error_temperature: float | int = 1.0
    mwer_weight: float | int = 0.0
    mwer_scale: float | int = 1.0
    word_delimiter_token_id: int = 1
    inputs_to_logits_ratio: int = 320
    apply_spec_augment: bool = True
    mask_time_prob: float | int = 0.05
    mask_time_length: int = 10
    mask_time_min_masks: int = 0
    mask_feature_prob: float | int = 0.0
    mask_feature_length: int = 27
    mask_feature_min_masks: int = 0

    def __post_init__(self, **kwargs: object) -> None:
        """Check the values, after the base class has taken its own fields from `kwargs`."""
        super().__post_init__(**kwargs)
        for name in (
            "vocab_size",
            "num_mel_bins",
            "hidden_size",
            "num_hidden_layers",
            "inputs_to_logits_ratio",
            "mask_time_length",
            "mask_feature_length",
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        for name in (
            "hidden_dropout",
            "mask_time_prob",
            "mask_feature_prob",
            "intermediate_ctc_weight",
            "ctc_label_smoothing",
        ):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; a probability lies between 0 and 1.")
        for name in ("consistency_weight", "mmi_weight", "word_error_weight", "mwer_weight"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 0.")
        for name in ("word_error_temperature", "mwer_scale"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be positive.")
        for name in ("mmi_weight", "word_error_weight", "mwer_weight"):
            if getattr(self, name) > 0 and not 0 <= self.word_delimiter_token_id < self.vocab_size:
                raise ValueError(
                    f"word_delimiter_token_id is {self.word_delimiter_token_id}; {name} needs it to be one of the "
                    f"{self.vocab_size} classes (0 to {self.vocab_size - 1})."
                )
        if self.intermediate_ctc_weight > 0 and not 1 <= self.intermediate_ctc_layer < self.num_hidden_layers:
            raise ValueError(
                f"intermediate_ctc_layer is {self.intermediate_ctc_layer}; with {self.num_hidden_layers} layers it "
                "must be at least 1 and below the last."
            )
        if self.pad_token_id is None or not 0 <= self.pad_token_id < self.vocab_size:
            raise ValueError(
                f"pad_token_id is {self.pad_token_id}; it is the CTC blank and must be one of the "
                f"{self.vocab_size} classes (0 to {self.vocab_size - 1})."
            )
        if self.ctc_loss_reduction not in ("mean", "sum"):
            raise ValueError(f'ctc_loss_reduction is {self.ctc_loss_reduction!r}; choose "mean" or "sum".')


BiGRUCTCConfig.register_for_auto_class()

__all__ = ["BiGRUCTCConfig"]
