"""Transcripts in the JSON of this package, for their scores."""

import json
from pathlib import PurePath

__all__ = ["spoken_in"]


def spoken_in(record: str, place: str) -> tuple[str, str]:
    """Id of a recording, and what was recognised in it.

    Args:
        record: A JSON object as `transcribe --format json` writes it.
        place: Where it stands, for messages.

    Returns:
        The name of the recording without folders and ending, as a ctm has it, and the text.

    Raises:
        ValueError: If it is no such object, or has an error in place of a text.

    Example:
        >>> spoken_in('{"source": "calls/my talk.flac", "text": "HELLO", "error": null}', "all.jsonl:1")
        ('my_talk', 'HELLO')
    """
    try:
        values = json.loads(record)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{place} is no JSON ({error}); jsonl has an object a line, json one in all") from error
    if not (isinstance(values, dict) and isinstance(values.get("source"), str) and "text" in values):
        raise ValueError(f"{place} has no source or no text; give what `transcribe --format jsonl` writes")
    source, text = values["source"], values["text"]
    if not isinstance(text, str):
        raise ValueError(
            f"{place}: {source} has no text ({values.get('error')}); transcribe again, or leave it out of both files"
        )
    return _name_of(source), text


def _name_of(source: str) -> str:
    """The name of a recording as a ctm has it, which a test compares with that of `formats`."""
    if source == "-":
        return "stdin"
    path = source.split("?")[0].split("#")[0] if "://" in source else source
    return "_".join((PurePath(path.rstrip("/")).stem or "recording").split())
