"""Columns of a table or of JSON objects: which is the audio, which the transcript, which the speaker."""

from collections.abc import Iterable

__all__ = ["NAMES", "ColumnError", "find_column", "first_column"]

NAMES: dict[str, tuple[str, ...]] = {
    "audio": (
        "audio", "audio_filepath", "audio_path", "audio_file", "file_name", "wav_filename", "wav", "path", "filepath",
        "file_path", "filename", "file", "wav_path", "speech", "sound", "recording", "clip",
    ),
    "text": (
        "text", "sentence", "transcript", "transcription", "normalized_text", "label", "utterance", "transcript_text",
        "raw_transcription", "orthographic_transcript",
    ),
    "speaker": ("speaker_id", "speaker", "spk", "spk_id", "speaker_name", "client_id", "reader_id", "user_id"),
    "chapter": ("chapter_id", "chapter", "session_id", "session", "recording_id", "book_id"),
    "id": ("id", "utt_id", "utterance_id", "uttid", "utt", "key", "segment_id"),
    "offset": ("offset", "start", "begin", "start_s", "start_time", "begin_time", "audio_start"),
    "duration": ("duration", "duration_s", "dur", "length_s", "audio_duration"),
    "end": ("end", "end_s", "end_time", "audio_end"),
    "channel": ("channel", "channel_id"),
    "split": ("split", "subset", "set", "partition"),
}  # fmt: skip
"""Names of columns in the tables of Common Voice, VoxPopuli, MLS, NeMo, SpeechBrain, DeepSpeech and `audiofolder`."""

_OPTIONS = {"audio": "--audio_column_name", "text": "--text_column_name"}


class ColumnError(ValueError):
    """A column that is missing, or one of several that might be meant."""


def find_column(columns: Iterable[str], kind: str, wanted: str | None, where: str) -> str | None:
    """The column of one kind.

    Args:
        columns: All columns.
        kind: A key of `NAMES`.
        wanted: Its name, if it was given; a name that is the usual one (`audio`, `text`) is searched for if it is
            not there.
        where: The table, for messages.

    Returns:
        Its name; `None` if there is none of the kind.

    Raises:
        ColumnError: If there is no column of the name given, or several might be meant.
    """
    names = list(columns)
    if wanted is not None and wanted in names:
        return wanted
    if wanted is not None and wanted != NAMES[kind][0]:
        raise ColumnError(f"{where} has no column {wanted!r}; it has {', '.join(names)}.")
    folded = {name.strip().casefold(): name for name in names}
    found = [folded[name] for name in NAMES[kind] if name in folded]
    if NAMES[kind][0] in folded:
        return folded[NAMES[kind][0]]
    if len(found) > 1:
        raise ColumnError(
            f"{where} has the columns {' and '.join(found)}, any of which might be the {kind}; give "
            f"{_OPTIONS.get(kind, 'one')}."
        )
    return found[0] if found else None


def first_column(columns: Iterable[str], kind: str) -> str | None:
    """The column of a kind that nothing depends on: the first of its names."""
    folded = {name.strip().casefold(): name for name in columns}
    return next((folded[name] for name in NAMES[kind] if name in folded), None)
