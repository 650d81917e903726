"""Leaves out the utterances that cannot be trained on, and joins data sets for an epoch."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from datasets import Dataset, Value, concatenate_datasets
from tqdm.auto import tqdm

from ..model.ctc_loss_bigru_ctc import num_frames_needed
from ..model.processing_bigru_ctc import BiGRUCTCProcessor
from ..text.languages import Normalizer
from .manifests.rows import BadRows
from .teacher_features import TEACHER_COLUMN
from .utterances import utterance_duration_s, utterance_text

__all__ = ["FilterReport", "UtteranceRules", "Verdict", "filter_utterances", "join_training_sets"]


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


@dataclass(frozen=True)
class Verdict:
    """Whether an utterance can be trained on.

    Args:
        num_frames: Its frames.
        duration_s: Its length in seconds.
        reason: Why it is left out; `None` if it is kept.
        detail: What came, if its audio or its text cannot be used at all.
    """

    num_frames: int = 0
    duration_s: float = 0.0
    reason: str | None = None
    detail: str | None = None


class UtteranceRules:
    """Judges utterances one by one; see [`filter_utterances`] for the arguments."""

    def __init__(
        self,
        processor: BiGRUCTCProcessor,
        *,
        min_duration_s: float = 0.0,
        max_duration_s: float = float("inf"),
        max_speed: float = 1.0,
        audio_column: str = "audio",
        text_column: str = "text",
    ) -> None:
        self.processor = processor
        self.normalize = Normalizer.of(processor.tokenizer)
        self.min_duration_s = min_duration_s
        self.max_duration_s = max_duration_s
        self.max_speed = max_speed
        self.audio_column = audio_column
        self.text_column = text_column

    def judge(self, example: Mapping[str, Any]) -> Verdict:
        """Whether a row of a data set is kept. Of its audio the header is read, or all where that has no length."""
        problem = "with unusable audio"
        try:
            duration_s = utterance_duration_s(example[self.audio_column])
            problem = "with unusable text"
            ids = self.processor.tokenizer(self.normalize(utterance_text(example[self.text_column]))).input_ids
        except (ValueError, OSError) as error:
            return Verdict(reason=problem, detail=str(error))
        extractor = self.processor.feature_extractor
        num_frames = extractor.num_frames(round(duration_s * extractor.sampling_rate))
        return Verdict(num_frames, duration_s, self._unsuitable(duration_s, num_frames, ids))

    def _unsuitable(self, duration_s: float, num_frames: int, ids: list[int]) -> str | None:
        """Why an utterance that can be read is not for training."""
        if duration_s < self.min_duration_s:
            return f"shorter than {self.min_duration_s:g} s"
        if duration_s > self.max_duration_s:
            return f"longer than {self.max_duration_s:g} s"
        if not ids:
            return "without text"
        if int(num_frames_needed(torch.tensor([ids]))) > int(num_frames / max(self.max_speed, 1.0)):
            return "with more text than frames"
        return None


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
    bad_rows: BadRows | None = None,
) -> tuple[Dataset, FilterReport]:
    """Leave out what cannot be trained on, and count it.

    Durations are read from the headers of the audio; only where a header has none the audio is decoded.

    Args:
        dataset: Utterances with encoded audio.
        processor: Gives the frames of the audio and the ids of the text.
        min_duration_s: Shortest utterance kept.
        max_duration_s: Longest utterance kept.
        max_speed: Fastest of the collator's speed factors; the text has to fit into the frames at this speed too.
        with_index: Whether to add the column `index`, by which the collator augments (and caches) training data.
        audio_column: Column with the audio.
        text_column: Column with the transcript.
        bad_rows: Counts, with the bad rows of a manifest, utterances that cannot be used, and refuses too many.

    Returns:
        The utterances kept, with the column `length` (frames, for batches of like length), and the counts.
    """
    rules = UtteranceRules(
        processor,
        min_duration_s=min_duration_s,
        max_duration_s=max_duration_s,
        max_speed=max_speed,
        audio_column=audio_column,
        text_column=text_column,
    )
    kept: list[int] = []
    lengths: list[int] = []
    seconds = 0.0
    bad = bad_rows if bad_rows is not None else BadRows()
    rejected: Counter[str] = Counter(bad.counts)
    bad.num_rows = max(bad.num_rows, len(dataset) + bad.num_bad)
    for row, example in enumerate(tqdm(dataset, desc="Checking utterances", unit="utt", mininterval=2)):
        verdict = rules.judge(example)
        if verdict.detail is not None:
            bad.add(str(verdict.reason), f"Utterance {example.get('id', row)!r}", verdict.detail)
        if verdict.reason is not None:
            rejected[verdict.reason] += 1
            continue
        kept.append(row)
        lengths.append(verdict.num_frames)
        seconds += verdict.duration_s
    bad.finish("The data set")
    selected = dataset.select(kept).add_column("length", lengths)
    if with_index:
        selected = selected.add_column("index", kept)
    return selected, FilterReport(len(kept), seconds / 3600, dict(rejected))


def join_training_sets(dataset: Dataset, extras: Sequence[Dataset] = (), repeats: int = 1) -> Dataset:
    """One data set for an epoch of training on several.

    Args:
        dataset: Utterances from [`filter_utterances`] with `with_index=True`.
        extras: More data sets of the same kind, of synthetic speech for example.
        repeats: Occurrences of each utterance of `dataset` in an epoch, every time with other augmentation.

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
    joined = concatenate_datasets([part.remove_columns("index") for part in _with_equal_columns(parts)])
    return joined.add_column("index", list(range(len(joined)))).add_column("audio_index", audio_index)


def _with_equal_columns(parts: Sequence[Dataset]) -> list[Dataset]:
    """The data sets with text in columns that are numbers in one and text in another, speakers for example."""
    kinds: dict[str, set[str]] = {}
    for part in parts:
        for name, feature in part.features.items():
            kinds.setdefault(name, set()).add(str(feature))
    mixed = [name for name, found in kinds.items() if len(found) > 1 and name in ("speaker_id", "chapter_id", "id")]
    return [_as_text(part, [name for name in mixed if name in part.column_names]) for part in parts]


def _as_text(part: Dataset, names: Sequence[str]) -> Dataset:
    for name in names:
        part = part.cast_column(name, Value("string"))
    return part
