"""Frames of silence that are far from any sound: the network leaves them out, and they are blank.

The normalisation `"speech"` of the feature extractor makes all bins of a frame exactly zero where there is no speech.
A recurrent network changes slowly while it reads such frames, and hears what follows minutes of them worse than what
follows seconds.
"""

import torch

__all__ = ["heard_frames", "in_places", "moved_to_places", "places_of_frames"]


def heard_frames(features: torch.Tensor, valid: torch.Tensor, max_silence_frames: int | None) -> torch.Tensor:
    """The frames that the network reads.

    Args:
        features: `(batch, frames, mels)`; a frame is silent if all its bins are zero.
        valid: `(batch, frames)` bool, `False` on padding.
        max_silence_frames: Silent frames on each side of a sound that are read; all if `None`.

    Returns:
        `(batch, frames)` bool; never `True` on padding. There is none in an utterance without a sound.
    """
    if max_silence_frames is None:
        return valid
    sounds = (features != 0).any(-1) & valid
    width = 2 * max_silence_frames + 1
    near = torch.nn.functional.max_pool1d(sounds[:, None].float(), width, stride=1, padding=max_silence_frames)
    return valid & (near[:, 0] > 0)


def places_of_frames(heard: torch.Tensor) -> torch.Tensor:
    """Where every frame goes so that those that are heard come first; the order within both kinds stays.

    Args:
        heard: `(batch, frames)` bool.

    Returns:
        `(batch, frames)` int64, a permutation of the frames of each utterance.
    """
    first = heard.cumsum(1) - 1
    behind = heard.sum(1, keepdim=True) + (~heard).cumsum(1) - 1
    return torch.where(heard, first, behind)


def moved_to_places(values: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """`values` `(batch, frames, features)` with every frame at its place; see [`places_of_frames`]."""
    return torch.zeros_like(values).scatter(1, places[..., None].expand_as(values), values)


def in_places(moved: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """The inverse of [`moved_to_places`]: `(batch, frames, features)` in their own order."""
    return moved.gather(1, places[..., None].expand_as(moved))
