"""Libraries of the extra `grammar`: OpenFst as `kaldifst`, and decoders of Kaldi as `kaldi_decoder`."""

from typing import Any

from ..extras import needs_extra

__all__ = ["import_kaldi_decoder", "import_kaldifst"]


def import_kaldifst() -> Any:  # noqa: ANN401 - the package is optional
    """Module `kaldifst`.

    Raises:
        ImportError: If the extra `grammar` is not installed.
    """
    try:
        import kaldifst
    except ImportError as error:
        raise ImportError(needs_extra("A grammar", "grammar")) from error
    return kaldifst


def import_kaldi_decoder() -> Any:  # noqa: ANN401 - the package is optional
    """Module `kaldi_decoder`.

    Raises:
        ImportError: If the extra `grammar` is not installed.
    """
    try:
        import kaldi_decoder
    except ImportError as error:
        raise ImportError(needs_extra("A grammar", "grammar")) from error
    return kaldi_decoder
