"""Bidirectional GRU encoder and its CTC head."""

from typing import Any

import torch
from torch import nn
from torchaudio.functional import mask_along_axis_iid
from transformers import PreTrainedModel
from transformers import initialization as init
from transformers.loss.loss_utils import LOSS_MAPPING
from transformers.modeling_outputs import BaseModelOutput, CausalLMOutput
from transformers.utils import can_return_tuple

from .configuration_bigru_ctc import BiGRUCTCConfig
from .ctc_loss_bigru_ctc import ctc_loss, num_frames_needed
from .ctc_output_bigru_ctc import UNLIKELY
from .frame_grids_bigru_ctc import grids_of_frames, mean_of_grids
from .layers_bigru_ctc import NUM_GATES, BiGRULayer
from .loaded_weights_bigru_ctc import load_checked
from .output_classes_bigru_ctc import OutputClasses
from .silence_bigru_ctc import heard_frames, in_places, moved_to_places, places_of_frames


def batch_of_frames(input_features: torch.Tensor, num_mel_bins: int) -> torch.Tensor:
    """Features `(batch, frames, mels)` from either layout that the model takes.

    Raises:
        ValueError: If the shape is neither of the two, or there is no frame.
    """
    if input_features.dim() == 4 and input_features.shape[1] == 1 and input_features.shape[2] == num_mel_bins:
        return input_features[:, 0].transpose(1, 2)
    if input_features.dim() == 3 and input_features.shape[2] == num_mel_bins and input_features.shape[1] > 0:
        return input_features
    raise ValueError(
        f"input_features has the shape {tuple(input_features.shape)}; give (batch, frames, {num_mel_bins}) or "
        f"(batch, 1, {num_mel_bins}, frames) with at least one frame."
    )


def mask_of_frames(attention_mask: torch.Tensor | None, features: torch.Tensor) -> torch.Tensor:
    """Mask `(batch, frames)` as bool, `True` on valid frames; without `attention_mask` all frames are valid.

    Raises:
        ValueError: If its shape does not fit `features` `(batch, frames, mels)`.
    """
    if attention_mask is None:
        return torch.ones(features.shape[:2], dtype=torch.bool, device=features.device)
    if attention_mask.shape != features.shape[:2]:
        raise ValueError(
            f"attention_mask has the shape {tuple(attention_mask.shape)}; for these input_features it must be "
            f"(batch, frames) = {tuple(features.shape[:2])}."
        )
    return attention_mask.to(torch.bool)


def frame_lengths(attention_mask: torch.Tensor) -> torch.Tensor:
    """Number of valid frames of each utterance.

    Args:
        attention_mask: `(batch, frames)`, 1 on valid frames and 0 on padding (on the right).

    Returns:
        `(batch,)` int64.

    Raises:
        ValueError: If a valid frame follows a padded one. Not checked while the model is traced or compiled.
    """
    mask = attention_mask.to(torch.bool)
    traced = torch.jit.is_tracing() or torch.compiler.is_compiling()
    if not traced and bool((mask[:, 1:] & ~mask[:, :-1]).any()):
        raise ValueError(
            "attention_mask has a valid frame after a padded one; pad on the right, so that every row is ones and "
            "then zeros."
        )
    return mask.sum(-1)


class BiGRUCTCPreTrainedModel(OutputClasses, PreTrainedModel):  # type: ignore[misc] # the library has embeddings
    """Weight initialisation and the library's hooks for loading, saving and placing the models below."""

    config_class = BiGRUCTCConfig
    base_model_prefix = "bigru"
    main_input_name = "input_features"
    input_modalities = "audio"
    _no_split_modules = ["BiGRULayer"]  # noqa: RUF012 - the library's own declaration, an instance list
    # Checkpoints of a training with a teacher hold its heads too.
    _keys_to_ignore_on_load_unexpected = [r"^teacher_heads\."]  # noqa: RUF012 - the library's own declaration
    # The CTC loss is averaged inside the model, so the Trainer has to average over accumulation steps itself.
    accepts_loss_kwargs = False

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: Any,  # noqa: ANN401 - as in the library
        *args: Any,
        output_loading_info: bool = False,
        **kwargs: Any,
    ) -> Any:  # noqa: ANN401 - the model, with what was found if that is asked for
        """As in the library, with weights that are checked; see [`load_checked`].

        Raises:
            ValueError: If a file is broken, or a weight has another shape than the configuration says, or is NaN or
                infinite.
        """
        loaded, found = load_checked(super().from_pretrained, pretrained_model_name_or_path, *args, **kwargs)
        return (loaded, found) if output_loading_info else loaded

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Xavier input weights, orthogonal recurrent weights (one block per gate) and zero biases."""
        if isinstance(module, nn.GRU):
            for name, parameter in module.named_parameters(recurse=False):
                if name.startswith("bias"):
                    init.zeros_(parameter)
                    continue
                block_init = nn.init.orthogonal_ if name.startswith("weight_hh") else nn.init.xavier_uniform_
                blocks = torch.empty(parameter.shape, dtype=torch.float32, device=parameter.device)
                for block in blocks.chunk(NUM_GATES):
                    block_init(block)
                init.copy_(parameter, blocks.to(parameter.dtype))
        elif isinstance(module, nn.Linear):
            init.xavier_uniform_(module.weight)
            init.zeros_(module.bias)


class BiGRUModel(BiGRUCTCPreTrainedModel):
    """Encoder: log-mel frames in, one feature vector per frame out.

    Args:
        config: Sizes and masking.
    """

    def __init__(self, config: BiGRUCTCConfig) -> None:
        super().__init__(config)
        width = 2 * config.hidden_size
        self.layers = nn.ModuleList(
            BiGRULayer(config.num_mel_bins if index == 0 else width, config.hidden_size)
            for index in range(config.num_hidden_layers)
        )
        self.dropout = nn.Dropout(config.hidden_dropout)
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        input_features: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        output_hidden_states: bool | None = None,
        **kwargs: object,
    ) -> BaseModelOutput:
        """Encode a batch.

        Args:
            input_features: `(batch, frames, num_mel_bins)`, or `(batch, 1, num_mel_bins, frames)`.
            attention_mask: `(batch, frames)`, 1 on valid frames, 0 on padding (on the right). All valid if `None`.
                The content of padded frames has no influence, whatever it is.
            output_hidden_states: Whether to return the input frames and every layer's output as `hidden_states`:
                `num_hidden_layers + 1` tensors.
            kwargs: `return_dict`; anything else is ignored, as in the library.

        Returns:
            `last_hidden_state` `(batch, frames, 2 * hidden_size)`, zero on padded frames, and on those that
            `max_silence_frames` leaves out.

        Raises:
            ValueError: If the shape of `input_features` or `attention_mask` is not one of the above, or if the model
                is traced in training mode with SpecAugment.
        """
        features = batch_of_frames(input_features, self.config.num_mel_bins)
        valid = mask_of_frames(attention_mask, features)
        lengths = frame_lengths(valid)
        # Padding that holds NaN would reach the gradient of the weights.
        hidden_states = features.masked_fill(~valid[..., None], 0.0)
        if self.training and self.config.apply_spec_augment:
            if torch.jit.is_tracing():
                raise ValueError("A trace would repeat the same SpecAugment masks for ever; call model.eval() before.")
            hidden_states = self._mask_features(hidden_states, lengths)
        if output_hidden_states is None:
            output_hidden_states = self.config.output_hidden_states
        all_hidden_states = [hidden_states]
        places = None
        if self.config.max_silence_frames is not None:
            heard = heard_frames(features, valid, self.config.max_silence_frames)
            places = places_of_frames(heard)
            lengths = torch.maximum(heard.sum(-1), lengths.clamp(max=1))  # a layer takes no utterance without frames
            hidden_states = moved_to_places(hidden_states, places)
        for index, layer in enumerate(self.layers):
            hidden_states = layer(hidden_states if index == 0 else self.dropout(hidden_states), lengths)
            all_hidden_states.append(hidden_states)
        if places is not None:
            all_hidden_states[1:] = [in_places(each, places) for each in all_hidden_states[1:]]
        return BaseModelOutput(
            last_hidden_state=all_hidden_states[-1],
            hidden_states=tuple(all_hidden_states) if output_hidden_states else None,
        )

    def _mask_features(self, features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """SpecAugment: masked cells get the mean of their mel bin over the utterance.

        Args:
            features: `(batch, frames, mels)`, zero on padding.
            lengths: `(batch,)` valid frames.
        """
        config = self.config
        batch_size, num_frames, mels = features.shape
        keep = torch.ones(batch_size, num_frames, mels, dtype=torch.bool, device=features.device)
        for row, length in enumerate(lengths.tolist()):
            if length == 0:
                continue
            frames = _draw_masks(length, config.mask_time_prob, config.mask_time_length, config.mask_time_min_masks)
            bins = _draw_masks(
                mels, config.mask_feature_prob, config.mask_feature_length, config.mask_feature_min_masks
            )
            keep[row, :length] = (frames[:, None] & bins[None, :]).to(features.device)
        mean = features.sum(dim=1, keepdim=True) / lengths.clamp(min=1)[:, None, None]
        return torch.where(keep, features, mean.to(features.dtype))


def _draw_masks(size: int, probability: float, max_width: int, min_masks: int) -> torch.Tensor:
    """Mask `(size,)` of the cells to keep: `False` inside the masks that torchaudio draws.

    The number of masks is rounded at random, so that a share `probability` is masked on average; the mean width of a
    mask is `max_width / 2`.
    """
    expected = 2 * probability * size / max_width
    num_masks = max(int(expected + torch.rand(()).item()), min_masks)
    if num_masks == 0:
        return torch.ones(size, dtype=torch.bool)
    masks = mask_along_axis_iid(torch.ones(num_masks, 1, size, 1), mask_param=max_width, mask_value=0.0, axis=2)
    return masks[:, 0, :, 0].bool().all(dim=0)


class BiGRUForCTC(BiGRUCTCPreTrainedModel):
    """Speech recogniser: log-mel frames in, log-probabilities of the characters and the CTC blank out.

    Beside ONNX (`hf_bigru_asr.runtime`) there are three ways to a graph:

    - `torch.jit.trace(model, features, strict=False)` serves every batch size and number of frames, and gives a
      dictionary. The layout and the number of frame grids are those of the example.
    - `torch.compile(model)` compiles what lies between the layers. A layer runs as without it, because its recurrence
      would be unrolled frame by frame.
    - `torch.export.export(model, (features,), strict=False)` serves every batch size (with `dynamic_shapes`), but only
      the number of frames of the example. It takes about 0.2 s a frame. With `strict=True` it fails.

    Args:
        config: Sizes, loss and masking.

    Example:
        >>> import torch
        >>> from hf_bigru_asr import BiGRUForCTC, bundled_checkpoint
        >>> model = BiGRUForCTC.from_pretrained(bundled_checkpoint())
        >>> model(torch.zeros(1, 50, 128)).logits.shape
        torch.Size([1, 50, 29])
    """

    def __init__(self, config: BiGRUCTCConfig) -> None:
        super().__init__(config)
        self.bigru = BiGRUModel(config)
        self.lm_head = nn.Linear(2 * config.hidden_size, config.vocab_size)
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        input_features: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        output_hidden_states: bool | None = None,
        **kwargs: object,
    ) -> CausalLMOutput:
        """Score every frame, and the labels if there are any.

        Args:
            input_features: `(batch, frames, num_mel_bins)` or `(batch, 1, num_mel_bins, frames)`. From a feature
                extractor with several frame grids `(batch, frames, num_offsets * num_mel_bins)`; the log-probabilities
                of the grids are averaged.
            attention_mask: `(batch, frames)`, 1 on valid frames, 0 on padding (on the right). All valid if `None`.
            labels: `(batch, labels)` token ids, padded with -100.
            output_hidden_states: Whether to return `hidden_states`, as [`BiGRUModel`] does.
            kwargs: `return_dict`; anything else is ignored, as in the library.

        Returns:
            `logits` `(batch, frames, vocab_size)`: float32 log-probabilities in every precision of the weights. On
            padded frames the blank has probability one, so that a batch decodes to the text of its utterances alone;
            so it has on frames that `max_silence_frames` of the configuration leaves out.
            `loss`: the CTC loss in float32, if there are labels.

        Raises:
            ValueError: If a shape is wrong or a label is not a class; if labels or hidden states are combined with
                several frame grids; or if, with `ctc_zero_infinity=False`, the labels of an utterance need more frames
                than it has.
        """
        if output_hidden_states is None:
            output_hidden_states = self.config.output_hidden_states
        grids = grids_of_frames(input_features, self.config.num_mel_bins)
        if len(grids) > 1:
            if labels is not None or output_hidden_states:
                raise ValueError(
                    f"These input_features have {len(grids)} frame grids, which are for recognition alone; "
                    "set_num_offsets(1) of the feature extractor gives features for a loss or hidden states."
                )
            return self._mean_of_grids(grids, attention_mask)
        outputs = self.bigru(
            input_features,
            attention_mask=attention_mask,
            output_hidden_states=output_hidden_states,
            return_dict=True,
        )
        attention_mask = mask_of_frames(attention_mask, outputs.last_hidden_state)
        log_probs = self._log_probs(outputs.last_hidden_state, input_features, attention_mask)
        loss = None if labels is None else self._loss(log_probs, labels, attention_mask)
        return CausalLMOutput(loss=loss, logits=log_probs, hidden_states=outputs.hidden_states)

    def _log_probs(
        self, hidden_states: torch.Tensor, input_features: torch.Tensor, valid: torch.Tensor
    ) -> torch.Tensor:
        """`(batch, frames, classes)` float32, with all probability on the blank where nothing is read."""
        logits = self.lm_head(hidden_states.to(self.lm_head.weight.dtype))
        log_probs = nn.functional.log_softmax(logits, dim=-1, dtype=torch.float32)
        if self.config.max_silence_frames is not None:
            # Found once more, as the encoder's outputs of the library have no place for it.
            features = batch_of_frames(input_features, self.config.num_mel_bins)
            heard = heard_frames(features, valid, self.config.max_silence_frames)
            log_probs = self._blank_where_not(heard, log_probs, UNLIKELY)
        return self._blank_on_padding(log_probs, valid)

    def _mean_of_grids(self, grids: tuple[torch.Tensor, ...], attention_mask: torch.Tensor | None) -> CausalLMOutput:
        """Log-probabilities of all grids, in one batch, and their mean."""
        mask = mask_of_frames(attention_mask, grids[0])
        features, of_all = torch.cat(grids), mask.repeat(len(grids), 1)
        outputs = self.bigru(features, attention_mask=of_all, return_dict=True)
        log_probs = self._log_probs(outputs.last_hidden_state, features, of_all)
        return CausalLMOutput(
            logits=self._blank_on_padding(mean_of_grids(log_probs.chunk(len(grids)), len(grids)), mask)
        )

    def _blank_on_padding(self, log_probs: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        # The lowest finite number and not -inf: its probability is exactly zero too, and zero times it is not NaN.
        return self._blank_where_not(attention_mask, log_probs, torch.finfo(log_probs.dtype).min)

    def _blank_where_not(self, mask: torch.Tensor, log_probs: torch.Tensor, others: float) -> torch.Tensor:
        blank = torch.full_like(log_probs[0, 0], others)
        blank[self.config.pad_token_id] = 0.0
        return torch.where(mask[..., None], log_probs, blank)

    def _loss(self, log_probs: torch.Tensor, labels: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """The library's CTC loss; a scalar."""
        lengths = frame_lengths(attention_mask)
        self._check_labels(labels, lengths)
        loss_function = self.loss_function if "ForCTC" in LOSS_MAPPING else ctc_loss
        return loss_function(
            logits=log_probs,
            labels=labels,
            logit_lengths=lengths,
            blank_token_id=self.config.pad_token_id,
            reduction=self.config.ctc_loss_reduction,
            zero_infinity=self.config.ctc_zero_infinity,
        )

    def _check_labels(self, labels: torch.Tensor, lengths: torch.Tensor) -> None:
        unknown = labels[(labels >= self.config.vocab_size) | ((labels < 0) & (labels != -100))]
        if unknown.numel():
            raise ValueError(
                f"labels contain the id {int(unknown[0])}; this model has {self.config.vocab_size} classes, 0 to "
                f"{self.config.vocab_size - 1}. Tokenize the text with this model's own tokenizer and pad with -100; "
                "after tokenizer.add_tokens, call model.resize_token_embeddings(len(tokenizer))."
            )
        if self.config.ctc_zero_infinity:
            return
        # The library's loss treats the blank as padding too.
        needed = num_frames_needed(labels.masked_fill(labels == self.config.pad_token_id, -100))
        for row in (needed > lengths.to(needed.device)).nonzero()[:, 0].tolist():
            raise ValueError(
                f"The labels of utterance {row} of this batch need {int(needed[row])} frames, one per label and one "
                f"between equal neighbours, but it has {int(lengths[row])}. Leave it out or shorten its text; "
                "ctc_zero_infinity=True in the configuration trains past it."
            )


BiGRUModel.register_for_auto_class("AutoModel")
BiGRUForCTC.register_for_auto_class("AutoModelForCTC")

__all__ = ["BiGRUCTCPreTrainedModel", "BiGRUForCTC", "BiGRUModel"]
