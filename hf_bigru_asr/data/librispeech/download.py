"""Downloads the archives of LibriSpeech from OpenSLR."""

import hashlib
from pathlib import Path

from .index import SUBSETS

__all__ = ["download_openslr"]


def download_openslr(subset: str, root: str | Path) -> Path:
    """The archive of a LibriSpeech subset, downloaded from OpenSLR unless it is there, its SHA-256 verified.

    This is `torchaudio.datasets.LIBRISPEECH(root, subset, download=True)` with the same downloader, address and
    checksum, but an archive that is already there is verified too, and none is extracted: everything here reads the
    archive itself, which halves the disk space, and a half-extracted tree cannot pass for a whole one.

    Args:
        subset: A key of `SUBSETS`.
        root: Folder for the archive, made if need be.

    Returns:
        Path of `<root>/<subset>.tar.gz`.

    Raises:
        ValueError: Unknown subset, or the archive does not have OpenSLR's checksum.
        ConnectionError: OpenSLR cannot be reached.

    Source:
        torchaudio 2.11, `datasets/librispeech.py`: `_download_librispeech` and `_CHECKSUMS`.
    """
    from torchaudio.datasets import librispeech  # here, because it takes seconds and only this function needs it

    checksums = {Path(url).name: (url, checksum) for url, checksum in librispeech._CHECKSUMS.items()}
    archive = Path(root).expanduser() / f"{subset}.tar.gz"
    if subset not in SUBSETS or archive.name not in checksums:
        raise ValueError(f"There is no LibriSpeech subset {subset!r}. Choose one of {', '.join(SUBSETS)}.")
    url, checksum = checksums[archive.name]
    if archive.exists():
        with archive.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != checksum:
            raise ValueError(
                f"{archive} has SHA-256 {found}, OpenSLR's has {checksum}: it is cut, damaged or another file. "
                "Delete it and run again."
            )
        return archive
    archive.parent.mkdir(parents=True, exist_ok=True)
    try:
        librispeech.download_url_to_file(url, str(archive), hash_prefix=checksum)
    except OSError as error:
        raise ConnectionError(
            f"{url} could not be downloaded: {error}. Run again, or put the file at {archive} yourself."
        ) from error
    except RuntimeError as error:  # what torch.hub raises for a wrong checksum; it keeps nothing in that case
        raise ValueError(f"{url} came with a wrong checksum and was deleted: {error}. Run again.") from error
    return archive
