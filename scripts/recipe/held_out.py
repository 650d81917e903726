"""The sentences of data that a recogniser is to be tested on, which its text must not have."""

from collections.abc import Iterable

from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.text.normalization import normalize_transcript

__all__ = ["held_out_sentences"]


def held_out_sentences(
    dataset_name: str | None, config_name: str | None, split_names: Iterable[str]
) -> dict[str, list[str]]:
    """Transcripts of splits of a data set, from its column `text`.

    Args:
        dataset_name: See [`load_speech_dataset`]; nothing is held out if `None`.
        config_name: Configuration of the data set.
        split_names: Its splits.

    Returns:
        Normalised sentences by split.

    Raises:
        FileNotFoundError: If a local path does not exist.
        ValueError: If there is no such split or configuration.
    """
    if dataset_name is None:
        return {}
    return {
        split: [normalize_transcript(text) for text in load_speech_dataset(dataset_name, config_name, split)["text"]]
        for split in split_names
    }
