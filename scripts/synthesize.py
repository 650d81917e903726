"""Turn text into synthetic speech: a Parquet split that `scripts/train.py` reads beside real speech.

    pip install -e ".[synthesis]"
    python scripts/synthesize.py --text_file lm_corpus.txt.xz --max_lines 28538 --num_utterances 7000 \
        --exclude_dataset_name openslr/librispeech_asr --exclude_dataset_config_name clean \
        --exclude_split_name validation --output_dir synthetic

Then `load_dataset("synthetic", split="train")`. The same command resumes an interrupted run, with the same files.
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

import itertools
from dataclasses import dataclass, field

from tqdm.auto import tqdm

from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.text.lines import ON_UNKNOWN_HELP, NormalizedLines, OnUnknownLine
from recipe.held_out import held_out_sentences
from recipe.synthesis import VOICE_HELP, SynthesisSettings, select_sentences, synthesize_split


@dataclass
class SynthesisArguments:
    """Text, voices, and where the speech goes."""

    text_file: str = field(metadata={"help": "Text, one sentence a line; .xz is decompressed."})
    output_dir: str = field(metadata={"help": "Folder of the data set."})
    num_utterances: int = field(metadata={"help": "Number of sentences, drawn at random."})
    split: str = field(default="train", metadata={"help": "Name of the split."})
    max_lines: int | None = field(default=None, metadata={"help": "Maximum number of lines of the text."})
    skip_lines: int = field(default=0, metadata={"help": "Lines to leave out at the beginning of the text."})
    on_unknown: OnUnknownLine = field(default="skip", metadata={"help": ON_UNKNOWN_HELP})
    min_words: int = field(default=3, metadata={"help": "Leave out shorter sentences."})
    max_words: int = field(default=40, metadata={"help": "Leave out longer sentences."})
    exclude_dataset_name: str | None = field(
        default=None, metadata={"help": "Data set whose sentences are left out, a test set for example."}
    )
    exclude_dataset_config_name: str | None = field(default=None, metadata={"help": "Its configuration."})
    exclude_split_name: list[str] = field(
        default_factory=lambda: ["validation"], metadata={"help": "Its split, or several."}
    )
    voices: list[str] = field(default_factory=lambda: ["hibari:heart"], metadata={"help": f"Voices: {VOICE_HELP}."})
    voice_weights: list[float] = field(
        default_factory=list, metadata={"help": "Relative probability of each voice; equal by default."}
    )
    pace: list[float] = field(
        default_factory=lambda: [0.75, 1.2], metadata={"help": "Range of the relative rate of speech."}
    )
    resonance: list[float] = field(
        default_factory=lambda: [0.82, 1.12], metadata={"help": "Range of the factor on formants and pitch."}
    )
    reverberation_prob: float = field(default=0.5, metadata={"help": "Probability of reverberation."})
    signal_to_noise_db: list[float] = field(
        default_factory=lambda: [15.0, 45.0], metadata={"help": "Range of the signal-to-noise ratio."}
    )
    seed: int = field(default=0, metadata={"help": "Seed of all draws."})
    shard_size: int = field(default=200, metadata={"help": "Utterances per file."})
    num_workers: int = field(default=1, metadata={"help": "Number of processes."})


def main() -> None:
    """Choose sentences, synthesise them, write them."""
    parser = CommandParser(SynthesisArguments, description=__doc__.partition("\n")[0])
    (options,) = parser.parse()
    with parser.refusals():
        held_out = held_out_sentences(
            options.exclude_dataset_name,
            options.exclude_dataset_config_name,
            options.exclude_split_name,
            options.on_unknown,
        )
        lines = NormalizedLines.of_file(
            options.text_file,
            on_unknown=options.on_unknown,
            skip_lines=options.skip_lines,
            max_lines=options.max_lines,
        )
        sentences = select_sentences(
            lines,
            options.num_utterances,
            exclude=itertools.chain.from_iterable(held_out.values()),
            min_words=options.min_words,
            max_words=options.max_words,
            seed=options.seed,
        )
        settings = SynthesisSettings(
            voices=tuple(options.voices),
            voice_weights=tuple(options.voice_weights),
            pace=tuple(options.pace),
            resonance=tuple(options.resonance),
            reverberation_prob=options.reverberation_prob,
            signal_to_noise_db=tuple(options.signal_to_noise_db),
            seed=options.seed,
        )
        shards = synthesize_split(
            sentences,
            options.output_dir,
            settings,
            split=options.split,
            shard_size=options.shard_size,
            num_workers=options.num_workers,
        )
        num_shards = -(-len(sentences) // options.shard_size)
        for _ in tqdm(shards, total=num_shards, unit="shard", desc="Synthesizing"):
            pass
    print(f"{len(sentences):,} utterances, split {options.split!r}, are in {options.output_dir}.")


if __name__ == "__main__":
    main()
