"""Files that lie beside a network: their names, where they are found, and whether they are whole."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .checked_files_bigru_ctc import read_model_json
from .field_rules_bigru_ctc import Rule, check_fields, shown

__all__ = [
    "CONFIDENCE_NAME",
    "LANGUAGE_MODEL_DIR",
    "LANGUAGE_MODEL_FILES",
    "LEXICON_NAME",
    "MODEL_NAME",
    "RECORD_NAME",
    "SETTINGS_NAME",
    "HubModel",
    "check_language_model",
    "file_checksums",
    "find_language_model",
    "find_model_file",
    "read_model_json",
]

LANGUAGE_MODEL_DIR = "language_model"
MODEL_NAME, LEXICON_NAME = "lm.binary", "lexicon.txt"
SETTINGS_NAME, RECORD_NAME, CONFIDENCE_NAME = "decoding.json", "language_model.json", "confidence.json"
LANGUAGE_MODEL_FILES = (MODEL_NAME, LEXICON_NAME, SETTINGS_NAME, RECORD_NAME, CONFIDENCE_NAME)
"""What belongs to a language model, and where it lies beside a network."""


def file_checksums(folder: str | Path) -> dict[str, str]:
    """CRC-32 of the files of a language model that a record of it vouches for, by their names."""
    return {name: _checksum(Path(folder) / name) for name in (MODEL_NAME, LEXICON_NAME)}


def check_language_model(folder: str | Path) -> None:
    """Refuse a language model whose files are not those that its record was written for.

    KenLM reads a binary as it is, and what a broken one does to it cannot be caught. A language model without a
    record is not checked.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If the record is broken, or a file is another one; the message names the file.
    """
    record = Path(folder) / RECORD_NAME
    if not record.is_file():
        return
    values = read_model_json(record)
    remedy = f"Take both as scripts/build_lm.py wrote them, or remove {RECORD_NAME} if the change is meant."
    expected = values.get("checksums")
    if expected is None:  # before 0.2.0
        num_bytes = sum((Path(folder) / name).stat().st_size for name in (MODEL_NAME, LEXICON_NAME))
        if values.get("num_bytes", num_bytes) != num_bytes:
            raise ValueError(
                f"{folder}: {MODEL_NAME} and {LEXICON_NAME} have {num_bytes} bytes, and {RECORD_NAME} says "
                f"{shown(values['num_bytes'])}: they are not whole, or others. {remedy}"
            )
        return
    check_fields({"checksums": expected}, {"checksums": _CHECKSUMS}, f"{record}: ")
    for name, checksum in file_checksums(folder).items():
        if expected.get(name, checksum) != checksum:
            raise ValueError(
                f"{Path(folder) / name} has the CRC-32 {checksum}, and {RECORD_NAME} beside it says "
                f"{shown(expected[name])}: it is not whole, or another file. {remedy}"
            )


_CHECKSUMS = Rule("an object", lambda value: isinstance(value, dict))


def _checksum(path: Path) -> str:
    checksum = 0
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            checksum = zlib.crc32(block, checksum)
    return f"{checksum:08x}"


def find_model_file(model: str | Path, name: str, **hub_options: Any) -> Path | None:
    """A file of a model, in its folder or downloaded from the Hub; `None` if the model has no such file.

    Args:
        model: Folder, or name on the Hub.
        name: Path of the file in it.
        hub_options: What `hf_hub_download` takes: `revision`, `subfolder`, `token`, ...

    Raises:
        OSError: If the Hub would have to be asked, and cannot be.
    """
    if Path(model).is_dir():
        path = Path(model) / hub_options.get("subfolder", "") / name
        return path if path.is_file() else None
    # Here, so that a folder can be read without the package.
    from huggingface_hub import _CACHED_NO_EXIST, hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HFValidationError, HTTPError, LocalEntryNotFoundError

    if _cached(model, name, hub_options) is _CACHED_NO_EXIST and not hub_options.get("force_download"):
        return None
    try:
        return Path(hf_hub_download(str(model), name, **hub_options))
    except (HTTPError, OSError, HFValidationError) as error:
        is_absent = isinstance(error, EntryNotFoundError) and not isinstance(error, LocalEntryNotFoundError)
        # A download of single files never takes this one, a download of the whole repository always does.
        is_whole = isinstance(_cached(model, ".gitattributes", hub_options), str)
        if is_absent or (isinstance(error, LocalEntryNotFoundError) and is_whole):
            return None
        raise OSError(
            f"{name} of {model} cannot be fetched from the Hub: {error} Check the connection and HF_HUB_OFFLINE, and "
            "try again; what was fetched once needs no connection. To go on without it, set the processor's "
            "language_model or confidence_file to None."
        ) from error


def find_language_model(model: str | Path, **hub_options: Any) -> Path | None:
    """Folder of the language model beside a network; the arguments and errors are those of [`find_model_file`]."""
    names = (f"{LANGUAGE_MODEL_DIR}/{name}" for name in LANGUAGE_MODEL_FILES)
    path = find_model_file(model, next(names), **hub_options)
    if path is None:
        return None
    for name in names:
        find_model_file(model, name, **hub_options)
    return path.parent


@dataclass(frozen=True)
class HubModel:
    """A model on the Hub at one commit.

    Attributes:
        name: `NAMESPACE/NAME`.
        options: What `hf_hub_download` takes beside the name; the commit is among them if it is known.
    """

    name: str
    options: Mapping[str, Any]

    @classmethod
    def pinned(cls, name: str, load_options: Mapping[str, Any]) -> "HubModel":
        """The model at the commit at which `from_pretrained(name, **load_options)` finds it.

        Raises:
            OSError: If there is no such model.
        """
        from transformers.utils import PROCESSOR_NAME, cached_file

        names = ("cache_dir", "force_download", "local_files_only", "token", "revision", "subfolder")
        options = {key: load_options[key] for key in names if load_options.get(key) is not None}
        path = cached_file(
            name,
            PROCESSOR_NAME,
            _raise_exceptions_for_missing_entries=False,
            _raise_exceptions_for_connection_errors=False,
            **options,
        )
        if path is not None:
            # CACHE/models--NAMESPACE--NAME/snapshots/COMMIT/...
            options["revision"] = next(each.name for each in Path(path).parents if each.parent.name == "snapshots")
        return cls(name, options)


def _cached(model: str | Path, name: str, hub_options: Mapping[str, Any]) -> object:
    """Path of a file in the cache, the mark of one that a commit is known to lack, or `None`."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    path = "/".join(filter(None, (hub_options.get("subfolder"), name)))
    options = {key: hub_options[key] for key in ("cache_dir", "revision") if key in hub_options}
    try:
        return try_to_load_from_cache(str(model), path, **options)
    except HFValidationError:
        return None
