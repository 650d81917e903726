"""Broken sound files: what a disk, a copy or a program leaves of a small file of each format, by a seed.

`change_sound_format` goes with `fault_readers.Reader`; `run_sound_case` runs one case of one format.
"""

import random
import struct
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from encoded_sound import encode
from fault_child import Outcome
from fault_mutations import CUT, MISSING, OTHER, Change, change_file
from media import run_ffmpeg, run_sox

from hf_bigru_asr.audio.loading import audio_duration_s, load_audio

RATE_HZ = 16_000
SECONDS = 0.25

NUMBERS = (0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF, 0x100, 0xFFF, 0x7FFF, 0x8000, 0xFFFF, 0xFF_FFFF, 0x7FFF_FFFF, 0xFFFF_FFFF)
"""For fields of headers: rates, channels, sizes, counts."""

MARKS = (
    *(
        b"fmt ",
        b"data",
        b"LIST",
        b"fact",
        b"ds64",
        b"COMM",
        b"SSND",
        b"desc",
        b"OggS",
        b"fLaC",
        b"Xing",
        b"LAME",
        b"ID3",
    ),
    *(b"moov", b"trak", b"mdhd", b"stsd", b"stts", b"stsz", b"stsc", b"stco", b"mdat", b"esds", b"elst", b"dref"),
    *(
        b"sample_rate",
        b"channel_count",
        b"sample_count",
        b"RIFF",
        b"avih",
        b"strh",
        b"strf",
        b"idx1",
        b"\x1aE\xdf\xa3",
    ),
)
"""Where fields of headers stand."""


@dataclass(frozen=True)
class SoundFormat:
    """A kind of file, and how one is made.

    Args:
        name: Ending of the file.
        soundfile: Format and subtype for libsndfile; none for another program.
        options: Arguments of ffmpeg.
        is_sox: Whether SoX makes it.
        has_length: Whether a cut is always to be found.
    """

    name: str
    soundfile: tuple[str, str] | None = None
    options: tuple[str, ...] = ()
    is_sox: bool = False
    has_length: bool = False


SOUND_FORMATS = {
    form.name: form
    for form in (
        SoundFormat("wav", ("WAV", "PCM_16"), has_length=True),
        SoundFormat("24.wav", ("WAVEX", "PCM_24"), has_length=True),
        SoundFormat("float.wav", ("WAV", "FLOAT"), has_length=True),
        SoundFormat("ulaw.wav", ("WAV", "ULAW"), has_length=True),
        SoundFormat("ms.wav", ("WAV", "MS_ADPCM"), has_length=True),
        SoundFormat("ima.wav", ("WAV", "IMA_ADPCM"), has_length=True),
        SoundFormat("gsm.wav", ("WAV", "GSM610"), has_length=True),
        SoundFormat("rf64", ("RF64", "PCM_16"), has_length=True),
        SoundFormat("w64", ("W64", "PCM_16"), has_length=True),
        SoundFormat("aiff", ("AIFF", "PCM_16"), has_length=True),
        SoundFormat("au", ("AU", "PCM_16"), has_length=True),
        SoundFormat("caf", ("CAF", "PCM_16"), has_length=True),
        SoundFormat("sph", ("NIST", "PCM_16"), has_length=True),
        SoundFormat("flac", ("FLAC", "PCM_16"), has_length=True),
        SoundFormat("ogg", ("OGG", "VORBIS"), has_length=True),
        SoundFormat("opus", ("OGG", "OPUS"), has_length=True),
        SoundFormat("mp3", ("MP3", "MPEG_LAYER_III"), has_length=True),
        SoundFormat("m4a", options=("-c:a", "aac")),
        SoundFormat("alac.m4a", options=("-c:a", "alac")),
        SoundFormat("mov", options=("-c:a", "pcm_s16le")),
        SoundFormat("webm", options=("-c:a", "libopus")),
        SoundFormat("mkv", options=("-c:a", "libvorbis")),
        SoundFormat("ts", options=("-c:a", "aac")),
        SoundFormat("mpg", options=("-c:a", "mp2")),
        SoundFormat("aac", options=("-c:a", "aac")),
        SoundFormat("mp2", options=("-c:a", "mp2")),
        SoundFormat("avi", options=("-c:a", "libmp3lame")),
        SoundFormat("wma", options=("-c:a", "wmav2"), has_length=True),
        SoundFormat("flv", options=("-c:a", "libmp3lame", "-ar", "22050")),
        SoundFormat("ac3", options=("-c:a", "ac3", "-ar", "48000")),
        SoundFormat("tta", options=()),
        SoundFormat("wv", options=()),
        SoundFormat("voc", options=()),
        SoundFormat("spx.ogg", options=("-c:a", "libspeex"), has_length=True),
        SoundFormat("mp3.wav", options=("-c:a", "libmp3lame"), has_length=True),
        SoundFormat("amr-nb", is_sox=True),
    )
}


def sound_of_a_file() -> np.ndarray:
    """A quarter of a second of a tone in noise; no stretch of its samples is all zero."""
    rng = np.random.default_rng(0)
    time = np.arange(round(SECONDS * RATE_HZ)) / RATE_HZ
    return (0.4 * np.sin(2 * np.pi * 300 * time) + 0.05 * rng.standard_normal(len(time))).astype(np.float32)


@cache
def sound_file(name: str) -> bytes:
    """A small file of a format of `SOUND_FORMATS`, always the same."""
    form = SOUND_FORMATS[name]
    if form.soundfile is not None:
        return encode(sound_of_a_file(), RATE_HZ, *form.soundfile)
    with TemporaryDirectory() as folder:
        source, target = Path(folder, "in.wav"), Path(folder, f"out.{form.name}")
        source.write_bytes(encode(sound_of_a_file(), RATE_HZ))
        if form.is_sox:
            run_sox(source, "-r", "8000", target)
        else:
            run_ffmpeg("-i", source, *form.options, "-bitexact", target)
        return target.read_bytes()


def change_sound_format(name: str, content: bytes, rng: random.Random) -> Change:
    """Change a sound file in one way: bytes, cuts, zeros, fields of its header, or parts of itself and of others.

    Args:
        name: Its name.
        content: What is in it.
        rng: Where the change comes from.
    """
    ways: list[Callable[[bytes, random.Random], Change]] = [_field, _text_number, _spliced, _moved, _several]
    if rng.random() < 0.4:
        change = change_file(name, content, rng)
        # A byte of padding, or a part of one sample, is no loss.
        is_whole = change.kind == CUT and change.content is not None and len(content) - len(change.content) <= 1
        return Change(change.content, OTHER, change.what) if is_whole else change
    return rng.choice(ways)(content, rng)


def _places(content: bytes) -> Iterator[int]:
    for mark in MARKS:
        place = content.find(mark)
        while place >= 0:
            yield place
            place = content.find(mark, place + 1)


def _field(content: bytes, rng: random.Random) -> Change:
    """Another number behind a mark, or in the first bytes."""
    places = list(_places(content))
    start = rng.choice(places) if places and rng.random() < 0.7 else 0
    place = min(start + rng.randrange(2, 48), len(content) - 1)
    size = rng.choice([1, 2, 4, 8])
    number = rng.choice([*NUMBERS, rng.randrange(1 << 16), rng.randrange(1 << 32)])
    new = struct.pack(rng.choice("<>") + "Q", number)
    new = new[:size] if new[0] else new[-size:]
    return Change(content[:place] + new + content[place + size :], OTHER, f"{number} in {size} bytes at {place}")


def _text_number(content: bytes, rng: random.Random) -> Change:
    """Another number in a header that is text; a byte of any other."""
    digits = [place for place in range(min(len(content), 1024)) if content[place : place + 1].isdigit()]
    if not digits:
        return _field(content, rng)
    place = rng.choice(digits)
    new = rng.choice([b"", b"0", b"9", b"-", b"99999999999", b"1e9", b" "])
    return Change(content[:place] + new + content[place + 1 :], OTHER, f"{new!r} at {place}")


def _spliced(content: bytes, rng: random.Random) -> Change:
    """The beginning of this file, and the end of one of another format."""
    other = rng.choice([name for name, form in SOUND_FORMATS.items() if form.soundfile is not None])
    end = sound_file(other)
    first, second = rng.randrange(len(content)), rng.randrange(len(end))
    return Change(content[:first] + end[second:], OTHER, f"{first} bytes, and {other} from {second}")


def _moved(content: bytes, rng: random.Random) -> Change:
    """A part of it stands somewhere else, once more, or instead of another."""
    first = rng.randrange(len(content))
    part = content[first : first + rng.choice([4, 32, 188, 500])]
    place = rng.randrange(len(content))
    end = place + rng.choice([0, len(part)])
    return Change(content[:place] + part + content[end:], OTHER, f"{len(part)} bytes of {first} at {place}")


def _several(content: bytes, rng: random.Random) -> Change:
    """Many bits, as from a bad memory card."""
    data = bytearray(content)
    number = rng.choice([3, 10, 50])
    for _ in range(number):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return Change(bytes(data), OTHER, f"{number} bits")


def run_sound_case(name: str, number: int, *, on_damage: str = "error") -> Outcome:
    """Change a file of a format, read it, and say how that ended.

    Right is a result with the samples of the whole file, or one that the changed file may well have. An error is
    named if it is a `ValueError` that begins with the name of the file.

    Args:
        name: Of `SOUND_FORMATS`.
        number: Seed of the change.
        on_damage: As in `load_audio`.
    """
    rng = random.Random(f"{name} {number}")
    change = change_sound_format(name, sound_file(name), rng)
    if change.content is None:
        change = Change(b"", MISSING, "empty")
    with TemporaryDirectory() as folder:
        path = Path(folder, f"sound.{name}")
        path.write_bytes(change.content or b"")
        outcome = _read(path, SOUND_FORMATS[name], change, on_damage)
    return Outcome(outcome.kind, f"{name} {number}, {change.what}: {outcome.detail}")


def _read(path: Path, form: SoundFormat, change: Change, on_damage: str) -> Outcome:
    warned: list[str] = []
    kinds = []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *_, **__: warned.append(str(message))
        for read in (audio_duration_s, load_audio):
            try:
                result = read(path) if read is audio_duration_s else load_audio(path, on_damage=on_damage)  # type: ignore[arg-type] # a word
            except MemoryError:
                raise
            except ValueError as error:
                is_named = str(path) in str(error)
                kinds.append(Outcome("named error" if is_named else "other exception", repr(error)))
                continue
            except Exception as error:
                kinds.append(Outcome("other exception", repr(error)))
                continue
            kinds.append(_judged(result, form, change, is_warned=bool(warned)))
    wrong = [outcome for outcome in kinds if outcome.kind not in ("right", "named error")]
    return wrong[0] if wrong else kinds[-1]


def _judged(result: float | np.ndarray, form: SoundFormat, change: Change, *, is_warned: bool) -> Outcome:
    if isinstance(result, float | int):
        is_length = 0 <= result < 1e6
        return Outcome("right" if is_length else "silent nonsense", f"{result} s")
    if result.ndim != 1 or result.dtype != np.float32 or not len(result):
        return Outcome("silent nonsense", f"shape {result.shape} of {result.dtype}")
    if not np.isfinite(result).all() or float(np.abs(result).max()) > 1:
        return Outcome("silent nonsense", "samples outside of -1 to 1")
    is_cut = change.kind == MISSING or (change.kind == CUT and form.has_length)
    if is_cut and not is_warned and len(result) < 0.95 * SECONDS * RATE_HZ:
        return Outcome("silent nonsense", f"{change.kind}, and {len(result)} samples without a word")
    return Outcome("right", f"{len(result)} samples")
