"""The decoder of a model, without torch: greedy, or a beam search with a language model."""

from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from ..model.beam_search_bigru_ctc import BeamSearchDecoder
from ..model.confidence_bigru_ctc import ConfidenceModel
from ..model.decoding_bigru_ctc import GreedyDecoder
from ..model.language_model_files_bigru_ctc import MODEL_NAME
from ..model.search_settings_bigru_ctc import BeamSearchSettings
from .model_files import ModelFiles

__all__ = ["NO_LANGUAGE_MODEL", "OWN_LANGUAGE_MODEL", "choose_language_model", "language_model_of", "load_decoder"]

OWN_LANGUAGE_MODEL = "own"
"""Name of the language model that lies beside a model."""
NO_LANGUAGE_MODEL = "none"
"""What stands for greedy decoding where the language model is the default."""


def language_model_of(language_model: str | Path | None) -> Path | None:
    """Folder of a language model that is named; `None` for the model's own, or if there is none.

    Args:
        language_model: The folder, or `"own"`.

    Raises:
        FileNotFoundError: If the folder holds no language model.
        ValueError: If it is no name.
    """
    if language_model is None or str(language_model) == OWN_LANGUAGE_MODEL:
        return None
    if not isinstance(language_model, str | PathLike):
        raise ValueError(
            f"language_model is {language_model!r}; give the folder of a language model, {OWN_LANGUAGE_MODEL!r} for "
            "the model's own, or None."
        )
    path = Path(language_model) / MODEL_NAME
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist; give the folder of a language model (scripts/build_lm.py makes one), or "
            f"{OWN_LANGUAGE_MODEL!r} for the model's own."
        )
    return Path(language_model)


def choose_language_model(files: ModelFiles, wanted: str | None) -> str | None:
    """The language model of those who decode with one unless they are told otherwise.

    Args:
        files: Those of the model.
        wanted: Folder of a language model, `"own"`, `"none"`, or `None` for the model's own if it has one.

    Returns:
        The folder or `"own"`; `None` for greedy decoding.
    """
    if wanted is None:
        return None if files.language_model is None else OWN_LANGUAGE_MODEL
    return None if wanted == NO_LANGUAGE_MODEL else wanted


def load_decoder(
    files: ModelFiles,
    language_model: str | Path | None = None,
    decoding: Mapping[str, Any] | None = None,
    hotwords: Mapping[str, float] | Iterable[str] = (),
    preset: str | None = None,
) -> GreedyDecoder | BeamSearchDecoder:
    """The decoder of a model, as [`load_recognizer`] has it with the same arguments, but in less memory.

    Args:
        files: The model.
        language_model: Folder of a language model, or `"own"` for the model's own; greedy decoding if `None`.
        decoding: Fields of [`BeamSearchSettings`] to change.
        hotwords: Weights by phrase, or phrases as [`parse_hotwords`] takes them.
        preset: Settings that come with the language model, `"fast"` for example; the accurate ones if `None`.

    Raises:
        FileNotFoundError: If the folder of the language model holds none.
        ImportError: If the search is not installed, see [`BeamSearchDecoder`].
        TypeError: If `hotwords` is a string.
        ValueError: If a setting is wrong, there are settings or hotwords without a language model, or the model has
            none of its own.
    """
    changes = dict(decoding or {})
    if isinstance(hotwords, str):
        raise TypeError(f"hotwords is the string {hotwords!r}; give a list of phrases, or weights by phrase.")
    if not isinstance(hotwords, Mapping) and (entries := list(hotwords)):
        # Here, because the rules of spelling take long to import.
        from ..text.languages import Normalizer
        from .hotwords import parse_hotwords

        hotwords = parse_hotwords(entries, Normalizer.of(files.ctc_symbols))
    if hotwords:
        changes["hotwords"] = hotwords
    if preset is not None:
        changes["preset"] = preset
    folder = language_model_of(language_model)
    frame_s = files.feature_settings.hop_length / files.feature_settings.sampling_rate
    if language_model is None:
        if changes:
            raise ValueError(
                f"decoding has {', '.join(changes)}, which belong to beam search; give language_model= too, "
                f"{OWN_LANGUAGE_MODEL!r} for the model's own."
            )
        return GreedyDecoder(files.ctc_symbols, frame_s, ConfidenceModel.from_folder(files.folder))
    folder = folder or files.language_model
    if folder is None:
        raise ValueError(
            f"{files.folder} came without a language model; name the folder of one that scripts/build_lm.py made."
        )
    settings = BeamSearchSettings.from_folder(folder, **changes)
    return BeamSearchDecoder(folder, files.ctc_symbols, frame_s, settings)
