"""The mean of the weights of several trained models of one network."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.optim.swa_utils import AveragedModel

from ..bundled import resolve_model
from ..model.feature_extraction_bigru_ctc import BiGRUCTCFeatureExtractor
from ..model.modeling_bigru_ctc import BiGRUForCTC
from ..model.processing_bigru_ctc import BiGRUCTCProcessor

__all__ = ["average_checkpoints"]


def average_checkpoints(
    checkpoints: Sequence[str | Path], output_dir: str | Path, *, hop_length: int | None = None
) -> BiGRUForCTC:
    """Write a model whose weights are the mean of those of several models; the rest is that of the last of them.

    While the learning rate is high, the weights of a run wander around a better point; their mean is nearer to it. So
    is that of finished models of which one was trained on from the other.

    Args:
        checkpoints: Folders that `Trainer` or `save_pretrained` wrote: of one run, or of runs that start from its
            weights (models of separate random starts have no useful mean). `"bundled"` is the model that ships with
            the package.
        output_dir: Folder for the model.
        hop_length: Samples from one frame to the next, of networks that were trained with different ones for example;
            as in the last model without it.

    Returns:
        The model, in float32 whatever precision the checkpoints have.

    Raises:
        ValueError: If there is no checkpoint, `hop_length` is not from 1 to `n_fft`, or a checkpoint is of another
            network or has other features than the last; the length of frames, the time between them and the prior of
            the variance may differ, since a network can be trained on with others.
        OSError: If there is no such folder, or it has no model.

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
    last.save_pretrained(output_dir)
    processor.save_pretrained(output_dir)
    return last


def _load(name: str) -> BiGRUForCTC:
    return BiGRUForCTC.from_pretrained(name, dtype=torch.float32)


def _features(processor: BiGRUCTCProcessor) -> dict[str, Any]:
    """The settings that models of one mean share; where their code lies, which only some checkpoints say, is none."""
    settings: dict[str, Any] = processor.feature_extractor.to_dict()
    for name in ("auto_map", "hop_length", "win_length", "prior_frames", "prior_std"):
        settings.pop(name, None)
    return settings


def _shapes(model: BiGRUForCTC) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in model.state_dict().items()}
