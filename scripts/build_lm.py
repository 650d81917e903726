"""Build the word n-gram that `--lm` decodes with, from any text.

    python scripts/build_lm.py --text_file lm_corpus.txt.xz --output_dir language_model \
        --exclude_dataset_name openslr/librispeech_asr --exclude_dataset_config_name clean \
        --exclude_split_name validation

With a data set to exclude, the sentences of its splits are left out of the text. Perplexity and the rate of words
outside the vocabulary are then measured on them.
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

import json
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path

from tqdm.auto import tqdm

from hf_bigru_asr.bundled import resolve_model
from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.language_model.building import LanguageModelSettings, build_language_model, score_sentences
from hf_bigru_asr.model.language_model_files_bigru_ctc import RECORD_NAME
from hf_bigru_asr.model.tokenization_bigru_ctc import BiGRUCTCTokenizer
from hf_bigru_asr.storage.writing import write_json
from hf_bigru_asr.text.languages import Normalizer
from hf_bigru_asr.text.lines import ON_UNKNOWN_HELP, NormalizedLines, OnUnknownLine
from recipe.held_out import held_out_sentences


@dataclass
class LanguageModelArguments:
    """Text, size, and where the language model goes."""

    text_file: str = field(metadata={"help": "Text, one sentence a line; .xz is decompressed."})
    output_dir: str = field(metadata={"help": "Folder for the language model, its lexicon and the record of both."})
    order: int = field(default=3, metadata={"help": "Length of the longest n-grams."})
    prune: list[int] = field(
        default_factory=lambda: [0, 1, 2],
        metadata={"help": "For each order, the count up to which n-grams are pruned; begins with 0."},
    )
    max_words: int = field(
        default=60_000, metadata={"help": "Maximum size of the vocabulary; other words are spelled."}
    )
    min_count: int = field(default=3, metadata={"help": "Minimum number of occurrences of a word of the vocabulary."})
    quantization_bits: int = field(default=8, metadata={"help": "Bits of a stored probability."})
    exclude_dataset_name: str | None = field(
        default=None, metadata={"help": "Data set whose sentences are left out and measured on."}
    )
    exclude_dataset_config_name: str | None = field(default=None, metadata={"help": "Its configuration."})
    exclude_split_name: list[str] = field(
        default_factory=lambda: ["validation"], metadata={"help": "Its split, or several."}
    )
    kenlm_bin: str | None = field(
        default=None,
        metadata={
            "help": "Folder with KenLM's programs lmplz and build_binary. Unset: used if they are on the path; "
            "without them the n-gram is estimated here and written as a compressed ARPA file."
        },
    )
    model: str = field(
        default="bundled",
        metadata={"help": "Model that the language model is for: its language and its characters."},
    )
    on_unknown: OnUnknownLine = field(default="skip", metadata={"help": ON_UNKNOWN_HELP})
    memory: str = field(default="1G", metadata={"help": "Memory for counts, 1G for example."})


def main() -> None:
    """Read the text, estimate, measure."""
    parser = CommandParser(LanguageModelArguments, description=__doc__.partition("\n")[0])
    (options,) = parser.parse()
    with parser.refusals(RuntimeError):
        settings = LanguageModelSettings(
            options.order, tuple(options.prune), options.max_words, options.min_count, options.quantization_bits
        )
        tokenizer = BiGRUCTCTokenizer.from_pretrained(resolve_model(options.model))
        normalize = Normalizer.of(tokenizer)
        held_out = held_out_sentences(
            options.exclude_dataset_name,
            options.exclude_dataset_config_name,
            options.exclude_split_name,
            options.on_unknown,
            normalize,
        )
        lines = NormalizedLines.of_file(options.text_file, on_unknown=options.on_unknown, normalize=normalize)
        record = build_language_model(
            tqdm(lines, unit="line", desc="Reading", unit_scale=True),
            options.output_dir,
            settings,
            exclude=chain.from_iterable(held_out.values()),
            kenlm_bin=options.kenlm_bin,
            memory=options.memory,
            normalize=str,  # which the lines are already
            letters=sorted(normalize.alphabet or ()),
        )
        if held_out:
            record |= {
                split: asdict(score_sentences(options.output_dir, sentences)) for split, sentences in held_out.items()
            }
            write_json(Path(options.output_dir) / RECORD_NAME, record)
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
