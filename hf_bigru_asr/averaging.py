"""The mean of the weights of several checkpoints of one training run."""

from collections.abc import Sequence
from pathlib import Path

from .modeling_bigru_ctc import BiGRUForCTC
from .processing_bigru_ctc import BiGRUCTCProcessor

__all__ = ["average_checkpoints"]


def average_checkpoints(checkpoints: Sequence[str | Path], output_dir: str | Path) -> BiGRUForCTC:
    """Write a model whose weights are the mean of those of several models; the rest is that of the last of them.

    While the learning rate is high, the weights of a run wander around a better point; their mean is nearer to it.

    Args:
        checkpoints: Folders that `Trainer` or `save_pretrained` wrote, of one network.
        output_dir: Folder for the model.

    Returns:
        The model.

    Raises:
        ValueError: If there is no checkpoint, or one is of another network or has other features than the last.
        OSError: If a folder has no model.

    Source: B. T. Polyak, A. B. Juditsky, "Acceleration of stochastic approximation by averaging", SIAM Journal on
        Control and Optimization 30(4), 1992.
    """
    if not checkpoints:
        raise ValueError("There is no checkpoint to average; give at least one.")
    model = BiGRUForCTC.from_pretrained(checkpoints[-1])
    processor = BiGRUCTCProcessor.from_pretrained(checkpoints[-1])
    processor.forget_confidences()
    total = {name: value.double() for name, value in model.state_dict().items()}
    for checkpoint in checkpoints[:-1]:
        weights = BiGRUForCTC.from_pretrained(checkpoint).state_dict()
        features = BiGRUCTCProcessor.from_pretrained(checkpoint).feature_extractor.to_dict()
        shapes = [{name: value.shape for name, value in each.items()} for each in (weights, total)]
        if shapes[0] != shapes[1] or features != processor.feature_extractor.to_dict():
            raise ValueError(
                f"{checkpoint} has another network or other features than {checkpoints[-1]}; average checkpoints of "
                "one training run."
            )
        for name, value in weights.items():
            total[name] += value
    model.load_state_dict({name: (value / len(checkpoints)).float() for name, value in total.items()})
    model.save_pretrained(output_dir)
    processor.save_pretrained(output_dir)
    return model
