"""Measure how long after the end of speech its text comes from `hf-bigru-asr listen`, and with how many errors.

    python scripts/benchmarks/listening.py --dataset_name openslr/librispeech_asr --dataset_config_name clean \
        --output docs/figures/listening.json

Utterances with pauses between them, and quiet noise over all, are written into the command's pipe in real time. The
end of speech is that of the last word, by the recogniser, which knows the whole utterance.
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

import bisect
import json
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

# Run directly, the path begins with this folder. At the end, so that no script hides a package of its name.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from benchmarks.report import write_report
from hf_bigru_asr.audio.loading import to_int16
from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.data.utterances import load_utterance
from hf_bigru_asr.metrics import word_error_counts
from hf_bigru_asr.runtime import OnnxRecognizer

__all__ = ["Line", "Stream", "make_stream", "summary"]

RATE = 16_000
PAUSES_S = (0.8, 1.5, 3.0, 6.0)
BLOCK_S = 0.02
LOADING_S = 10.0
"""What the command is given to load, before the sound begins."""
SLACK_S = 0.3
"""How far the times of a word may differ between two recognitions."""


@dataclass(frozen=True)
class Stream:
    """Utterances with pauses.

    Args:
        samples: `(samples,)` float32.
        words: Start and end of every word that is recognised in the utterances, in seconds of the stream.
        references: Their transcripts.
        hypotheses: What is recognised in each alone.
    """

    samples: npt.NDArray[np.float32]
    words: list[tuple[float, float]]
    references: list[str]
    hypotheses: list[str]


@dataclass(frozen=True)
class Line:
    """What the command printed.

    Args:
        came_s: When, in seconds after the sound began.
        start_s: Start of its first word.
        end_s: End of its last word.
        text: Its text.
    """

    came_s: float
    start_s: float
    end_s: float
    text: str


def make_stream(
    utterances: Sequence[tuple[npt.NDArray[np.float32], str]], recognizer: OnnxRecognizer, noise_db: float
) -> Stream:
    """Join utterances with pauses of several lengths, in noise.

    Args:
        utterances: Samples and transcript of each.
        recognizer: Knows where the words are.
        noise_db: Level of the noise, in dB of full scale.
    """
    rng = np.random.default_rng(0)
    parts, words, hypotheses = [np.zeros(2 * RATE, dtype=np.float32)], [], []
    for (samples, _), pause_s in zip(utterances, np.resize(PAUSES_S, len(utterances)), strict=True):
        start_s = sum(map(len, parts)) / RATE
        best = recognizer.recognize(samples)[0]
        hypotheses.append(best.text)
        words += [(start_s + word.start_s, start_s + word.end_s) for word in best.words]
        parts += [samples, np.zeros(int(pause_s * RATE), dtype=np.float32)]
    stream = np.concatenate(parts)
    stream += 10 ** (noise_db / 20) * rng.standard_normal(len(stream)).astype(np.float32)
    return Stream(stream.clip(-1, 1), words, [text for _, text in utterances], hypotheses)


def listen(stream: Stream, arguments: Sequence[str]) -> list[Line]:
    """Feed the command in real time.

    Args:
        stream: What it hears.
        arguments: Its options.
    """
    command = [sys.executable, "-m", "hf_bigru_asr", "listen", "-", "--format", "jsonl", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        time.sleep(LOADING_S)
        start_s = time.monotonic()
        threading.Thread(target=_feed, args=[stream.samples, child.stdin, start_s], daemon=True).start()
        lines = []
        for text in child.stdout or ():
            came_s = time.monotonic() - start_s
            line = json.loads(text)
            lines.append(Line(came_s, line["start_s"], line["end_s"], line["text"]))
    return lines


def _feed(samples: npt.NDArray[np.float32], pipe: Any, start_s: float) -> None:  # noqa: ANN401 - of `Popen`
    size = int(BLOCK_S * RATE)
    for first in range(0, len(samples), size):
        due_s = start_s + (first + size) / RATE
        time.sleep(max(due_s - time.monotonic(), 0))
        pipe.write(to_int16(samples[first : first + size]).tobytes())
        pipe.flush()
    pipe.close()


def summary(stream: Stream, lines: Sequence[Line]) -> dict[str, Any]:
    """Delays, errors, and lines where nobody speaks.

    Args:
        stream: What was heard.
        lines: What was printed.
    """
    ends = sorted(end for _, end in stream.words)
    delays = []
    for line in lines:
        before = bisect.bisect(ends, line.end_s + SLACK_S)
        delays.append(line.came_s - ends[max(before - 1, 0)])
    false = sum(
        not any(start < line.end_s + SLACK_S and end > line.start_s - SLACK_S for start, end in stream.words)
        for line in lines
    )
    together = word_error_counts([" ".join(stream.references)], [" ".join(line.text for line in lines)])
    alone = word_error_counts(stream.references, stream.hypotheses)
    return {
        "num_utterances": len(stream.references),
        "audio_s": round(len(stream.samples) / RATE, 1),
        "num_lines": len(lines),
        "num_false_lines": false,
        "delay_median_s": round(float(np.median(delays)), 2),
        "delay_p90_s": round(float(np.quantile(delays, 0.9)), 2),
        "delay_max_s": round(max(delays), 2),
        "wer": round(together.error_rate, 4),
        "wer_of_whole_utterances": round(alone.error_rate, 4),
    }


@dataclass
class Arguments:
    """What to measure, on what."""

    dataset_name: str = field(metadata={"help": "Data set on the Hub, local Parquet folder, or OpenSLR archive."})
    dataset_config_name: str | None = field(default=None, metadata={"help": "Configuration of the data set."})
    split: str = field(default="validation", metadata={"help": "Split of the data set."})
    step: int = field(default=16, metadata={"help": "Take every so many utterances."})
    noise_db: float = field(default=-60.0, metadata={"help": "Level of the noise in dB of full scale."})
    silences: list[float] = field(
        default_factory=lambda: [0.3, 0.6], metadata={"help": "Values of the command's --silence."}
    )
    output: Path | None = field(default=None, metadata={"help": "JSON file to write the figures to as well."})


def main() -> int:
    """Measure and report."""
    arguments: Any = Arguments
    (args,) = CommandParser(arguments, description=(__doc__ or "").splitlines()[0]).parse()
    rows = load_speech_dataset(args.dataset_name, args.dataset_config_name, args.split, text_column="text")
    utterances = [
        (load_utterance(rows[number]["audio"], RATE), rows[number]["text"])
        for number in range(0, len(rows), args.step)
    ]
    stream = make_stream(utterances, OnnxRecognizer(language_model="own"), args.noise_db)
    figures = {}
    for silence_s in args.silences:
        figures[f"silence {silence_s:g} s"] = summary(stream, listen(stream, ["--silence", str(silence_s)]))
        print(f"silence {silence_s:g} s", json.dumps(figures[f"silence {silence_s:g} s"], indent=2), flush=True)
    if args.output:
        write_report(args.output, {"noise_db": args.noise_db, **figures})
    return 0


if __name__ == "__main__":
    sys.exit(main())
