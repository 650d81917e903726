"""All readers and writers by name. Importing this takes seconds; what runs after that is forked."""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from fault_readers import Reader, Tally, fuzz
from fault_readers_data import data_readers
from fault_readers_models import model_readers
from fault_readers_texts import text_readers
from fault_writer_cases import writers
from fault_writers import kill_everywhere
from sound_mutations import SOUND_FORMATS, run_sound_case, sound_file

OUTCOMES = (
    *("right", "named error"),
    *("other exception", "crash", "hang", "over memory", "silent nonsense", "broken reader"),
)
"""How a case can end; the first two are what is wanted."""


def all_readers() -> dict[str, list[Reader]]:
    """Readers by name; sound files are read in one way, whatever their format."""
    groups: dict[str, list[Reader]] = {}
    for name, reader in _sound_readers():
        groups.setdefault(name, []).append(reader)
    for readers in (model_readers, text_readers, data_readers):
        groups |= {each.name: [each] for each in readers()}
    return groups


def _sound_readers() -> Iterator[tuple[str, Reader]]:
    for name, form in SOUND_FORMATS.items():
        program = None if form.soundfile else "sox" if form.is_sox else "ffmpeg"
        if program is not None and shutil.which(program) is None:
            continue
        group = "sound files, libsndfile" if form.soundfile else "sound files, ffmpeg"
        make = partial(_make_sound, name=name)
        yield group, Reader(f"sound {name}", make, make, run=partial(run_sound_case, name))


def _make_sound(folder: Path, name: str) -> None:
    """Once, before the forks: the file is kept in memory."""
    sound_file(name)


def weight_of(name: str, readers: list[Reader]) -> int:
    """Shares of the cases that the readers of one name get; those that start programs in every case get fewer."""
    return -(-len(readers) // (3 if name.endswith("ffmpeg") else 2))


def fuzz_group(readers: list[Reader], numbers: range, folder: Path) -> Tally:
    """Share cases among readers."""
    tally = Tally()
    for place, reader in enumerate(readers):
        found = fuzz(reader, numbers[place :: len(readers)], folder / f"{place}")
        for kind, count in found.counts.items():
            tally.counts[kind] = tally.counts.get(kind, 0) + count
        tally.failures += found.failures
    return tally


__all__ = ["OUTCOMES", "all_readers", "fuzz_group", "kill_everywhere", "weight_of", "writers"]
