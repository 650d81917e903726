"""The mean of the weights of several trained models of one network."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.optim.swa_utils import AveragedModel

from ..bundled import resolve_model
from ..model.feature_extraction_bigru_ctc import BiGRUCTCFeatureExtractor
from ..model.language_model_files_bigru_ctc import CONFIDENCE_NAME
from ..model.loaded_weights_bigru_ctc import check_is_whole
from ..model.modeling_bigru_ctc import BiGRUForCTC
from ..model.processing_bigru_ctc import BiGRUCTCProcessor
from ..storage.writing import whole_folder

__all__ = ["average_checkpoints"]


def average_checkpoints(
    checkpoints: Sequence[str | Path], output_dir: str | Path, *, hop_length: int | None = None
) -> BiGRUForCTC:
    """Write a model whose weights are the mean of those of several models; all else is copied from the last one.

    Averaged checkpoints of one run, or of runs that start from its weights, often have a lower error rate than each.

    Args:
        checkpoints: Folders that `Trainer` or `save_pretrained` wrote. Models of different random starts have no
            useful mean. `"bundled"` is the model that ships with the package.
        output_dir: Folder for the model, which may be one of `checkpoints`: it is replaced in one step at the end.
        hop_length: Samples from one frame to the next, for networks that were trained with different ones; that of
            the last model if `None`.

    Returns:
        The model, in float32 whatever precision the checkpoints have.

    Raises:
        ValueError: If there is no checkpoint, `hop_length` is not from 1 to `n_fft`, or a checkpoint has another
            network or other features than the last. `win_length`, `hop_length` and the prior may differ, since a
            network can be fine-tuned with others.
        OSError: If a folder does not exist or has no model, or the disk takes no more.

    Source: P. Izmailov et al., "Averaging weights leads to wider optima and better generalization", UAI 2018; M.
        Wortsman et al., "Model soups", ICML 2022.
    """
    if not checkpoints:
        raise ValueError("There is no checkpoint to average; give at least one.")
    names = [resolve_model(checkpoint) for checkpoint in checkpoints]
    last = _load(names[-1])
    processor = BiGRUCTCProcessor.from_pretrained(names[-1])
    processor.forget_confidences()
    if hop_length is not None:
        values = processor.feature_extractor.to_dict() | {"hop_length": hop_length}
        processor.feature_extractor = BiGRUCTCFeatureExtractor.from_dict(values)
        last.config.inputs_to_logits_ratio = hop_length
    averaged = AveragedModel(last)
    averaged.update_parameters(last)
    for name in names[:-1]:
        model = _load(name)
        features = _features(BiGRUCTCProcessor.from_pretrained(name))
        if _shapes(model) != _shapes(last) or features != _features(processor):
            raise ValueError(
                f"{name} has another network or other features than {names[-1]}; average checkpoints of "
                "one network, trained from one another."
            )
        averaged.update_parameters(model)
    last.load_state_dict(averaged.module.state_dict())
    # The folder may be one of the inputs. Confidences that lie there are those of other weights.
    with whole_folder(output_dir, without=[CONFIDENCE_NAME]) as staging:
        last.save_pretrained(staging)
        processor.save_pretrained(staging)
    return last


def _load(name: str) -> BiGRUForCTC:
    model = BiGRUForCTC.from_pretrained(name, dtype=torch.float32)
    check_is_whole(model, name)
    return model


def _features(processor: BiGRUCTCProcessor) -> dict[str, Any]:
    """The settings that all models of a mean share; `auto_map` is in some checkpoints only."""
    settings: dict[str, Any] = processor.feature_extractor.to_dict()
    for name in ("auto_map", "hop_length", "win_length", "prior_frames", "prior_std", "prior_mean"):
        settings.pop(name, None)
    return settings


def _shapes(model: BiGRUForCTC) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in model.state_dict().items()}
