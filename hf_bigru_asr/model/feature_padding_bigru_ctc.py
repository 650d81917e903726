"""Padding of features that were computed before, which knows padding without its mask."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from transformers import BatchFeature, SequenceFeatureExtractor


class PaddedFeatureExtractor(SequenceFeatureExtractor):
    """The library's padding, for features that may have been padded before.

    `Dataset.map(processor, batched=True)` pads the utterances of each of its batches. Where their `attention_mask` is
    then lost, the library would take all frames for valid.
    """

    model_input_names: list[str]

    def pad(self, processed_features: Any, *args: Any, **kwargs: Any) -> BatchFeature:  # noqa: ANN401 - as in the library
        """Pad features that were computed one by one, or in other batches; the arguments are the library's.

        Without an `attention_mask`, frames at the end of an utterance that are nothing but `padding_value` count as
        padding. Silence at the end may be such frames too; its first frame at least stays.

        Args:
            processed_features: Dictionary of lists, or list of dictionaries, with `input_features` `(frames, mels)`,
                and `attention_mask` `(frames,)` where features were padded before.
            args: As in the library.
            kwargs: As in the library.
        """
        features = _dictionary_of_lists(processed_features)
        name = self.model_input_names[0]
        if name in features and len(features[name]) > 0 and "attention_mask" not in features:
            wanted = kwargs.get("return_attention_mask")
            if self.return_attention_mask if wanted is None else wanted:
                masks = [_mask_of(utterance, self.padding_value) for utterance in features[name]]
                features = BatchFeature({**features, "attention_mask": masks})
        return super().pad(features, *args, **kwargs)

    def pad_new(self, features: Sequence[npt.NDArray[np.float32]], **kwargs: Any) -> BatchFeature:
        """Pad features `(frames, mels)` that nothing has padded yet; `kwargs` are those of `pad`."""
        return super().pad(BatchFeature({self.model_input_names[0]: features}), **kwargs)


def _dictionary_of_lists(features: Any) -> Any:  # noqa: ANN401 - what the library takes
    if isinstance(features, Sequence) and features and isinstance(features[0], Mapping):
        return {name: [utterance[name] for utterance in features] for name in features[0]}
    return features


def _mask_of(utterance: Any, padding_value: float) -> npt.NDArray[np.int32]:  # noqa: ANN401 - an array, tensor or list
    """Mask `(frames,)` of `(frames, mels)`, 0 on the frames of padding at its end."""
    frames = np.asarray(utterance.detach().cpu() if hasattr(utterance, "detach") else utterance)
    mask = np.ones(len(frames), dtype=np.int32)
    if frames.ndim > 1:
        filled = (frames != padding_value).any(axis=tuple(range(1, frames.ndim))).nonzero()[0]
        mask[max(int(filled[-1]) + 1 if len(filled) else 0, 1) :] = 0
    return mask


__all__ = ["PaddedFeatureExtractor"]
