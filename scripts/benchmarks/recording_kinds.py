"""Recordings as people have them, made from clips of clean speech, and recordings without speech.

Everything random is drawn from a generator that the caller passes. Levels are root mean squares below full scale.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice

import numpy as np
import numpy.typing as npt

from hf_bigru_asr.data.augmentation import add_noise, add_random_room, coloured_noise
from hf_bigru_asr.runtime.resampling import resample

__all__ = ["Clip", "Fresh", "Make", "Recording", "recording_kinds", "sessions", "speechless_kinds"]

Waveform = npt.NDArray[np.float32]

PINK_DB = -3.0
"""Slope of the noise of a room per octave."""
SESSION_CLIPS = 10
PAUSE_S = (1.0, 60.0)
HOUR_S = 3600.0
TELEPHONE_HZ = (200.0, 300.0, 3400.0, 3900.0)
"""Where the band of a telephone begins, is whole, begins to fall and ends."""
TELEPHONE_RATE_HZ = 8000
MU = 255.0
CHORDS_HZ = ((220.0, 277.2, 329.6), (293.7, 370.0, 440.0), (329.6, 415.3, 493.9), (220.0, 261.6, 329.6))
"""A major, D major, E major, A minor."""


@dataclass(frozen=True)
class Clip:
    """One utterance.

    Args:
        waveform: `(samples,)` float32 in [-1, 1].
        text: Its transcript.
        speaker: Name or number of the speaker.
    """

    waveform: Waveform
    text: str
    speaker: object


@dataclass(frozen=True)
class Recording:
    """What is transcribed as a whole.

    Args:
        waveform: `(samples,)` float32 in [-1, 1], in steps of 16 bits.
        clips: Positions of the clips that it holds, in order.
    """

    waveform: Waveform
    clips: tuple[int, ...]


Make = Callable[[Sequence[Clip], int, np.random.Generator], Iterator[Recording]]
"""Makes recordings of clips, from their sampling rate in Hz and a source of randomness."""
Distort = Callable[[Waveform, int, np.random.Generator], Waveform]
Fill = Callable[[int, np.random.Generator], Waveform]
"""Makes so many samples of what stands around speech."""
Play = Callable[[int, int, np.random.Generator], Waveform]
"""Makes a second of music, from its number, the sampling rate in Hz and a source of randomness."""
Fresh = Callable[[float, int, np.random.Generator], Waveform]
"""Makes a recording from seconds, sampling rate in Hz and a source of randomness."""


def recording_kinds(*, with_hour: bool = False, num_sessions: int | None = None) -> dict[str, Make]:
    """Kinds of recordings by name; the letters are those of the benchmark's table.

    Args:
        with_hour: Whether to make an hour of speakers with pauses in one file, too.
        num_sessions: Recordings of ten speakers of each kind, see [`sessions`].
    """
    kinds: dict[str, Make] = {}
    for side_s in (4, 30):
        kinds[f"a: {side_s} s of zeros on both sides"] = partial(_each, partial(_surround, side_s, _zeros))
    for side_s in (4, 30):
        for level_db in (-60, -45):
            fill = partial(_room_noise, level_db)
            name = f"b: {side_s} s of noise at {level_db} dB on both sides"
            kinds[name] = partial(_each, partial(_surround, side_s, fill))
    talk = partial(_conversations, num_sessions)
    kinds["c: ten speakers, pauses of zeros"] = partial(talk, _zeros, 0.0)
    kinds["c: ten speakers, pauses of noise at -60 dB"] = partial(talk, partial(_room_noise, -60), 0.0)
    kinds["c: ten speakers at 0 to -20 dB, pauses of zeros"] = partial(talk, _zeros, -20.0)
    if with_hour:
        kinds["d: an hour of speakers, pauses of zeros"] = _hour
    kinds["e: telephone band"] = partial(_each, partial(_telephone, False))
    kinds["e: telephone band, mu-law"] = partial(_each, partial(_telephone, True))
    for ratio_db in (20, 10):
        kinds[f"f: noise at {ratio_db} dB"] = partial(_each, partial(_noisy, ratio_db))
    kinds["g: reverberation"] = partial(_each, _in_a_room)
    kinds["h: gain of -30 dB"] = partial(_each, partial(_louder, -30))
    kinds["h: clipped by 12 dB"] = partial(_each, partial(_louder, 12))
    return kinds


def speechless_kinds() -> dict[str, Fresh]:
    """Recordings without speech by name."""
    kinds: dict[str, Fresh] = {"i: zeros": partial(_filled, _zeros)}
    for level_db in (-60, -45, -30, -20):
        kinds[f"i: room noise at {level_db} dB"] = partial(_filled, partial(_room_noise, level_db))
        kinds[f"i: white noise at {level_db} dB"] = partial(_filled, partial(_white_noise, level_db))
    kinds["i: tones"] = partial(_bars, _tone)
    kinds["i: chords"] = partial(_bars, _chord)
    kinds["i: chords, melody and drums"] = partial(_bars, _band)
    return kinds


def sessions(
    clips: Sequence[Clip], rng: np.random.Generator, size: int = SESSION_CLIPS, num_sessions: int | None = None
) -> list[tuple[int, ...]]:
    """Positions of clips in groups of `size` different speakers, who are all taken equally far.

    Args:
        clips: The clips; groups are smaller if there are fewer speakers.
        rng: Source of randomness.
        size: Clips of a group.
        num_sessions: How many groups. When there are no more, all clips are drawn from again. If `None`, as many as
            there are when every clip is taken once at most; the last clips may remain.
    """
    if num_sessions is None:
        return _round(clips, rng, size)
    return list(islice(_rounds(clips, rng, size), num_sessions))


def _rounds(clips: Sequence[Clip], rng: np.random.Generator, size: int) -> Iterator[tuple[int, ...]]:
    """Groups without end, as long as there are clips."""
    while groups := _round(clips, rng, size):
        yield from groups


def _round(clips: Sequence[Clip], rng: np.random.Generator, size: int) -> list[tuple[int, ...]]:
    """Groups that take every clip once at most."""
    waiting: dict[object, list[int]] = {}
    for position in rng.permutation(len(clips)).tolist():
        waiting.setdefault(clips[position].speaker, []).append(position)
    size = min(size, len(waiting))
    groups = []
    while len(waiting) >= size > 0:
        speakers = sorted(waiting, key=lambda speaker: -len(waiting[speaker]))[:size]
        group = [waiting[speaker].pop() for speaker in speakers]
        groups.append(tuple(rng.permutation(group).tolist()))
        waiting = {speaker: positions for speaker, positions in waiting.items() if positions}
    return groups


def _stored(waveform: npt.NDArray[np.floating], clips: tuple[int, ...]) -> Recording:
    """The recording as 16 bits hold it."""
    steps = np.clip(np.round(np.asarray(waveform, dtype=np.float32) * 32768), -32768, 32767)
    return Recording((steps / np.float32(32768)).astype(np.float32), clips)


def _each(distort: Distort, clips: Sequence[Clip], rate_hz: int, rng: np.random.Generator) -> Iterator[Recording]:
    for position, clip in enumerate(clips):
        yield _stored(distort(clip.waveform, rate_hz, rng), (position,))


def _surround(side_s: float, fill: Fill, waveform: Waveform, rate_hz: int, rng: np.random.Generator) -> Waveform:
    num_samples = round(side_s * rate_hz)
    return np.concatenate([fill(num_samples, rng), waveform, fill(num_samples, rng)])


def _conversations(
    num_sessions: int | None,
    fill: Fill,
    lowest_db: float,
    clips: Sequence[Clip],
    rate_hz: int,
    rng: np.random.Generator,
) -> Iterator[Recording]:
    """One recording for every session, with a level from `lowest_db` to 0 dB for every speaker."""
    for group in sessions(clips, rng, num_sessions=num_sessions):
        parts: list[Waveform] = []
        for position in group:
            if parts:
                parts.append(fill(round(rng.uniform(*PAUSE_S) * rate_hz), rng))
            gain = 10 ** (rng.uniform(lowest_db, 0.0) / 20) if lowest_db else 1.0
            parts.append(np.float32(gain) * clips[position].waveform)
        yield _stored(np.concatenate(parts), group)


def _hour(clips: Sequence[Clip], rate_hz: int, rng: np.random.Generator) -> Iterator[Recording]:
    """Sessions one after another, up to an hour; clips are drawn again when there are no more."""
    parts: list[Waveform] = []
    taken: list[int] = []
    for position in chain.from_iterable(_rounds(clips, rng, SESSION_CLIPS)):
        pause = _zeros(round(rng.uniform(*PAUSE_S) * rate_hz), rng)
        parts += [clips[position].waveform, pause]
        taken.append(position)
        if sum(map(len, parts)) >= HOUR_S * rate_hz:
            break
    yield _stored(np.concatenate(parts), tuple(taken))


def _telephone(is_coded: bool, waveform: Waveform, rate_hz: int, rng: np.random.Generator) -> Waveform:
    """The band of a telephone at 8 kHz, in 8 bits of mu-law if `is_coded`. Source: ITU-T G.711, its continuous law."""
    spectrum = np.fft.rfft(waveform)
    gains = np.interp(np.fft.rfftfreq(len(waveform), 1 / rate_hz), TELEPHONE_HZ, (0.0, 1.0, 1.0, 0.0))
    narrow = np.fft.irfft(spectrum * gains, len(waveform)).astype(np.float32)
    samples = resample(narrow, rate_hz, TELEPHONE_RATE_HZ)
    if is_coded:
        coded = np.sign(samples) * np.log1p(MU * np.abs(samples).clip(max=1)) / np.log1p(MU)
        coded = np.round((coded + 1) * 127.5) / 127.5 - 1
        samples = (np.sign(coded) * np.expm1(np.abs(coded) * np.log1p(MU)) / MU).astype(np.float32)
    return resample(samples, TELEPHONE_RATE_HZ, rate_hz)[: len(waveform)]


def _noisy(ratio_db: float, waveform: Waveform, rate_hz: int, rng: np.random.Generator) -> Waveform:
    return add_noise(waveform, ratio_db, rng, PINK_DB)


def _in_a_room(waveform: Waveform, rate_hz: int, rng: np.random.Generator) -> Waveform:
    return add_random_room(waveform, rate_hz, rng)


def _louder(gain_db: float, waveform: Waveform, rate_hz: int, rng: np.random.Generator) -> Waveform:
    return np.float32(10 ** (gain_db / 20)) * waveform


def _zeros(num_samples: int, rng: np.random.Generator) -> Waveform:
    return np.zeros(num_samples, dtype=np.float32)


def _room_noise(level_db: float, num_samples: int, rng: np.random.Generator) -> Waveform:
    return np.float32(10 ** (level_db / 20)) * coloured_noise(num_samples, PINK_DB, rng)


def _white_noise(level_db: float, num_samples: int, rng: np.random.Generator) -> Waveform:
    return np.float32(10 ** (level_db / 20)) * rng.standard_normal(num_samples, dtype=np.float32)


def _filled(fill: Fill, duration_s: float, rate_hz: int, rng: np.random.Generator) -> Waveform:
    """Pieces of up to a minute, since the noise of an hour at once would take gigabytes."""
    num_samples, minute = round(duration_s * rate_hz), 60 * rate_hz
    pieces = [fill(min(minute, num_samples - start), rng) for start in range(0, num_samples, minute)]
    return _stored(np.concatenate(pieces), ()).waveform


def _bars(play: Play, duration_s: float, rate_hz: int, rng: np.random.Generator) -> Waveform:
    """Music: bars of a second each, at -20 dB."""
    bars = [play(number, rate_hz, rng) for number in range(max(1, round(duration_s)))]
    music = np.concatenate(bars)
    return _stored(0.1 * music / max(float(np.sqrt(np.mean(np.square(music)))), 1e-9), ()).waveform


def _tone(number: int, rate_hz: int, rng: np.random.Generator) -> Waveform:
    """A signal of a telephone in even bars, a note in odd ones; both have pauses."""
    time_s = np.arange(rate_hz) / rate_hz
    hertz = (350.0, 440.0) if number % 2 == 0 else (float(rng.uniform(100, 3000)),)
    tone = sum(np.sin(2 * np.pi * each * time_s) for each in hertz) * (time_s < rng.uniform(0.2, 1.0))
    return np.asarray(tone, dtype=np.float32)


def _note(hertz: float, num_samples: int, rate_hz: int, decay_s: float) -> npt.NDArray[np.float64]:
    """A plucked string: harmonics that fall by 6 dB per octave under an exponential."""
    time_s = np.arange(num_samples) / rate_hz
    harmonics = [np.sin(2 * np.pi * order * hertz * time_s) / order for order in range(1, 9)]
    envelope = np.exp(-time_s / decay_s) * np.minimum(1, time_s / 0.005)
    note: npt.NDArray[np.float64] = np.sum(harmonics, axis=0) * envelope
    return note


def _chord(number: int, rate_hz: int, rng: np.random.Generator) -> Waveform:
    notes = [_note(hertz, rate_hz, rate_hz, 0.6) for hertz in CHORDS_HZ[number // 2 % len(CHORDS_HZ)]]
    return np.sum(notes, axis=0).astype(np.float32)


def _band(number: int, rate_hz: int, rng: np.random.Generator) -> Waveform:
    """A chord, four notes of a melody from it, and a drum on every beat."""
    bar = _chord(number, rate_hz, rng).astype(np.float64)
    beat = rate_hz // 4
    for place in range(4):
        hertz = float(rng.choice(CHORDS_HZ[number // 2 % len(CHORDS_HZ)])) * 2
        drum = rng.standard_normal(beat) * np.exp(-np.arange(beat) / (0.03 * rate_hz))
        bar[place * beat : (place + 1) * beat] += 1.5 * _note(hertz, beat, rate_hz, 0.15) + drum
    return bar.astype(np.float32)
