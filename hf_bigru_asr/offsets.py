"""The choice of how many grids of frames a recogniser uses."""

from typing import Any

__all__ = ["NUM_OFFSETS_HELP", "use_offsets"]

NUM_OFFSETS_HELP = (
    "Grids of frames on which the network runs, whose log-probabilities are averaged; 3 makes fewer errors than 1, "
    "for three times the work of the network. By default as many as the language model was tuned with, if it says so, "
    "and as the model was saved with, one usually."
)


def use_offsets(feature_extractor: Any, num_offsets: int | None) -> None:  # noqa: ANN401 - of any make
    """Have a feature extractor give so many grids of frames; those that it gives already if `None`.

    Raises:
        ValueError: If it cannot, or the number is out of range.
    """
    if num_offsets is None:
        return
    if not hasattr(feature_extractor, "set_num_offsets"):
        raise ValueError(
            f"A {type(feature_extractor).__name__} gives one grid of frames; num_offsets needs a "
            "BiGRUCTCFeatureExtractor of this release."
        )
    feature_extractor.set_num_offsets(num_offsets)
