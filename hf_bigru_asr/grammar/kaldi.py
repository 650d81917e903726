"""Libraries of the extra `grammar`: OpenFst as `kaldifst`, and decoders of Kaldi as `kaldi_decoder`."""

from importlib import import_module
from typing import Any

from ..extras import needs_extra

__all__ = ["import_kaldi"]


def import_kaldi(name: str) -> Any:  # noqa: ANN401 - the packages are optional
    """Module `kaldifst` or `kaldi_decoder`.

    Args:
        name: Which one.

    Raises:
        ImportError: If the extra `grammar` is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise ImportError(needs_extra("A grammar", "grammar")) from error
