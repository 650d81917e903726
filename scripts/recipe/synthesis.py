"""Synthetic speech: text into a Parquet split in the schema of LibriSpeech.

The voice, pace, vocal tract, room and noise of an utterance are drawn from the seed and its number alone. So any shard
can be made at any time, by any process.
"""

import hashlib
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import soundfile

from hf_bigru_asr.audio.loading import SAMPLING_RATE, to_mono_float32
from hf_bigru_asr.data.augmentation import DECAY_S, DIRECT_DB, add_random_noise, add_random_room
from hf_bigru_asr.data.parquet_rows import speech_row, write_rows
from hf_bigru_asr.data.shards import PendingSplit, read_record
from hf_bigru_asr.extras import needs_extra
from hf_bigru_asr.processes.worker_pool import WorkerPool
from hf_bigru_asr.storage.locks import folder_lock
from hf_bigru_asr.storage.writing import write_json
from hf_bigru_asr.text.normalization import normalize_transcript
from recipe.varied_voice import VariedHibariVoice

__all__ = [
    "SynthesisSettings",
    "Voice",
    "load_voice",
    "select_sentences",
    "synthesize_split",
    "synthesize_utterance",
]

Waveform = npt.NDArray[np.float32]

VOICE_HELP = (
    '"hibari:heart", "hibari-varied:heart", another speaker in every utterance (extra `synthesis`), '
    '"flite:slt" (or awb, rms, kal16; the program flite, Debian package flite)'
)
_FIRST_SPEAKER_ID = 1_000_000
"""LibriSpeech's own speakers have smaller numbers."""


class Voice(Protocol):
    """A text-to-speech voice; `sampling_rate` is in hertz."""

    sampling_rate: int

    def __call__(self, text: str, pace: float, seed: int) -> Waveform:
        """Synthesise `text`, in lower case, as `(samples,)` at `pace` times the voice's own rate of speech."""


class _HibariVoice:
    def __init__(self, name: str) -> None:
        try:
            from hibari import SAMPLE_RATE, Hibari
        except ImportError as error:
            raise ImportError(needs_extra("A hibari voice", "synthesis")) from error
        self._engine = Hibari(name)
        self.sampling_rate = int(SAMPLE_RATE)

    def __call__(self, text: str, pace: float, seed: int) -> Waveform:
        return np.asarray(self._engine(text, speed=pace, seed=seed), dtype=np.float32)


class _FliteVoice:
    def __init__(self, name: str) -> None:
        program = shutil.which("flite")
        if program is None:
            raise FileNotFoundError("A flite voice needs the program flite: apt-get install flite.")
        listed = subprocess.run([program, "-lv"], capture_output=True, text=True, check=True).stdout
        names = listed.partition(":")[2].split()
        if name not in names:
            raise ValueError(f"flite has no voice {name!r}; it has {', '.join(names)}.")
        self._program, self._name = program, name
        self.sampling_rate = 8_000 if name == "kal" else 16_000

    def __call__(self, text: str, pace: float, seed: int) -> Waveform:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "speech.wav"
            command = [self._program, "-voice", self._name, "--setf", f"duration_stretch={1.0 / pace:.4f}"]
            subprocess.run([*command, "-t", text, "-o", str(path)], capture_output=True, check=True)
            samples, rate = soundfile.read(path, dtype="float32")
        if rate != self.sampling_rate:
            raise ValueError(f"flite's voice {self._name} came at {rate} Hz and not at {self.sampling_rate} Hz.")
        return np.asarray(samples, dtype=np.float32)


_ENGINES: dict[str, Callable[[str], Voice]] = {
    "hibari": _HibariVoice,
    "hibari-varied": VariedHibariVoice,
    "flite": _FliteVoice,
}


def load_voice(name: str) -> Voice:
    """Load a voice.

    Args:
        name: `"<engine>:<voice>"`, such as `"hibari:heart"` or `"flite:slt"`.

    Raises:
        ValueError: If there is no such engine or voice.
        ImportError: If the engine's package is not installed.
        FileNotFoundError: If the engine's program is not installed.
    """
    engine, _, voice = name.partition(":")
    if engine not in _ENGINES or not voice:
        raise ValueError(f"There is no voice {name!r}; give one of {VOICE_HELP}.")
    return _ENGINES[engine](voice)


@dataclass(frozen=True)
class SynthesisSettings:
    """Distributions of the properties of an utterance; a value is drawn uniformly from the range of a pair.

    Args:
        voices: Names for [`load_voice`].
        voice_weights: Relative probability of each voice; equal if empty.
        pace: Range of the rate of speech relative to the voice's own, on a logarithmic scale.
        resonance: Range of the factor on formants and pitch, on a logarithmic scale; the rate of speech is kept.
        reverberation_prob: Probability that an utterance is reverberated.
        decay_s: Range of a room's decay times, on a logarithmic scale.
        direct_to_reverberant_db: Range of the direct-to-reverberant ratio.
        signal_to_noise_db: Range of the signal-to-noise ratio.
        margin_s: Range of the silence before the speech, and of that after it.
        seed: Seed of all draws, together with the number of the utterance.
    """

    voices: tuple[str, ...] = ("hibari:heart",)
    voice_weights: tuple[float, ...] = ()
    pace: tuple[float, float] = (0.75, 1.2)
    resonance: tuple[float, float] = (0.82, 1.12)
    reverberation_prob: float = 0.5
    decay_s: tuple[float, float] = DECAY_S
    direct_to_reverberant_db: tuple[float, float] = DIRECT_DB
    signal_to_noise_db: tuple[float, float] = (15.0, 45.0)
    margin_s: tuple[float, float] = (0.05, 0.6)
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the values."""
        if not self.voices:
            raise ValueError("voices is empty; name at least one voice.")
        if self.voice_weights and len(self.voice_weights) != len(self.voices):
            raise ValueError(f"There are {len(self.voices)} voices and {len(self.voice_weights)} voice_weights.")
        if self.voice_weights and (min(self.voice_weights) < 0 or sum(self.voice_weights) <= 0):
            raise ValueError(
                f"voice_weights are {self.voice_weights}; give weights of 0 and above, not all of them 0."
            )
        if not 0 <= self.reverberation_prob <= 1:
            raise ValueError(f"reverberation_prob is {self.reverberation_prob}; a share lies between 0 and 1.")
        for name in ("pace", "resonance", "decay_s", "margin_s"):
            bounds = getattr(self, name)
            if len(bounds) != 2 or not 0 < bounds[0] <= bounds[1]:
                raise ValueError(f"{name} is {bounds}; give two positive numbers, the lower one first.")
        for name in ("direct_to_reverberant_db", "signal_to_noise_db"):
            bounds = getattr(self, name)
            if len(bounds) != 2 or bounds[0] > bounds[1]:
                raise ValueError(f"{name} is {bounds}; give two numbers, the lower one first.")


def select_sentences(
    lines: Iterable[str],
    num_utterances: int,
    *,
    exclude: Iterable[str] = (),
    min_words: int = 3,
    max_words: int = 40,
    seed: int = 0,
) -> list[str]:
    """Draw sentences to synthesise.

    Args:
        lines: Text, one sentence a line. [`NormalizedLines`] skips lines that cannot be normalised.
        num_utterances: Number of sentences; all usable ones if there are fewer.
        exclude: Sentences to leave out, of a test split for example.
        min_words: Minimum number of words of a sentence.
        max_words: Maximum number of words of a sentence.
        seed: Seed of the order.

    Returns:
        Normalised transcripts without duplicates, in random order. With the same seed and lines, a smaller number
        gives the first ones of a larger number.

    Raises:
        ValueError: If a line has a character that no rule covers, or no sentence is left.
    """
    excluded = {normalize_transcript(sentence) for sentence in exclude}
    seen = dict.fromkeys(normalize_transcript(line.strip()) for line in lines)
    usable = [s for s in seen if s not in excluded and min_words <= len(s.split()) <= max_words]
    if not usable:
        raise ValueError(
            f"No sentence of {min_words} to {max_words} words is left of {len(seen)}; "
            "give other text or other numbers of words."
        )
    order = np.random.default_rng(seed).permutation(len(usable))
    return [usable[number] for number in order[:num_utterances]]


def synthesize_utterance(
    text: str, voices: Sequence[Voice], settings: SynthesisSettings, number: int
) -> tuple[Waveform, int]:
    """Synthesise one sentence.

    Args:
        text: A normalised transcript.
        voices: The loaded voices of `settings.voices`.
        settings: Distributions of voice, pace, room and noise.
        number: Number of the utterance.

    Returns:
        Mono samples `(samples,)` in [-1, 1] at 16 kHz, and the index of the voice.

    Raises:
        ValueError: If the voice gives silence.
    """
    rng = np.random.default_rng((settings.seed, number))
    weights = np.array(settings.voice_weights or [1.0] * len(voices))
    which = int(rng.choice(len(voices), p=weights / weights.sum()))
    pace, resonance = (float(np.exp(rng.uniform(*np.log(bounds)))) for bounds in (settings.pace, settings.resonance))
    voice = voices[which]
    # Playing at another rate changes formants and rate of speech alike; the voice's own pace compensates the latter.
    speech = voice(_pronounceable(text.lower()), pace / resonance, int(rng.integers(2**31)))
    # A multiple of 50 Hz keeps the resampling kernel small.
    played_hz = 50 * round(voice.sampling_rate * resonance / 50)
    peak = float(np.abs(speech).max(initial=0.0))
    if peak == 0.0:
        raise ValueError(f"The voice {settings.voices[which]} reads {text!r} as silence; leave the voice out.")
    speech = to_mono_float32(speech / peak, played_hz, SAMPLING_RATE)
    before, after = (round(float(rng.uniform(*settings.margin_s)) * SAMPLING_RATE) for _ in range(2))
    speech = np.pad(speech, (before, after))
    if rng.random() < settings.reverberation_prob:
        speech = add_random_room(speech, SAMPLING_RATE, rng, settings.decay_s, settings.direct_to_reverberant_db)
    speech = add_random_noise(speech, settings.signal_to_noise_db, rng)
    level = float(rng.uniform(0.3, 0.9)) / max(float(np.abs(speech).max()), 1e-9)
    return (speech * np.float32(level)).astype(np.float32), which


def _pronounceable(text: str) -> str:
    """Remove apostrophes at the ends of words, which are silent and which some engines read out.

    Letters that are spelled become capitals, or A is read as the article.
    """
    text = re.sub(r"(?<![a-z])'|'(?![a-z])", "", text)
    return re.sub(r"\b[a-z](?= [a-z]\b)|(?<=\b[a-z] )[a-z]\b", lambda match: match[0].upper(), text)


_worker: dict[str, Any] = {}


def _start_worker(settings: SynthesisSettings, sentences: Sequence[str], pending: PendingSplit) -> None:
    _worker.update(
        settings=settings,
        sentences=sentences,
        pending=pending,
        voices=[load_voice(name) for name in settings.voices],
    )


def _make_shard(shard: int, shard_size: int) -> int:
    """Write one shard, whole or not at all, and return its number."""
    settings: SynthesisSettings = _worker["settings"]
    sentences = _worker["sentences"]
    rows = []
    for number in range(shard * shard_size, min((shard + 1) * shard_size, len(sentences))):
        speech, which = synthesize_utterance(sentences[number], _worker["voices"], settings, number)
        name = f"{settings.voices[which].replace(':', '-').rpartition('/')[2]}-{number:07d}"
        speaker_id = _FIRST_SPEAKER_ID + which
        rows.append(
            speech_row(name, speech, SAMPLING_RATE, sentences[number], speaker_id=speaker_id, chapter_id=shard)
        )
    with _worker["pending"].write(shard) as path:
        write_rows(rows, path)
    return shard


def synthesize_split(
    sentences: Sequence[str],
    output_dir: str | Path,
    settings: SynthesisSettings,
    *,
    split: str = "train",
    shard_size: int = 200,
    num_workers: int = 1,
) -> Iterator[Path]:
    """Synthesise sentences into `<output_dir>/<split>-*.parquet`, which `load_dataset(output_dir)` reads.

    The shards get their places when all of them are there. Those of an interrupted call are kept, in a hidden folder:
    the same call goes on from there.

    Args:
        sentences: Normalised transcripts.
        output_dir: Folder of the data set.
        settings: Voices and distributions.
        split: Name of the split.
        shard_size: Utterances in one file.
        num_workers: Processes; a single one is this process.

    Yields:
        The path that each shard will have, as soon as it is complete.

    Raises:
        ValueError: If the folder has this split of other sentences or settings, or a number is not positive.
        FileExistsError: If the folder has files of this split that are not shards of this call.
        FolderInUseError: If another run writes to the folder.
        OSError: If the disk takes no more.
        ImportError: If the package of a voice is not installed.
        FileNotFoundError: If the program of a voice is not installed.
    """
    if min(shard_size, num_workers, len(sentences)) < 1:
        raise ValueError(
            f"shard_size is {shard_size}, num_workers {num_workers} and the number of sentences {len(sentences)}; "
            "each must be at least 1."
        )
    for name in settings.voices:
        load_voice(name)
    folder = Path(output_dir)
    pending = PendingSplit(folder, split, -(-len(sentences) // shard_size))
    with folder_lock(folder):
        _claim(pending, sentences, settings, shard_size)
        missing = []
        for shard, path in enumerate(pending.paths):
            if pending.finished(shard) is None:
                missing.append(shard)
            else:
                yield path
        for shard in _make_shards(missing, (settings, sentences, pending), shard_size, num_workers):
            yield pending.paths[shard]
        pending.publish()


def _make_shards(
    shards: Sequence[int],
    what: tuple[SynthesisSettings, Sequence[str], PendingSplit],
    shard_size: int,
    num_workers: int,
) -> Iterator[int]:
    """Make shards in this process or in others, and yield the number of each."""
    if num_workers == 1:
        if shards:
            _start_worker(*what)
        for shard in shards:
            yield _make_shard(shard, shard_size)
        return
    with WorkerPool(num_workers) as pool:
        pool.call_in_each(_start_worker, *what)
        for future in as_completed([pool.submit(_make_shard, shard, shard_size) for shard in shards]):
            yield future.result()


def _claim(pending: PendingSplit, sentences: Sequence[str], settings: SynthesisSettings, shard_size: int) -> None:
    """Write a record of what the split is made of, or check that it equals the record in the folder."""
    digest = hashlib.sha256("\n".join(sentences).encode()).hexdigest()
    record = {
        "settings": asdict(settings),
        "num_utterances": len(sentences),
        "sentences_sha256": digest,
        "shard_size": shard_size,
    }
    # As JSON gives it back: lists for tuples.
    record = json.loads(json.dumps(record))
    path = pending.folder / f"{pending.split}-synthesis.json"
    before = read_record(path)
    if before is None:
        _refuse_other_texts(pending, sentences, shard_size)
        write_json(path, record)
        return
    changed = [name for name in record if record[name] != before.get(name)]
    if changed:
        raise ValueError(
            f"{path} says that this split was begun with other {', '.join(changed)}; give the same again, another "
            "split or another folder."
        )
    pending.refuse_others()


def _refuse_other_texts(pending: PendingSplit, sentences: Sequence[str], shard_size: int) -> None:
    """Refuse shards without a record, unless they have the texts that they should have."""
    pending.refuse_others()
    for shard in range(len(pending.paths)):
        path = pending.finished(shard)
        expected = list(sentences[shard * shard_size : (shard + 1) * shard_size])
        if path is not None and pq.read_table(path, columns=["text"])["text"].to_pylist() != expected:
            raise FileExistsError(f"{path} has other sentences; give another folder or split, or remove it.")
