"""Measure recordings as people have them against the clips that they are made of.

    python scripts/benchmarks/recordings.py --dataset_name openslr/librispeech_asr --dataset_config_name clean \
        --split validation --lm own --output docs/figures/recordings.json

Makes recordings with silence, noise, several speakers, narrow bands and reverberation from the clips of a split, with
a fixed seed. Printed for each kind are the word error rate and its difference to that of the clips one by one, greedy
and with a language model; and for what has no speech the number of words that were written.
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from transformers import AutomaticSpeechRecognitionPipeline, HfArgumentParser

# Run directly, the path begins with this folder. At the end, so that no script hides a package of its name.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from benchmarks.recording_kinds import Clip, Make, Recording, recording_kinds, speechless_kinds
from benchmarks.report import write_report
from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.data.utterances import load_utterance
from hf_bigru_asr.metrics import ErrorCounts, word_error_counts
from hf_bigru_asr.provenance import note_start
from hf_bigru_asr.text.normalization import normalize_transcript
from hf_bigru_asr.transcription.batches import BatchRecognizer
from hf_bigru_asr.transcription.pipeline import BeamSearchPipeline
from hf_bigru_asr.transcription.recognizer import load_recognizer

__all__ = ["Arguments", "KindResult", "SpeechlessResult", "load_clips", "measure_kinds", "measure_speechless"]

CLIPS_ALONE = "clips one by one"
SHOWN_CHARACTERS = 60
NUM_BOOTSTRAP_SAMPLES = 5000


@dataclass
class Arguments:
    """What to measure, on what."""

    dataset_name: str = field(metadata={"help": "Data set on the Hub, local Parquet folder, or OpenSLR archive."})
    model: str = field(default="bundled", metadata={"help": "Model folder, model on the Hub, or the bundled one."})
    dataset_config_name: str | None = field(default=None, metadata={"help": "Configuration of the data set."})
    split: str = field(default="validation", metadata={"help": "Split whose clips make the recordings."})
    audio_column_name: str = field(default="audio", metadata={"help": "Column with the audio."})
    text_column_name: str = field(default="text", metadata={"help": "Column with the transcript."})
    speaker_column_name: str = field(default="speaker_id", metadata={"help": "Column with the speaker."})
    lm: str | None = field(default=None, metadata={"help": "Language model to decode with too; 'own': the model's."})
    runtime: str = field(default="onnx", metadata={"help": "Backend: torch, onnx, openvino or auto."})
    num_threads: int | None = field(default=None, metadata={"help": "Threads of the network."})
    normalization: str | None = field(
        default=None, metadata={"help": "Normalisation of the features, instead of the model's own."}
    )
    max_samples: int | None = field(default=None, metadata={"help": "Take so many clips at the most."})
    every: int = field(default=1, metadata={"help": "Take every so-manieth clip."})
    kinds: list[str] = field(
        default_factory=list, metadata={"help": "Letters of the kinds to measure, 'a c i' for example; all if none."}
    )
    num_sessions: int | None = field(
        default=None,
        metadata={"help": "Recordings of ten speakers of each kind; if none, as many as take no clip twice."},
    )
    hour: bool = field(default=False, metadata={"help": "Also make an hour of speakers with pauses in one file."})
    speechless_minutes: float = field(default=2.0, metadata={"help": "Minutes of each recording without speech."})
    seed: int = field(default=0, metadata={"help": "Seed of everything random."})
    output: Path | None = field(default=None, metadata={"help": "JSON file to write the figures to as well."})

    def __post_init__(self) -> None:
        """Check what would otherwise measure nothing, or fail after minutes."""
        if self.every < 1 or (self.max_samples is not None and self.max_samples < 1):
            raise ValueError(f"every is {self.every} and max_samples {self.max_samples}; both must be at least 1.")
        if self.num_sessions is not None and self.num_sessions < 1:
            raise ValueError(f"num_sessions is {self.num_sessions}; it must be at least 1.")
        if not self.speechless_minutes > 0:
            raise ValueError(f"speechless_minutes is {self.speechless_minutes}; it must be positive.")
        letters = {name[0] for name in (*recording_kinds(with_hour=True), *speechless_kinds())}
        unknown = sorted(set(self.kinds) - letters)
        if unknown:
            raise ValueError(f"kinds has {', '.join(unknown)}; choose letters of {', '.join(sorted(letters))}.")
        self.hour = self.hour or "d" in self.kinds


@dataclass(frozen=True)
class KindResult:
    """Recordings of one kind, decoded in one way.

    Args:
        kind: Its name.
        decoding: `"greedy"` or `"language model"`.
        num_recordings: Recordings that were made.
        audio_s: Their length in all.
        num_words: Words of their references.
        wer: Word error rate, a fraction.
        clips_wer: Word error rate of the same clips one by one.
        difference: The former minus the latter.
        interval: Its 95 % confidence interval, from bootstrap samples of the recordings; `None` of a single one.
        insertions: Words that are in no reference, over its words.
    """

    kind: str
    decoding: str
    num_recordings: int
    audio_s: float
    num_words: int
    wer: float
    clips_wer: float
    difference: float
    interval: tuple[float, float] | None
    insertions: float


@dataclass(frozen=True)
class SpeechlessResult:
    """A recording without speech, decoded in one way.

    Args:
        kind: Its name.
        decoding: `"greedy"` or `"language model"`.
        audio_s: Its length.
        num_words: Words that were written.
        text: They themselves.
    """

    kind: str
    decoding: str
    audio_s: float
    num_words: int
    text: str


def load_clips(
    rows: Iterable[dict[str, Any]],
    sampling_rate: int,
    *,
    audio_column: str = "audio",
    text_column: str = "text",
    speaker_column: str = "speaker_id",
) -> list[Clip]:
    """The clips of a data set.

    Args:
        rows: Rows of a data set, see [`load_speech_dataset`].
        sampling_rate: Sampling rate of the clips in Hz.
        audio_column: Column with the audio.
        text_column: Column with the transcript.
        speaker_column: Column with the speaker.

    Raises:
        ValueError: If there is no clip, or one that cannot be used, or no such column.
    """
    clips = []
    for row in rows:
        missing = [name for name in (audio_column, text_column, speaker_column) if name not in row]
        if missing:
            raise ValueError(f"The data set has no column {missing[0]!r}; it has {', '.join(row)}.")
        waveform = load_utterance(row[audio_column], sampling_rate)
        clips.append(Clip(waveform, normalize_transcript(row[text_column]), row[speaker_column]))
    if not clips:
        raise ValueError("There is no clip to make recordings of; give at least one.")
    return clips


def measure_kinds(
    recognizer: AutomaticSpeechRecognitionPipeline, clips: Sequence[Clip], kinds: dict[str, Make], seed: int = 0
) -> Iterator[KindResult]:
    """Transcribe recordings of every kind.

    Args:
        recognizer: See [`load_recognizer`]; a [`BeamSearchPipeline`] decodes with its language model.
        clips: The clips, at the sampling rate of its feature extractor.
        kinds: See [`recording_kinds`].
        seed: Seed of everything random; a kind has the same recordings whatever the others are.

    Yields:
        The clips one by one first, then one result for each kind.

    Raises:
        ValueError: If a recording cannot be transcribed.
    """
    extractor: Any = recognizer.feature_extractor
    rate_hz = extractor.sampling_rate
    alone = [Recording(clip.waveform, (position,)) for position, clip in enumerate(clips)]
    texts = _texts(recognizer, (each.waveform for each in alone))
    clip_counts = [word_error_counts([clip.text], [text]) for clip, text in zip(clips, texts, strict=True)]
    audio_s = sum(len(clip.waveform) for clip in clips) / rate_hz
    yield _result(CLIPS_ALONE, recognizer, len(clips), audio_s, clip_counts, clip_counts)
    for name, make in kinds.items():
        made: list[tuple[int, tuple[int, ...]]] = []

        def waveforms(make: Make = make, name: str = name, made: list[Any] = made) -> Iterator[np.ndarray]:
            for recording in make(clips, rate_hz, _generator(name, seed)):
                made.append((len(recording.waveform), recording.clips))
                yield recording.waveform

        texts = _texts(recognizer, waveforms())
        counts, single = [], []
        for text, (_, positions) in zip(texts, made, strict=True):
            counts.append(word_error_counts([" ".join(clips[position].text for position in positions)], [text]))
            single.append(sum((clip_counts[position] for position in positions), ErrorCounts()))
        yield _result(name, recognizer, len(made), sum(size for size, _ in made) / rate_hz, counts, single)


def measure_speechless(
    recognizer: AutomaticSpeechRecognitionPipeline, duration_s: float, seed: int = 0
) -> Iterator[SpeechlessResult]:
    """Transcribe recordings without speech, see [`speechless_kinds`]; arguments as in [`measure_kinds`]."""
    extractor: Any = recognizer.feature_extractor
    for name, make in speechless_kinds().items():
        waveform = make(duration_s, extractor.sampling_rate, _generator(name, seed))
        (text,) = _texts(recognizer, [waveform])
        audio_s = len(waveform) / extractor.sampling_rate
        yield SpeechlessResult(name, _decoding(recognizer), audio_s, len(text.split()), text)


def _texts(recognizer: AutomaticSpeechRecognitionPipeline, waveforms: Iterable[np.ndarray]) -> list[str]:
    parts: Any = recognizer  # to the pipeline's types a decoder is a name
    decoder = parts.decoder() if isinstance(recognizer, BeamSearchPipeline) else parts.processor.greedy_decoder()
    batches = BatchRecognizer(recognizer.model, parts.feature_extractor, parts.tokenizer, decoder)
    texts: list[str] = []
    for found in batches.recognize(waveforms):
        if found.error is not None:
            raise ValueError(f"Recording {len(texts)} cannot be transcribed: {found.error}")
        texts.append(found.hypotheses[0].text)
    return texts


def _decoding(recognizer: AutomaticSpeechRecognitionPipeline) -> str:
    return "language model" if isinstance(recognizer, BeamSearchPipeline) else "greedy"


def _generator(name: str, seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def _result(
    name: str,
    recognizer: AutomaticSpeechRecognitionPipeline,
    num_recordings: int,
    audio_s: float,
    counts: Sequence[ErrorCounts],
    clip_counts: Sequence[ErrorCounts],
) -> KindResult:
    total, single = sum(counts, ErrorCounts()), sum(clip_counts, ErrorCounts())
    return KindResult(
        kind=name,
        decoding=_decoding(recognizer),
        num_recordings=num_recordings,
        audio_s=audio_s,
        num_words=total.num_reference,
        wer=total.error_rate,
        clips_wer=single.error_rate,
        difference=total.error_rate - single.error_rate,
        interval=_interval(counts, clip_counts),
        insertions=total.insertions / total.num_reference,
    )


def _interval(counts: Sequence[ErrorCounts], clip_counts: Sequence[ErrorCounts]) -> tuple[float, float] | None:
    """Percentiles 2.5 and 97.5 of the difference of the error rates, over samples of the recordings."""
    if len(counts) < 2:
        return None
    words = np.array([each.num_reference for each in counts])
    more = np.array([each.num_edits - other.num_edits for each, other in zip(counts, clip_counts, strict=True)])
    drawn = np.random.default_rng(0).integers(len(counts), size=(NUM_BOOTSTRAP_SAMPLES, len(counts)))
    low, high = np.percentile(more[drawn].sum(-1) / words[drawn].sum(-1), [2.5, 97.5]).tolist()
    return low, high


def _load(args: Arguments) -> list[AutomaticSpeechRecognitionPipeline]:
    """The greedy recogniser, and the one with the language model if it is asked for."""
    recognizers = []
    for language_model in [None] if args.lm is None else [None, args.lm]:
        recognizer = load_recognizer(
            args.model, language_model=language_model, runtime=args.runtime, num_threads=args.num_threads
        )
        if args.normalization is not None:
            extractor: Any = recognizer.feature_extractor
            values = extractor.to_dict() | {"normalization": args.normalization}
            recognizer.feature_extractor = type(extractor).from_dict(values)
        recognizers.append(recognizer)
    return recognizers


def _shown(interval: tuple[float, float] | None) -> str:
    return "" if interval is None else " ".join(f"{100 * each:+.2f}" for each in interval)


def _measure(
    args: Arguments, recognizer: AutomaticSpeechRecognitionPipeline, clips: Sequence[Clip]
) -> tuple[list[KindResult], list[SpeechlessResult]]:
    """Measure and print with one decoder."""
    kinds = recording_kinds(with_hour=args.hour, num_sessions=args.num_sessions)
    kinds = {name: make for name, make in kinds.items() if not args.kinds or name[0] in args.kinds}
    heads = f"{'files':>5} {'minutes':>8} {'WER':>8} {'clips':>8} {'points':>7} {'95 % interval':>14} {'inserted':>8}"
    print(f"\n{_decoding(recognizer):48} {heads}")
    results, speechless = [], []
    for result in measure_kinds(recognizer, clips, kinds, args.seed):
        results.append(result)
        print(
            f"{result.kind:48} {result.num_recordings:5} {result.audio_s / 60:8.1f} {result.wer:8.2%} "
            f"{result.clips_wer:8.2%} {100 * result.difference:+7.2f} {_shown(result.interval):>14} "
            f"{result.insertions:8.2%}",
            flush=True,
        )
    if not args.kinds or "i" in args.kinds:
        print(f"\n{'without speech, ' + _decoding(recognizer):48} {'minutes':>8} {'words':>6}")
        for each in measure_speechless(recognizer, 60 * args.speechless_minutes, args.seed):
            speechless.append(each)
            text = each.text[:SHOWN_CHARACTERS]
            print(f"{each.kind:48} {each.audio_s / 60:8.1f} {each.num_words:6} {text}".rstrip(), flush=True)
    return results, speechless


def main() -> int:
    """Measure, print tables, write JSON."""
    note_start()
    arguments: Any = Arguments  # its types know no dataclasses
    parser = HfArgumentParser(arguments, description=__doc__.partition("\n")[0])
    (args,) = parser.parse_args_into_dataclasses()
    # 1. The recognisers and the clips
    recognizers = _load(args)
    extractor: Any = recognizers[0].feature_extractor
    dataset: Any = load_speech_dataset(
        args.dataset_name, args.dataset_config_name, args.split, audio_column=args.audio_column_name
    )
    dataset = dataset.select(range(0, len(dataset), args.every)[: args.max_samples])
    clips = load_clips(
        dataset,
        extractor.sampling_rate,
        audio_column=args.audio_column_name,
        text_column=args.text_column_name,
        speaker_column=args.speaker_column_name,
    )
    print(f"{len(clips)} clips, normalisation by {extractor.normalization}", flush=True)

    # 2. The recordings
    results, speechless = [], []
    for recognizer in recognizers:
        of_kinds, of_speechless = _measure(args, recognizer, clips)
        results += of_kinds
        speechless += of_speechless

    # 3. The report
    if args.output is not None:
        report = {
            "model": args.model,
            "dataset": {"name": args.dataset_name, "config": args.dataset_config_name, "split": args.split},
            "num_clips": len(clips),
            "num_sessions": args.num_sessions,
            "every": args.every,
            "seed": args.seed,
            "runtime": args.runtime,
            "normalization": extractor.normalization,
            "language_model": args.lm,
            "results": [asdict(each) for each in results],
            "without_speech": [asdict(each) for each in speechless],
        }
        write_report(args.output, report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
