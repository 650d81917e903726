"""Speech data sets: one loader for every source, the filter for training, and the collator."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from datasets import Audio, Dataset, Features, IterableDataset, Value, concatenate_datasets, load_dataset
from torch.utils.data import DataLoader
from torchaudio.functional import speed
from tqdm.auto import tqdm
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_pt_utils import LengthGroupedSampler
from transformers.utils import logging

from .audio import audio_duration_s, load_audio, to_int16, to_mono_float32
from .augmentation import add_random_noise, add_random_room, mel_warp_matrix
from .batching import DurationBatchSampler, find_sampler
from .distillation import teacher_targets
from .librispeech import iterate_openslr
from .losses_bigru_ctc import num_frames_needed
from .processing_bigru_ctc import BiGRUCTCProcessor
from .teacher_features import TEACHER_COLUMN
from .text import normalize_transcript

logger = logging.get_logger(__name__)

__all__ = [
    "DataCollatorForCTC",
    "EpochCallback",
    "FilterReport",
    "filter_utterances",
    "join_training_sets",
    "load_speech_dataset",
    "load_utterance",
]

OPENSLR_FEATURES = Features(
    {
        "file": Value("string"),
        "audio": {"bytes": Value("binary"), "path": Value("string")},
        "text": Value("string"),
        "speaker_id": Value("int64"),
        "chapter_id": Value("int64"),
        "id": Value("string"),
    }
)


def load_speech_dataset(
    name: str | Path,
    config: str | None = None,
    split: str | None = None,
    *,
    streaming: bool = False,
    audio_column: str = "audio",
    revision: str | None = None,
) -> Dataset | IterableDataset:
    """Load speech with its transcripts; the audio stays encoded until it is needed.

    Args:
        name: A data set on the Hub (`"openslr/librispeech_asr"`), a local folder in the same Parquet schema, or a
            LibriSpeech archive or extracted tree as OpenSLR distributes them.
        config: Configuration of the data set, `"clean"` for example; an archive or tree has none.
        split: Split of the data set, `"train.100"` for example; of a tree the subset, `"train-clean-100"` for example.
        streaming: Whether to read the data as it is used, without a local copy.
        audio_column: Column with the audio.
        revision: Git revision of a data set on the Hub.

    Returns:
        A data set whose audio column holds `{"bytes", "path"}`.

    Raises:
        FileNotFoundError: If a local path does not exist.
        ValueError: If the column is missing, or an archive or tree holds no usable utterance.
    """
    path = Path(name).expanduser()
    if _is_openslr(path):
        make = IterableDataset.from_generator if streaming else Dataset.from_generator
        return make(_openslr_rows, gen_kwargs={"source": str(path), "subset": split}, features=OPENSLR_FEATURES)
    if not path.exists() and (path.is_absolute() or str(name).startswith((".", "~"))):
        raise FileNotFoundError(f"{name} does not exist; give a local folder or archive, or a data set on the Hub.")
    source = str(path if path.exists() else name)
    dataset = load_dataset(source, config, split=split, streaming=streaming, revision=revision)
    columns = dataset.column_names or []
    if columns and audio_column not in columns:
        raise ValueError(f"The data set {name} has no column {audio_column!r}; it has {', '.join(columns)}.")
    return dataset.cast_column(audio_column, Audio(decode=False))


def _is_openslr(path: Path) -> bool:
    if path.is_file():
        return path.name.endswith((".tar.gz", ".tgz", ".tar"))
    return path.is_dir() and next(path.rglob("*.trans.txt"), None) is not None


def _openslr_rows(source: str, subset: str | None) -> Iterable[dict[str, Any]]:
    for utterance in iterate_openslr(source, subset):
        yield utterance.as_row()


def load_utterance(audio: object, sampling_rate: int) -> np.ndarray:
    """Waveform of one entry of an audio column.

    Args:
        audio: `{"bytes", "path"}` or `{"array", "sampling_rate"}` as `datasets` gives them, a path, or bytes.
        sampling_rate: Sampling rate of the result in Hz.

    Returns:
        `(samples,)` float32.

    Raises:
        ValueError: If the audio is broken, empty or in none of these forms.
    """
    if isinstance(audio, dict) and audio.get("array") is not None:
        return to_mono_float32(audio["array"], audio["sampling_rate"], sampling_rate)
    if isinstance(audio, dict):
        audio = audio["bytes"] if audio.get("bytes") is not None else audio.get("path")
    if not isinstance(audio, str | Path | bytes):
        raise ValueError(
            f"The audio column holds a {type(audio).__name__}; cast it with cast_column(name, Audio(decode=False)), "
            "or give a path, bytes, or a dictionary with array and sampling_rate."
        )
    return load_audio(audio, sampling_rate=sampling_rate)


@dataclass(frozen=True)
class FilterReport:
    """What [`filter_utterances`] kept and left out.

    Args:
        num_utterances: Utterances kept.
        hours: Hours of audio kept.
        num_rejected: Utterances left out, by reason.
    """

    num_utterances: int
    hours: float
    num_rejected: dict[str, int]

    def __str__(self) -> str:
        rejected = ", ".join(f"{count} {reason}" for reason, count in self.num_rejected.items()) or "none"
        return f"{self.num_utterances} utterances, {self.hours:.2f} hours; left out: {rejected}"


def filter_utterances(
    dataset: Dataset,
    processor: BiGRUCTCProcessor,
    *,
    min_duration_s: float = 0.0,
    max_duration_s: float = float("inf"),
    max_speed: float = 1.0,
    with_index: bool = False,
    audio_column: str = "audio",
    text_column: str = "text",
) -> tuple[Dataset, FilterReport]:
    """Leave out what cannot be trained on, and count it.

    Only the headers of the audio are read.

    Args:
        dataset: Utterances with encoded audio.
        processor: Gives the frames of the audio and the ids of the text.
        min_duration_s: Shortest utterance kept.
        max_duration_s: Longest utterance kept.
        max_speed: Fastest of the collator's speed factors; the text has to fit into the frames at this speed too.
        with_index: Whether to add the column `index`, by which the collator augments (and caches) training data.
        audio_column: Column with the audio.
        text_column: Column with the transcript.

    Returns:
        The utterances kept, with the column `length` (frames, for batches of like length), and the counts.
    """
    extractor = processor.feature_extractor
    kept: list[int] = []
    lengths: list[int] = []
    seconds = 0.0
    rejected: Counter[str] = Counter()
    for row, example in enumerate(tqdm(dataset, desc="Checking utterances", unit="utt", mininterval=2)):
        problem = "with unusable audio"
        try:
            duration_s = _duration_s(example[audio_column])
            problem = "with unusable text"
            ids = processor.tokenizer(normalize_transcript(example[text_column])).input_ids
        except (ValueError, OSError) as error:
            logger.warning(f"Utterance {example.get('id', row)!r} is left out: {error}")
            rejected[problem] += 1
            continue
        num_frames = extractor.num_frames(round(duration_s * extractor.sampling_rate))
        if duration_s < min_duration_s:
            rejected[f"shorter than {min_duration_s:g} s"] += 1
        elif duration_s > max_duration_s:
            rejected[f"longer than {max_duration_s:g} s"] += 1
        elif not ids:
            rejected["without text"] += 1
        elif int(num_frames_needed(torch.tensor([ids]))) > int(num_frames / max(max_speed, 1.0)):
            rejected["with more text than frames"] += 1
        else:
            kept.append(row)
            lengths.append(num_frames)
            seconds += duration_s
    selected = dataset.select(kept).add_column("length", lengths)
    if with_index:
        selected = selected.add_column("index", kept)
    return selected, FilterReport(len(kept), seconds / 3600, dict(rejected))


def join_training_sets(dataset: Dataset, extras: Sequence[Dataset] = (), repeats: int = 1) -> Dataset:
    """One data set for an epoch of training on several.

    Args:
        dataset: Utterances from [`filter_utterances`] with `with_index=True`.
        extras: More data sets of the same kind, of synthetic speech for example.
        repeats: How often an epoch has each utterance of `dataset`, every time with other augmentation.

    Returns:
        The utterances with `index` numbered anew, and `audio_index`, which repetitions of one utterance share. Of the
        columns, those of `dataset`, and `teacher_features` if any of them has it.

    Raises:
        ValueError: If `repeats` is not positive.
    """
    if repeats < 1:
        raise ValueError(f"repeats is {repeats}; every utterance must come at least once.")
    # Any of them can be without the features of a teacher.
    wanted = {*dataset.column_names, TEACHER_COLUMN}
    parts = [dataset] * repeats
    audio_index = list(dataset["index"]) * repeats
    first = max(audio_index, default=-1) + 1
    for extra in extras:
        parts.append(extra.select_columns([name for name in extra.column_names if name in wanted]))
        audio_index += [first + row for row in extra["index"]]
        first = max(audio_index, default=-1) + 1
    joined = concatenate_datasets([part.remove_columns("index") for part in parts])
    return joined.add_column("index", list(range(len(joined)))).add_column("audio_index", audio_index)


def _duration_s(audio: dict[str, Any]) -> float:
    if audio.get("array") is not None:
        return len(audio["array"]) / float(audio["sampling_rate"])
    return audio_duration_s(audio["bytes"] if audio.get("bytes") is not None else audio["path"])


class _Change(NamedTuple):
    """What augmentation made of an utterance."""

    speed_factor: float = 1.0
    warp_factor: float = 1.0
    offset: int = 0
    """Samples left out at its beginning."""


class DataCollatorForCTC:
    """Makes a training batch of utterances: decodes, augments, extracts features, tokenizes and pads.

    Args:
        processor: Computes features and labels.
        speed_factors: Speeds of which one is drawn for every utterance that has an `index`, `(0.9, 1.0, 1.1)` for
            example. Utterances without that column, as in evaluation, are not augmented at all.
        warp_range: Range of the factor by which all resonances of an utterance are moved, in its log-mel features;
            `(0.9, 1.1)` for example, drawn uniformly on a logarithmic scale.
        random_offset: Whether the frames of an utterance begin anywhere within a hop, and not with its first sample.
        noise_prob: Share of the utterances that get stationary noise.
        signal_to_noise_db: Range of its distance to the speech.
        reverberation_prob: Share of the utterances that are put into a room.
        seed: What is drawn depends on this, the epoch and the utterance's `index` alone, so that a resumed run and
            every process of a distributed run see the data of an uninterrupted one.
        audio_column: Column with the audio.
        text_column: Column with the transcript; a batch has labels if its examples have it.
        cache_audio: Whether to keep the decoded audio of utterances with an `index` in memory, as 16-bit integers
            (115 MB per hour and process). Utterances of one `audio_index`, if they have that column too, share it.
        teacher_size: Size of the features in the column `teacher_features`; training batches then have them.

    Raises:
        ValueError: On a speed or warp factor that is not positive, a share outside 0 to 1, or several grids of frames.
    """

    def __init__(
        self,
        processor: BiGRUCTCProcessor,
        *,
        speed_factors: Sequence[float] = (),
        warp_range: tuple[float, float] = (1.0, 1.0),
        random_offset: bool = False,
        noise_prob: float = 0.0,
        signal_to_noise_db: tuple[float, float] = (10.0, 40.0),
        reverberation_prob: float = 0.0,
        seed: int = 0,
        audio_column: str = "audio",
        text_column: str = "text",
        cache_audio: bool = False,
        teacher_size: int | None = None,
    ) -> None:
        if any(factor <= 0 for factor in speed_factors):
            raise ValueError(
                f"speed_factors are {list(speed_factors)}; a speed must be positive, 1.0 is the original."
            )
        if len(warp_range) != 2 or not 0 < warp_range[0] <= warp_range[1]:
            raise ValueError(f"warp_range is {warp_range}; give two positive factors, the lower one first.")
        for name, share in (("noise_prob", noise_prob), ("reverberation_prob", reverberation_prob)):
            if not 0 <= share <= 1:
                raise ValueError(f"{name} is {share}; a share lies between 0 and 1.")
        if processor.feature_extractor.num_offsets != 1:
            raise ValueError(
                f"num_offsets of the feature extractor is {processor.feature_extractor.num_offsets}; several grids of "
                "frames are for recognition. Train with processor.feature_extractor.set_num_offsets(1)."
            )
        self.processor = processor
        self.speed_factors = tuple(speed_factors)
        self.warp_range = warp_range
        self.random_offset = random_offset
        self.noise_prob = noise_prob
        self.signal_to_noise_db = signal_to_noise_db
        self.reverberation_prob = reverberation_prob
        self.seed = seed
        self.audio_column = audio_column
        self.text_column = text_column
        self.epoch = 0
        self.teacher_size = teacher_size
        self._cache: dict[int, np.ndarray] | None = {} if cache_audio else None

    def __call__(self, examples: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Batch of `input_features` `(batch, frames, mels)`, `attention_mask` and `labels` padded with -100.

        With a `teacher_size`, training batches have `teacher_features` `(batch, frames, teacher_size)` too, and
        `teacher_mask` `(batch, frames)`, which is 1 where there are some.

        Args:
            examples: Rows of a data set.

        Raises:
            ValueError: If audio, text or the teacher's features of an example cannot be used; the message names the
                example.
        """
        waveforms, texts, changes = [], [], []
        for position, example in enumerate(examples):
            try:
                waveform, change = self._augment(self._waveform(example), example)
                waveforms.append(waveform)
                changes.append(change)
                if self.text_column in example:
                    texts.append(normalize_transcript(example[self.text_column]))
            except (ValueError, OSError) as error:
                raise ValueError(f"Utterance {example.get('id', position)!r} cannot be used: {error}") from error
        extractor = self.processor.feature_extractor
        batch = dict(self.processor(audio=waveforms, text=texts or None, sampling_rate=extractor.sampling_rate))
        for row, change in enumerate(changes):
            if change.warp_factor != 1.0:
                matrix = mel_warp_matrix(extractor.feature_size, change.warp_factor, extractor.fmin, extractor.fmax)
                batch["input_features"][row] = batch["input_features"][row] @ torch.from_numpy(matrix)
        if self.teacher_size is not None and all("index" in example for example in examples):
            frame_s = extractor.hop_length / extractor.sampling_rate
            speeds = [change.speed_factor for change in changes]
            starts_s = [change.offset / extractor.sampling_rate for change in changes]
            mask = batch["attention_mask"]
            batch |= teacher_targets(examples, speeds, starts_s, mask, frame_s, self.teacher_size)
        return batch

    def _waveform(self, example: dict[str, Any]) -> np.ndarray:
        sampling_rate = self.processor.feature_extractor.sampling_rate
        if self._cache is None or "index" not in example:
            return load_utterance(example[self.audio_column], sampling_rate)
        key = example.get("audio_index", example["index"])
        if key not in self._cache:
            waveform = load_utterance(example[self.audio_column], sampling_rate)
            self._cache[key] = to_int16(waveform)
        return self._cache[key].astype(np.float32) / 32768

    def _augment(self, waveform: np.ndarray, example: dict[str, Any]) -> tuple[np.ndarray, _Change]:
        """The waveform to use, and how it was changed and its features are to be."""
        if "index" not in example:
            return waveform, _Change()
        extractor = self.processor.feature_extractor
        sampling_rate = extractor.sampling_rate
        rng = np.random.default_rng((self.seed, self.epoch, example["index"]))
        # The order of the draws is part of what a seed means.
        speed_factor = float(rng.choice(self.speed_factors)) if self.speed_factors else 1.0
        warp_factor = float(np.exp(rng.uniform(*np.log(self.warp_range))))
        if speed_factor != 1.0:
            waveform = speed(torch.from_numpy(waveform), sampling_rate, speed_factor)[0].numpy()
        if rng.random() < self.reverberation_prob:
            waveform = add_random_room(waveform, sampling_rate, rng)
        if rng.random() < self.noise_prob:
            waveform = add_random_noise(waveform, self.signal_to_noise_db, rng)
        offset = int(rng.integers(extractor.hop_length)) if self.random_offset else 0
        if offset:
            # As long as it was, so that its text still fits.
            waveform = np.pad(waveform[offset:], (0, min(offset, len(waveform))))
        return waveform, _Change(speed_factor, warp_factor, offset)


class EpochCallback(TrainerCallback):
    """Tells the collator the epoch before its data are loaded, and fixes the order of batches of like length.

    Without a generator of its own the library's `LengthGroupedSampler` draws from the global one, whose state is
    another after a resume inside an epoch, and another in every process: the shares of the data would overlap.

    Args:
        collator: Gets the epoch; its seed and the epoch give the order.
    """

    def __init__(self, collator: DataCollatorForCTC) -> None:
        self.collator = collator

    def on_epoch_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        train_dataloader: DataLoader[Any] | None = None,
        **kwargs: object,
    ) -> None:
        """Set the epoch that begins, or, after a resume, goes on."""
        epoch = self.collator.epoch = int(state.epoch or 0)
        sampler = find_sampler(train_dataloader)
        if isinstance(sampler, DurationBatchSampler):
            sampler.set_epoch(epoch)
        elif isinstance(sampler, LengthGroupedSampler):
            seed = int(np.random.default_rng((self.collator.seed, epoch)).integers(2**63))
            sampler.generator = torch.Generator().manual_seed(seed)
