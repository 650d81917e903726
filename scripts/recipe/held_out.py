"""Test sentences that must not be in the text a language model or synthetic speech is made of."""

from collections.abc import Callable, Iterable

from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.text.lines import NormalizedLines, OnUnknownLine
from hf_bigru_asr.text.normalization import normalize_transcript

__all__ = ["held_out_sentences"]


def held_out_sentences(
    dataset_name: str | None,
    config_name: str | None,
    split_names: Iterable[str],
    on_unknown: OnUnknownLine = "skip",
    normalize: Callable[[str], str] = normalize_transcript,
) -> dict[str, list[str]]:
    """Transcripts of splits of a data set, from its column `text`.

    Args:
        dataset_name: See [`load_speech_dataset`]; nothing is held out if `None`.
        config_name: Configuration of the data set.
        split_names: Its splits.
        on_unknown: `"skip"` leaves out a transcript with a character that no rule covers, and the log names it;
            `"error"` refuses it.
        normalize: Makes a transcript of a text.

    Returns:
        Normalised sentences by split.

    Raises:
        FileNotFoundError: If a local path does not exist.
        ValueError: If there is no such split or configuration; with `"error"` as [`NormalizedLines`].
    """
    if dataset_name is None:
        return {}
    return {
        split: list(
            NormalizedLines(
                load_speech_dataset(dataset_name, config_name, split, text_column="text")["text"],
                f"the split {split} of {dataset_name}",
                on_unknown=on_unknown,
                unit="row",
                normalize=normalize,
            )
        )
        for split in split_names
    }
