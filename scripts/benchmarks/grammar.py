"""Measure recognition within a grammar, and fit the confidence below which utterances are rejected.

    python scripts/benchmarks/grammar.py --dataset_names openslr/librispeech_asr --dataset_config_names clean \
        --kokoro_styles package/voices --output docs/figures/grammar.json --fit

Twenty commands are spoken by voices that the model was not trained on. Half of the voices and of the other speech
choose the confidence, the other half is reported on. `--fit` writes the confidence into the package. Speed is measured
with phrases from the transcripts of the data sets, on one core.
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

# Run directly, the path begins with this folder. At the end, so that no script hides a package of its name.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from benchmarks.report import write_report
from benchmarks.voices import VOICE_HELP, load_voice, spoken
from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.data.utterances import load_utterance
from hf_bigru_asr.grammar import Grammar, GrammarDecoder, GrammarResult, rejection
from hf_bigru_asr.provenance import note_start
from hf_bigru_asr.runtime import OnnxRecognizer
from hf_bigru_asr.storage.writing import write_json

__all__ = ["Arguments", "Utterance", "fitted_confidence", "phrases_of", "summary"]

FloatArray = npt.NDArray[np.float32]
Recognize = Callable[[FloatArray], tuple[GrammarResult, ...]]

COMMANDS = (
    "turn on the light",
    "turn off the light",
    "play some music",
    "stop",
    "pause",
    "next song",
    "volume up",
    "volume down",
    "open the door",
    "close the door",
    "what time is it",
    "set a timer for ten minutes",
    "call my mother",
    "good morning",
    "go home",
    "start the engine",
    "take a picture",
    "show me the map",
    "lock all windows",
    "cancel",
)
NEAR = (
    "turn on the radio",
    "turn the page",
    "open the book",
    "play the violin",
    "what is your name",
    "set the table",
    "good evening",
    "close your eyes",
    "start the car",
    "take a seat",
)
"""Sentences that share words with a command."""
OTHERS = (
    "he was born in a small village",
    "the weather will be fine tomorrow",
    "I have never seen this before",
    "two men came down the road",
    "she did not answer him",
    "bread and butter",
    "it is raining",
    "thank you very much",
    "the train leaves at noon",
    "who are you",
)
FITTING_VOICES = (
    *("kokoro:af_bella", "kokoro:af_sarah", "kokoro:af_nicole", "kokoro:af_kore", "kokoro:am_adam", "kokoro:am_eric"),
    *("kokoro:bf_emma", "kokoro:bm_george"),
    *("espeak-ng:en-us", "espeak-ng:en-gb+f2", "espeak-ng:en-gb-x-rp+m7"),
)
REPORT_VOICES = (
    *("kokoro:af_jessica", "kokoro:am_michael", "kokoro:am_liam", "kokoro:am_fenrir", "kokoro:bf_alice"),
    *("kokoro:bf_lily", "kokoro:bm_daniel", "kokoro:bm_lewis", "piper:joe", "festival:ked_diphone"),
    *("espeak-ng:en-us+m3", "espeak-ng:en-us+f5", "espeak-ng:en-gb-scotland"),
)
PAUSE_S = 1.0
"""Pause between the commands of a recording with all of them."""
NUM_PHRASES = 5000
PHRASE_WORDS = (2, 3, 4, 5)
CONFIDENCE_DIGITS = 5
OTHER_CONFIDENCES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
RECORD = Path(rejection.__file__).with_name("rejection.json")


@dataclass
class Arguments:
    """What to measure, on what."""

    dataset_names: list[str] = field(
        metadata={"help": "Data sets of other speech: on the Hub, local Parquet folders, or OpenSLR archives."}
    )
    dataset_config_names: list[str] = field(
        default_factory=list, metadata={"help": "Configuration of each data set; 'default' for none."}
    )
    split: str = field(default="validation", metadata={"help": "Split of the data sets."})
    model: str = field(default="bundled", metadata={"help": "Model folder, model on the Hub, or the bundled one."})
    fitting_voices: list[str] = field(
        default_factory=lambda: list(FITTING_VOICES), metadata={"help": f"Voices to fit with: {VOICE_HELP}."}
    )
    report_voices: list[str] = field(
        default_factory=lambda: list(REPORT_VOICES), metadata={"help": "Voices to report on."}
    )
    kokoro_styles: Path | None = field(default=None, metadata={"help": "Folder `voices` of npm's kokoro-js."})
    speech_dir: Path = field(
        default=Path("outputs/grammar_speech"), metadata={"help": "Folder that keeps what the voices said."}
    )
    fit: bool = field(default=False, metadata={"help": "Write the fitted confidence into the package."})
    output: Path | None = field(default=None, metadata={"help": "JSON file to write the figures to as well."})

    def __post_init__(self) -> None:
        """Check what would otherwise fail after minutes."""
        if self.dataset_config_names and len(self.dataset_config_names) != len(self.dataset_names):
            raise ValueError(
                f"There are {len(self.dataset_names)} dataset_names and {len(self.dataset_config_names)} "
                "dataset_config_names; give one for each, 'default' for none."
            )
        if not self.fitting_voices or not self.report_voices:
            raise ValueError("There must be at least one voice to fit with and one to report on.")


@dataclass(frozen=True)
class Utterance:
    """One recording, decoded without rejection.

    Args:
        kind: `"command"`, `"near"`, `"other"` (by a voice) or `"speech"` (of a data set).
        source: Voice or data set.
        is_for_fit: Whether it is of the half that chooses the confidence.
        text: What was spoken.
        audio_s: Its length.
        results: What the decoder gave.
    """

    kind: str
    source: str
    is_for_fit: bool
    text: str
    audio_s: float
    results: tuple[GrammarResult, ...]

    def accepted(self, min_confidence: float) -> list[str]:
        """Texts that are sure enough."""
        return [each.text for each in self.results if _is_sure(each, min_confidence)]


def _is_sure(result: GrammarResult, min_confidence: float) -> bool:
    return bool(result.text) and result.confidence >= min_confidence


def fitted_confidence(utterances: Sequence[Utterance]) -> float:
    """The confidence with equal error rates: as large a share of commands is not right as of others is accepted.

    Args:
        utterances: Those to fit with; near misses do not count.

    Raises:
        ValueError: If there are no commands or no other utterances.
    """
    commands = [each for each in utterances if each.kind == "command"]
    others = [each for each in utterances if each.kind in ("other", "speech")]
    if not commands or not others:
        raise ValueError("There must be commands and other utterances to fit with.")

    def imbalance(limit: float) -> float:
        missed = sum(each.accepted(limit) != [each.text] for each in commands) / len(commands)
        return abs(missed - sum(bool(each.accepted(limit)) for each in others) / len(others))

    found = {round(result.confidence, CONFIDENCE_DIGITS) for each in utterances for result in each.results}
    return min(sorted(found | {1.0}), key=imbalance)


def summary(utterances: Sequence[Utterance], min_confidence: float) -> dict[str, Any]:
    """Shares of commands and other utterances, and false accepts per hour of the data sets.

    Args:
        utterances: Those to report on.
        min_confidence: Results with less are rejected.
    """
    kinds: dict[str, list[Utterance]] = {}
    for each in utterances:
        kinds.setdefault(each.kind, []).append(each)
    engines: dict[str, list[Utterance]] = {}
    for each in kinds.get("command", ()):
        engines.setdefault(each.source.partition(":")[0], []).append(each)
    speech = kinds.get("speech", [])
    num_accepts = sum(len(each.accepted(min_confidence)) for each in speech)
    speech_s = sum(each.audio_s for each in speech)
    report: dict[str, Any] = {
        "commands": _commands(kinds.get("command", []), min_confidence),
        "commands_by_engine": {engine: _commands(spoken, min_confidence) for engine, spoken in engines.items()},
        "speech_hours": round(speech_s / 3600, 3),
        "false_accepts": num_accepts,
        "false_accepts_per_hour": round(num_accepts / (speech_s / 3600), 2) if speech else None,
    }
    for kind in ("other", "near", "speech"):
        rejected = [not each.accepted(min_confidence) for each in kinds.get(kind, ())]
        report[kind] = {"utterances": len(rejected), "rejected": _share(rejected)}
    return report


def other_confidence(utterances: Sequence[Utterance], min_confidence: float) -> dict[str, Any]:
    """What another confidence would give.

    Args:
        utterances: Those to report on.
        min_confidence: Results with less are rejected.
    """
    found = summary(utterances, min_confidence)
    return {
        "min_confidence": min_confidence,
        "commands_right": found["commands"]["right"],
        **{f"{kind}_rejected": found[kind]["rejected"] for kind in ("other", "near", "speech")},
        "false_accepts_per_hour": found["false_accepts_per_hour"],
    }


def _commands(utterances: Sequence[Utterance], min_confidence: float) -> dict[str, Any]:
    accepted = [each.accepted(min_confidence) for each in utterances]
    right = [texts == [each.text] for each, texts in zip(utterances, accepted, strict=True)]
    return {
        "voices": len({each.source for each in utterances}),
        "utterances": len(utterances),
        "right": _share(right),
        "rejected": _share(not texts for texts in accepted),
        "right_without_rejection": _share(each.accepted(0.0) == [each.text] for each in utterances),
    }


def _share(values: Iterable[bool]) -> float:
    values = list(values)
    return round(sum(values) / max(len(values), 1), 4)


def phrases_of(texts: Iterable[str], number: int) -> list[str]:
    """Different runs of two to five words of some texts, in order.

    Args:
        texts: Transcripts.
        number: How many runs to take at the most.
    """
    phrases: dict[str, None] = {}
    for text in texts:
        words = text.split()
        for size in PHRASE_WORDS:
            for start in range(0, len(words) - size + 1, size):
                phrases[" ".join(words[start : start + size])] = None
    return list(phrases)[:number]


def _voice_utterances(args: Arguments, recognize: Recognize, rate: int) -> Iterator[Utterance]:
    load = cache(partial(load_voice, kokoro_styles=args.kokoro_styles))
    for voice in (*args.fitting_voices, *args.report_voices):
        for kind, texts in (("command", COMMANDS), ("near", NEAR), ("other", OTHERS)):
            for text in texts:
                waveform = spoken(text, voice, args.speech_dir, rate, load)
                is_for_fit = voice in args.fitting_voices
                yield Utterance(kind, voice, is_for_fit, text.upper(), len(waveform) / rate, recognize(waveform))
        print(f"{voice}: decoded", flush=True)


def _clips(args: Arguments, rate: int) -> Iterator[tuple[str, bool, str, FloatArray]]:
    """Data set, whether to fit with it, text and waveform of other speech; a speaker is in one half only."""
    configs = args.dataset_config_names or ["default"] * len(args.dataset_names)
    for name, config in zip(args.dataset_names, configs, strict=True):
        rows = load_speech_dataset(name, None if config == "default" else config, args.split)
        speakers: dict[object, int] = {}
        for row in rows:
            half = speakers.setdefault(row.get("speaker_id"), len(speakers)) % 2
            yield Path(name).name, half == 0, row["text"], load_utterance(row["audio"], rate)


def _session(args: Arguments, recognize: Recognize, rate: int, min_confidence: float) -> dict[str, Any]:
    """All commands of a voice in one recording, with pauses between them."""
    pause = np.zeros(round(PAUSE_S * rate), dtype=np.float32)
    load = cache(partial(load_voice, kokoro_styles=args.kokoro_styles))
    right, found = [], 0
    for voice in args.report_voices:
        waveforms = [spoken(text, voice, args.speech_dir, rate, load) for text in COMMANDS]
        results = recognize(np.concatenate([part for each in waveforms for part in (each, pause)]))
        starts = np.cumsum([0, *(len(each) + len(pause) for each in waveforms)]) / rate
        found += len(results)
        for text, start, end in zip(COMMANDS, starts, starts[1:], strict=False):
            middles = ((each, (each.start_s + each.end_s) / 2) for each in results)
            inside = [
                each.text for each, middle in middles if start <= middle < end and _is_sure(each, min_confidence)
            ]
            right.append(inside == [text.upper()])
    return {"recordings": len(args.report_voices), "pause_s": PAUSE_S, "utterances": found, "right": _share(right)}


def _speed(
    frames: Sequence[FloatArray], texts: Sequence[str], decoder: Callable[[Grammar], GrammarDecoder]
) -> dict[str, Any]:
    """Seconds to make the decoder of many phrases, and how fast it decodes other speech."""
    phrases = phrases_of(texts, NUM_PHRASES)
    started = time.process_time()
    large = decoder(Grammar.from_phrases(phrases))
    ready = time.process_time()
    num_frames = sum(len(each) for each in frames)
    for each in frames:
        large(each)
    return {
        "phrases": len(phrases),
        "ready_s": ready - started,
        "decoding_s": time.process_time() - ready,
        "frames": num_frames,
    }


def main() -> int:
    """Decode, fit, print, write."""
    note_start()
    arguments: Any = Arguments
    parser = CommandParser(arguments, description=(__doc__ or "").splitlines()[0])
    (args,) = parser.parse()
    with parser.refusals():
        recognizer = OnnxRecognizer(args.model, num_threads=1)
    rate = recognizer.sampling_rate
    frame_s = recognizer.feature_settings.hop_length / rate
    make = partial(GrammarDecoder, symbols=recognizer.symbols, frame_s=frame_s, min_confidence=0.0)
    decoder = make(Grammar.from_phrases(COMMANDS))

    def recognize(waveform: FloatArray) -> tuple[GrammarResult, ...]:
        return tuple(decoder(recognizer.log_probs([waveform])[0]))

    utterances = list(_voice_utterances(args, recognize, rate))
    frames, texts = [], []
    for name, is_for_fit, text, waveform in _clips(args, rate):
        frames.append(recognizer.log_probs([waveform])[0])
        texts.append(text)
        results = tuple(decoder(frames[-1]))
        utterances.append(Utterance("speech", name, is_for_fit, text, len(waveform) / rate, results))
    fitting = [each for each in utterances if each.is_for_fit]
    reported = [each for each in utterances if not each.is_for_fit]
    min_confidence = fitted_confidence(fitting)
    speed = _speed(frames, texts, make)
    speed["times_real_time"] = round(speed["frames"] * frame_s / speed["decoding_s"], 1)
    figures = {
        "min_confidence": min_confidence,
        "commands": COMMANDS,
        "fitting": summary(fitting, min_confidence),
        "report": summary(reported, min_confidence),
        "other_confidences": [other_confidence(reported, limit) for limit in OTHER_CONFIDENCES],
        "one_recording": _session(args, recognize, rate, min_confidence),
        "speed": speed,
    }
    print(json.dumps(figures, indent=2))
    if args.output:
        write_report(args.output, figures)
    if args.fit:
        record = {
            "min_confidence": min_confidence,
            "fitted_by": "scripts/benchmarks/grammar.py",
            "on_other_voices_and_speakers": figures["report"],
        }
        write_json(RECORD, record)
    return 0


if __name__ == "__main__":
    sys.exit(main())
