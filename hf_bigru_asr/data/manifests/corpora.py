"""Layouts of corpora on OpenSLR beside LibriSpeech: AISHELL, TED-LIUM, Multilingual LibriSpeech."""

from collections.abc import Iterator
from pathlib import Path

from .rows import ManifestRow
from .tables import open_text

__all__ = ["read_aishell", "read_mls", "read_stm"]


def read_aishell(transcript: Path, folder: Path) -> Iterator[ManifestRow]:
    """A split of AISHELL-1: `wav/<split>/<speaker>/<id>.wav`, `<id> <text>` a line in `transcript/*.txt`."""
    with open_text(transcript) as stream:
        texts = dict(line.strip().split(None, 1) for line in stream if len(line.split(None, 1)) == 2)
    for path in sorted(folder.rglob("*.wav")):
        text = texts.get(path.stem)
        yield ManifestRow(str(path), str(path.absolute()), text, speaker=path.parent.name, id=path.stem)


def read_mls(transcripts: Path) -> Iterator[ManifestRow]:
    """A split of Multilingual LibriSpeech: id, tab and text a line, `audio/<speaker>/<book>/<id>.flac`."""
    with open_text(transcripts) as stream:
        for number, line in enumerate(stream, 1):
            name, _, text = line.rstrip("\r\n").partition("\t")
            speaker, _, book = name.rpartition("_")[0].partition("_")
            folder = transcripts.absolute().parent / "audio" / speaker / book
            found = (folder / f"{name}{suffix}" for suffix in (".flac", ".opus", ".wav", ".mp3"))
            path = next((each for each in found if each.exists()), folder / f"{name}.flac")
            where = f"{transcripts}, line {number}"
            yield ManifestRow(where, str(path), text, speaker=speaker or None, chapter=book or None, id=name)


def read_stm(folder: Path) -> Iterator[ManifestRow]:
    """A split of TED-LIUM: `stm/<talk>.stm` beside `sph/<talk>.sph`, as in releases 1 to 3.

    Source: the STM format of SCTK: `<file> <channel> <speaker> <begin> <end> [<labels>] <text>`.
    """
    for path in sorted((folder / "stm").glob("*.stm")):
        with open_text(path) as stream:
            for number, line in enumerate(stream, 1):
                fields = line.split()
                if not fields or line.startswith(";;"):
                    continue
                yield _talk(folder, f"{path}, line {number}", fields)


def _talk(folder: Path, where: str, fields: list[str]) -> ManifestRow:
    try:
        name, _, speaker, start_s, end_s = *fields[:3], float(fields[3]), float(fields[4])
    except (IndexError, ValueError):
        return ManifestRow(where, None, None, problem=("with times that are no numbers", " ".join(fields[:6])))
    words = [word for word in fields[5:] if not (word == fields[5] and word.startswith("<"))]
    text = " ".join(words)
    suffixes = (".sph", ".wav", ".flac")
    found = (folder.absolute() / "sph" / f"{name}{suffix}" for suffix in suffixes)
    audio = next((each for each in found if each.exists()), folder.absolute() / "sph" / f"{name}.sph")
    is_text = text != "ignore_time_segment_in_scoring"
    return ManifestRow(
        where,
        str(audio),
        text if is_text else "",
        start_s,
        end_s - start_s,
        None,
        speaker,
        name,
        f"{name}-{round(start_s * 100):07d}",
    )
