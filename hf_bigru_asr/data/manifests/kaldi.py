"""Data directories of Kaldi and ESPnet."""

import re
from collections.abc import Iterator
from pathlib import Path

from .paths import Locator
from .rows import ManifestError, ManifestRow
from .tables import open_text

__all__ = ["read_kaldi"]

_ARCHIVE = re.compile(r".+\.ark:\d+")


def read_kaldi(folder: Path, need_text: bool = True) -> Iterator[ManifestRow]:
    """The utterances of a data directory: `wav.scp`, and `segments`, `text`, `utt2spk` where they are there.

    Args:
        folder: The data directory; `dump/raw/train` of ESPnet for example.
        need_text: Whether an utterance needs a line in `text`.

    Yields:
        A row for each line of `segments`, or else of `wav.scp`. Audio is a path, or a command that ends in `|`.

    Raises:
        ManifestError: If a line has no second field, or a key is there twice.
    """
    recordings = _read_map(folder / "wav.scp")
    texts = _read_map(folder / "text", can_be_empty=True) if (folder / "text").is_file() else {}
    if need_text and not (folder / "text").is_file():
        raise ManifestError(f"{folder} has no file text with the transcripts.")
    speakers = _read_map(folder / "utt2spk") if (folder / "utt2spk").is_file() else {}
    locate = Locator(folder, above=True)
    if not (folder / "segments").is_file():
        for number, (name, source) in enumerate(recordings.items(), 1):
            where = f"{folder / 'wav.scp'}, line {number}, {name}"
            yield _row(where, name, name, source, texts, speakers, locate)
        return
    for number, (name, values) in enumerate(_read_map(folder / "segments").items(), 1):
        where = f"{folder / 'segments'}, line {number}, {name}"
        fields = values.split()
        try:
            recording, start_s, end_s = fields[0], float(fields[1]), float(fields[2])
        except (IndexError, ValueError):
            problem = ("with times that are no numbers", f"{values!r}; give RECORDING BEGIN END in seconds")
            yield ManifestRow(where, None, texts.get(name), id=name, problem=problem)
            continue
        if recording not in recordings:
            yield ManifestRow(
                where,
                None,
                texts.get(name),
                id=name,
                problem=("without a recording", f"wav.scp has no {recording}"),
            )
            continue
        duration_s = None if end_s < 0 else end_s - start_s  # -1 stands for the end
        yield _row(where, name, recording, recordings[recording], texts, speakers, locate, start_s, duration_s)


def _row(
    where: str,
    name: str,
    recording: str,
    source: str,
    texts: dict[str, str],
    speakers: dict[str, str],
    locate: Locator,
    start_s: float = 0.0,
    duration_s: float | None = None,
) -> ManifestRow:
    problem = None
    if _ARCHIVE.fullmatch(source):
        problem = ("in an archive of Kaldi", f"{source}; write files, with --audio_format flac in ESPnet for example")
    audio = source if source.endswith("|") else locate(source)
    return ManifestRow(
        where, audio, texts.get(name), start_s, duration_s, None, speakers.get(name), recording, name, problem
    )


def _read_map(path: Path, *, can_be_empty: bool = False) -> dict[str, str]:
    """Key and rest of every line."""
    values: dict[str, str] = {}
    with open_text(path) as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            key, *rest = line.strip().split(None, 1)
            if key in values:
                raise ManifestError(
                    f"{path}, line {number}: {key} is there twice; sort and clean with fix_data_dir.sh."
                )
            if not rest and not can_be_empty:
                raise ManifestError(f"{path}, line {number}: {key} has no value.")
            values[key] = rest[0] if rest else ""
    return values
