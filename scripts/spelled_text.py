"""Write sentences of spelled letters, numbers, dates and addresses, and what else a language model is to read.

    python scripts/spelled_text.py --text_file lm_corpus.txt.xz --num_sentences 30000 --keep_text \
        --dataset_name my_speech --repeats 3 --output_file text.txt

The words that are spelled come from the text. With `--keep_text` the text comes first, then the transcripts of a data
set, then the sentences.
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

import collections
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.storage.writing import whole_file
from hf_bigru_asr.text.lines import read_lines
from recipe.held_out import held_out_sentences
from recipe.spelled_text import spelled_sentences

NUM_LINES = 200_000
"""Lines at the beginning of the text whose words are counted."""
COUNTS = range(3, 301)
"""A word is spelled if it stands so often in them: names, rather than THE or what is misspelled."""


@dataclass
class SpelledTextArguments:
    """Where words come from, how many sentences, and where they go."""

    text_file: str = field(metadata={"help": "Text, one sentence a line; .xz is decompressed."})
    output_file: str = field(metadata={"help": "File to write, one sentence a line."})
    num_sentences: int = field(metadata={"help": "Number of spelled sentences."})
    keep_text: bool = field(default=False, metadata={"help": "Write the text before them."})
    dataset_name: str | None = field(default=None, metadata={"help": "Data set whose transcripts are written too."})
    dataset_config_name: str | None = field(default=None, metadata={"help": "Its configuration."})
    split_name: str = field(default="train", metadata={"help": "Its split."})
    repeats: int = field(default=1, metadata={"help": "How often the transcripts are written."})
    seed: int = field(default=0, metadata={"help": "Seed of all draws."})


def names(text_file: str) -> list[str]:
    """Words of a text that are worth spelling, in the order of their first appearance."""
    lines = itertools.islice(read_lines(text_file), NUM_LINES)
    counts = collections.Counter(itertools.chain.from_iterable(re.findall(r"\b[A-Z]{3,9}\b", each) for each in lines))
    return [word for word, count in counts.items() if count in COUNTS]


def sentences(options: SpelledTextArguments) -> Iterator[str]:
    """What is written, line by line."""
    if options.keep_text:
        yield from read_lines(options.text_file)
    held = held_out_sentences(options.dataset_name, options.dataset_config_name, [options.split_name])
    for transcripts in held.values():
        yield from (transcript for _ in range(options.repeats) for transcript in transcripts)
    yield from spelled_sentences(names(options.text_file), options.num_sentences, options.seed)


def main() -> None:
    """Write the sentences."""
    parser = CommandParser(SpelledTextArguments, description=__doc__.partition("\n")[0])
    (options,) = parser.parse()
    with parser.refusals(), whole_file(options.output_file) as path, path.open("w", encoding="utf-8") as file:
        file.writelines(f"{each}\n" for each in sentences(options))
    print(f"The sentences are in {options.output_file}.")


if __name__ == "__main__":
    main()
