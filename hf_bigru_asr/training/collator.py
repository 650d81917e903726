"""Makes batches of utterances, with augmentation that depends on the seed, the epoch and the utterance alone."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils.data import DataLoader, get_worker_info
from torchaudio.functional import speed
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_pt_utils import LengthGroupedSampler

from ..audio.loading import to_int16
from ..data.augmentation import add_random_noise, add_random_room, mel_warp_matrix
from ..data.recording_conditions import (
    SPEECHLESS_S,
    add_random_silence,
    change_random_level,
    speechless_sound,
    through_random_telephone,
)
from ..data.teacher_features import TEACHER_COLUMN
from ..data.utterances import load_utterance, utterance_text
from ..model.processing_bigru_ctc import BiGRUCTCProcessor
from ..processes.parent import end_with_parent
from ..text.languages import Normalizer
from .batching import DurationBatchSampler, find_sampler
from .distillation import teacher_targets
from .stream_loader import StreamLoader

__all__ = ["DataCollatorForCTC", "EpochCallback"]


class _Change(NamedTuple):
    """How an utterance was augmented."""

    speed_factor: float = 1.0
    warp_factor: float = 1.0
    offset: int = 0
    """Samples cut off at its beginning, negative where there is silence before it."""
    is_speech: bool = True


class DataCollatorForCTC:
    """Makes a training batch of utterances: decodes, augments, extracts features, tokenizes and pads.

    Args:
        processor: Computes features and labels.
        speed_factors: Speeds, `(0.9, 1.0, 1.1)` for example, of which one is drawn for every utterance with an
            `index`. Utterances without that column, as in evaluation, are not augmented at all.
        warp_range: Range of the vocal tract length perturbation factor, applied to the log-mel features;
            `(0.9, 1.1)` for example. It is drawn uniformly on a logarithmic scale.
        random_offset: Whether the first frame of an utterance starts at a random sample of the first hop.
        noise_prob: Share of the utterances that get stationary noise.
        signal_to_noise_db: Range of the signal-to-noise ratio of these.
        reverberation_prob: Share of the utterances that get the reverberation of a random room.
        silence_prob: Share of the batches whose utterances get zeros or quiet noise around them. Drawn for each
            utterance, it would pad all of a batch to the longest silence.
        telephone_prob: Share of the utterances that get the band of a telephone.
        level_prob: Share of the utterances whose level is changed; the loudest of them are clipped.
        speechless_prob: Share of the utterances that are replaced by notes or noise, without a transcript.
        seed: Seed of the augmentation. But for silence it depends on this, the epoch and the utterance's `index`
            alone, so a resumed run and every process of a distributed run see the data of an uninterrupted one.
            Silence depends on the batch, too.
        audio_column: Column with the audio.
        text_column: Column with the transcript; a batch has labels if its examples have it.
        cache_audio: Whether to keep the decoded audio of utterances with an `index` in memory, as 16-bit integers
            (115 MB per hour and process). Utterances of one `audio_index`, if they have that column too, share it.
        teacher_size: Features per frame in the column `teacher_features`; training batches then have them.

    Raises:
        ValueError: On a speed or warp factor that is not positive, a share outside 0 to 1, or several frame grids.
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
        silence_prob: float = 0.0,
        telephone_prob: float = 0.0,
        level_prob: float = 0.0,
        speechless_prob: float = 0.0,
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
        shares = {
            "noise_prob": noise_prob,
            "reverberation_prob": reverberation_prob,
            "silence_prob": silence_prob,
            "telephone_prob": telephone_prob,
            "level_prob": level_prob,
            "speechless_prob": speechless_prob,
        }
        for name, share in shares.items():
            if not 0 <= share <= 1:
                raise ValueError(f"{name} is {share}; a share lies between 0 and 1.")
        if processor.feature_extractor.num_offsets != 1:
            raise ValueError(
                f"num_offsets of the feature extractor is {processor.feature_extractor.num_offsets}; several grids of "
                "frames are for recognition. Train with processor.feature_extractor.set_num_offsets(1)."
            )
        self.processor = processor
        self.normalize = Normalizer.of(processor.tokenizer)
        self.speed_factors = tuple(speed_factors)
        self.warp_range = warp_range
        self.random_offset = random_offset
        self.shares = shares
        self.signal_to_noise_db = signal_to_noise_db
        self.seed = seed
        self.audio_column = audio_column
        self.text_column = text_column
        # Shared with the workers of a loader, of which persistent ones outlive an epoch.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()
        self.teacher_size = teacher_size
        self._cache: dict[int, np.ndarray] | None = {} if cache_audio else None

    @property
    def epoch(self) -> int:
        """The epoch that augmentation depends on, counted from 0. Workers of a loader see what is set here."""
        return int(self._epoch)

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        self._epoch.fill_(epoch)

    def __call__(self, examples: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Batch of `input_features` `(batch, frames, mels)`, `attention_mask` and `labels` padded with -100.

        With a `teacher_size`, training batches also have `teacher_features` `(batch, frames, teacher_size)` and
        `teacher_mask` `(batch, frames)`, 1 on frames with features.

        Args:
            examples: Rows of a data set.

        Raises:
            ValueError: If audio, text or the teacher's features of an example cannot be used; the message names the
                example.
        """
        if get_worker_info() is not None:
            end_with_parent()  # the loader's own processes wait up to five seconds before they look for it
        waveforms, texts, changes = [], [], []
        with_silence = self._draw_silence(examples)
        for position, example in enumerate(examples):
            try:
                waveform, change = self._augment(self._waveform(example), example, with_silence)
                waveforms.append(waveform)
                changes.append(change)
                if self.text_column in example:
                    text = self.normalize(utterance_text(example[self.text_column]))
                    texts.append(text if change.is_speech else "")
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
            taught = [
                example if change.is_speech else example | {TEACHER_COLUMN: None}
                for example, change in zip(examples, changes, strict=True)
            ]
            batch |= teacher_targets(taught, speeds, starts_s, mask, frame_s, self.teacher_size)
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

    def _draw_silence(self, examples: Sequence[dict[str, Any]]) -> bool:
        """Whether there is silence around the utterances of a batch."""
        indices = [example["index"] for example in examples if "index" in example]
        if not indices or not self.shares["silence_prob"]:
            return False
        rng = np.random.default_rng((self.seed, self.epoch, len(indices), *sorted(indices)[:2]))
        return bool(rng.random() < self.shares["silence_prob"])

    def _augment(
        self, waveform: np.ndarray, example: dict[str, Any], with_silence: bool = False
    ) -> tuple[np.ndarray, _Change]:
        """The augmented waveform, and the change, part of which is still to be made in the features."""
        if "index" not in example:
            return waveform, _Change()
        extractor = self.processor.feature_extractor
        sampling_rate = extractor.sampling_rate
        rng = np.random.default_rng((self.seed, self.epoch, example["index"]))
        # The order of the draws must not change, or a seed gives other data.
        speed_factor = float(rng.choice(self.speed_factors)) if self.speed_factors else 1.0
        warp_factor = float(np.exp(rng.uniform(*np.log(self.warp_range))))
        if speed_factor != 1.0:
            waveform = speed(torch.from_numpy(waveform), sampling_rate, speed_factor)[0].numpy()
        if rng.random() < self.shares["reverberation_prob"]:
            waveform = add_random_room(waveform, sampling_rate, rng)
        if rng.random() < self.shares["noise_prob"]:
            waveform = add_random_noise(waveform, self.signal_to_noise_db, rng)
        waveform, before, is_speech = self._record(waveform, sampling_rate, rng, with_silence)
        offset = int(rng.integers(extractor.hop_length)) if self.random_offset else 0
        if offset:
            # As long as it was, so that its text still fits.
            waveform = np.pad(waveform[offset:], (0, min(offset, len(waveform))))
        return waveform, _Change(speed_factor, warp_factor, offset - before, is_speech)

    def _record(
        self, waveform: np.ndarray, sampling_rate: int, rng: np.random.Generator, with_silence: bool
    ) -> tuple[np.ndarray, int, bool]:
        """The waveform as people record it, the samples of silence before it, and whether it is still speech."""

        def drawn(name: str) -> bool:
            # What is off draws nothing, so that a seed gives the data that it always gave.
            return self.shares[name] > 0 and rng.random() < self.shares[name]

        before = 0
        if drawn("speechless_prob"):
            return speechless_sound(rng.uniform(*SPEECHLESS_S), sampling_rate, rng), 0, False
        if with_silence:
            waveform, before = add_random_silence(waveform, sampling_rate, rng)
        if drawn("telephone_prob"):
            waveform = through_random_telephone(waveform, sampling_rate, rng)
        if drawn("level_prob"):
            waveform = change_random_level(waveform, rng)
        return waveform, before, True


class EpochCallback(TrainerCallback):
    """Sets the epoch of the collator before its data are loaded, and fixes the order of batches by length.

    Without a generator of its own the library's `LengthGroupedSampler` draws from the global one. Its state is
    different after a resume within an epoch and in every process, so the processes would share utterances.

    Args:
        collator: Its epoch is set; its seed and the epoch give the order.
    """

    def __init__(self, collator: DataCollatorForCTC) -> None:
        self.collator = collator

    def on_init_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        """Refuse what the Trainer cannot do with CTC, before any training.

        Raises:
            ValueError: If `label_smoothing_factor` is set.
        """
        if args.label_smoothing_factor:
            raise ValueError(
                f"label_smoothing_factor is {args.label_smoothing_factor}; the Trainer smooths one label per frame, "
                "and CTC has no such labels. Leave it at 0."
            )

    def on_epoch_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        train_dataloader: DataLoader[Any] | StreamLoader | None = None,
        **kwargs: object,
    ) -> None:
        """Set the epoch that begins, or, after a resume, goes on; the loader of a stream sets its own."""
        if isinstance(train_dataloader, StreamLoader):
            return
        epoch = self.collator.epoch = int(state.epoch or 0)
        sampler = find_sampler(train_dataloader)
        if isinstance(sampler, DurationBatchSampler):
            sampler.set_epoch(epoch)
        elif isinstance(sampler, LengthGroupedSampler):
            seed = int(np.random.default_rng((self.collator.seed, epoch)).integers(2**63))
            sampler.generator = torch.Generator().manual_seed(seed)
