"""Estimate the character n-gram for the LF-MMI training of `scripts/train.py --mmi_weight`.

    python scripts/build_character_lm.py --text_file lm_corpus.txt.xz --output_file character_lm.safetensors \
        --exclude_dataset_name openslr/librispeech_asr --exclude_dataset_config_name clean \
        --exclude_split_name validation

With a data set to exclude, its sentences are left out of the text. The n-gram is then measured on them.
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

from dataclasses import dataclass, field
from itertools import chain

from tqdm.auto import tqdm

from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.text.lines import ON_UNKNOWN_HELP, NormalizedLines, OnUnknownLine
from hf_bigru_asr.training.building import build_processor
from recipe.character_lm import bits_per_character, estimate_character_lm, save_character_lm
from recipe.held_out import held_out_sentences


@dataclass
class CharacterLanguageModelArguments:
    """Text, order, and where the n-gram goes."""

    text_file: str = field(metadata={"help": "Text, one sentence a line; .xz is decompressed."})
    output_file: str = field(metadata={"help": "Where to write it, a name that ends in .safetensors."})
    order: int = field(
        default=3, metadata={"help": "Length of the n-grams: 3, or 4, with which training takes longer."}
    )
    skip_lines: int = field(default=0, metadata={"help": "Lines at the beginning of the text to leave out."})
    on_unknown: OnUnknownLine = field(default="skip", metadata={"help": ON_UNKNOWN_HELP})
    model_name_or_path: str | None = field(
        default=None, metadata={"help": "Model whose tokenizer is used; the default one without it."}
    )
    exclude_dataset_name: str | None = field(
        default=None, metadata={"help": "Data set whose sentences are left out and measured on."}
    )
    exclude_dataset_config_name: str | None = field(default=None, metadata={"help": "Its configuration."})
    exclude_split_name: list[str] = field(
        default_factory=lambda: ["validation"], metadata={"help": "Its split, or several."}
    )


def main() -> None:
    """Read the text, count, measure."""
    parser = CommandParser(CharacterLanguageModelArguments, description=__doc__.partition("\n")[0])
    (options,) = parser.parse()
    with parser.refusals():
        tokenizer = build_processor(options.model_name_or_path).tokenizer
        held_out = held_out_sentences(
            options.exclude_dataset_name,
            options.exclude_dataset_config_name,
            options.exclude_split_name,
            options.on_unknown,
        )
        lines = NormalizedLines.of_file(
            options.text_file, on_unknown=options.on_unknown, skip_lines=options.skip_lines
        )
        sentences = tqdm(lines, unit="line", desc="Reading", unit_scale=True)
        excluded = frozenset(chain.from_iterable(held_out.values()))
        transitions = estimate_character_lm(
            (sentence for sentence in sentences if sentence and sentence not in excluded), tokenizer, options.order
        )
        save_character_lm(transitions, options.output_file)
    for split, sentences_of_split in held_out.items():
        bits = bits_per_character(transitions, sentences_of_split, tokenizer)
        print(f"{bits:.3f} bits per character of {split}.")
    print(f"{transitions.shape[0]:,} contexts. Written to {options.output_file}.")


if __name__ == "__main__":
    main()
