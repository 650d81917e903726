"""Contextual biasing: the rare words of each reference and distractors as hotwords of its utterance.

    python scripts/benchmarks/biasing.py --dataset_name openslr/librispeech_asr \
        --dataset_config_name clean --split validation --lm own --text_file lm_corpus.txt.xz \
        --weights 6 8 9.5 --output outputs/biasing.json

The biased words of an utterance are those of its reference that are not among the most frequent words of the training
text, with distractors: rare words of that text. `--lists` reads the published lists for LibriSpeech instead, lines of
an utterance's id, its text, and JSON lists of its rare words and of all its biased words, between tabs.

Prints the word error rate, and apart that of the biased words (B-WER) and of the others (U-WER), without and with
hotwords. An inserted word counts as a biased one if it is one.

Source: D. Le et al., "Contextualized streaming end-to-end speech recognition with trie-based deep biasing and shallow
fusion", Interspeech 2021.
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

import json
import lzma
import random
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jiwer

from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.language_model.scored_data import ScoredDataset, ScoringArguments, language_model_folder
from hf_bigru_asr.model.beam_search_bigru_ctc import BeamSearchDecoder, BeamSearchSettings
from hf_bigru_asr.model.hotwords_bigru_ctc import DEFAULT_HOTWORD_WEIGHT
from hf_bigru_asr.provenance import note_start, provenance
from hf_bigru_asr.storage.writing import write_json

NUM_FREQUENT = 5000
"""Words that are not rare; 90 % of all that is said, by the source."""


@dataclass
class Arguments:
    """Language model, lists and weight."""

    lm: str = field(metadata={"help": "Folder of a tuned language model; 'own' is the model's own."})
    preset: str | None = field(default=None, metadata={"help": "Settings of the language model, fast for example."})
    text_file: Path | None = field(default=None, metadata={"help": "Training text, whose words make the lists."})
    lists: Path | None = field(default=None, metadata={"help": "Published lists to read instead."})
    num_distractors: list[int] = field(
        default_factory=lambda: [100, 1000], metadata={"help": "Distractors of every utterance."}
    )
    weights: list[float] = field(
        default_factory=lambda: [DEFAULT_HOTWORD_WEIGHT], metadata={"help": "Weights of the biased words, in nats."}
    )
    every: int = field(default=1, metadata={"help": "Take every n-th utterance."})
    seed: int = field(default=0, metadata={"help": "Of the choice of distractors."})
    output: Path | None = field(default=None, metadata={"help": "JSON file for the figures."})


@dataclass
class BiasedErrors:
    """Errors of biased and other words.

    Args:
        num_biased: Biased words of the references.
        num_other: Other words of the references.
        biased_errors: Substitutions, deletions and insertions of biased words.
        other_errors: Those of others.
    """

    num_biased: int = 0
    num_other: int = 0
    biased_errors: int = 0
    other_errors: int = 0

    def add(self, reference: str, hypothesis: str, biased: frozenset[str]) -> None:
        """Count those of an utterance."""
        words, found = reference.split(), hypothesis.split()
        num_biased = sum(word in biased for word in words)
        self.num_biased += num_biased
        self.num_other += len(words) - num_biased
        wrong = list(found)
        if words and found:
            wrong = []
            for chunk in jiwer.process_words(reference, hypothesis).alignments[0]:
                if chunk.type == "insert":
                    wrong += found[chunk.hyp_start_idx : chunk.hyp_end_idx]
                elif chunk.type != "equal":
                    wrong += words[chunk.ref_start_idx : chunk.ref_end_idx]
        elif words:
            wrong = words
        of_biased = sum(word in biased for word in wrong)
        self.biased_errors += of_biased
        self.other_errors += len(wrong) - of_biased

    def rates(self) -> dict[str, float]:
        """Error rates, fractions."""
        return {
            "wer": (self.biased_errors + self.other_errors) / max(self.num_biased + self.num_other, 1),
            "b_wer": self.biased_errors / max(self.num_biased, 1),
            "u_wer": self.other_errors / max(self.num_other, 1),
        }


def frequent_and_rare(path: Path) -> tuple[frozenset[str], list[str]]:
    """The most frequent words of a text, and all others in alphabetical order."""
    counts: Counter[str] = Counter()
    with lzma.open(path, "rt") if path.suffix == ".xz" else path.open() as stream:
        for line in stream:
            counts.update(line.upper().split())
    frequent = frozenset(word for word, _ in counts.most_common(NUM_FREQUENT))
    rare = sorted(word for word in counts.keys() - frequent if word.strip("'") and set(word) <= _LETTERS)
    return frequent, rare


_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ'")


def made_lists(
    references: Sequence[str], frequent: frozenset[str], rare: Sequence[str], num_distractors: int, seed: int
) -> list[tuple[frozenset[str], list[str]]]:
    """Rare words of every reference, and its hotwords: these and distractors."""
    chance = random.Random(seed)
    lists = []
    for reference in references:
        words = frozenset(reference.split()) - frequent
        distractors = chance.sample(rare, min(num_distractors, len(rare)))
        lists.append((words, sorted({*words, *distractors})))
    return lists


def read_lists(path: Path) -> dict[str, tuple[frozenset[str], list[str]]]:
    """Published lists by the ids of utterances."""
    lists = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, _, rare, biased, *_ = line.split("\t")
        lists[name] = (frozenset(map(str.upper, json.loads(rare))), [word.upper() for word in json.loads(biased)])
    return lists


def measure(
    decoder: BeamSearchDecoder,
    utterances: Sequence[Any],
    references: Sequence[str],
    lists: Iterable[tuple[frozenset[str], list[str]]],
    weight: float,
) -> dict[str, float]:
    """Decode every utterance with its hotwords; none if the weight is 0.

    Args:
        decoder: Without hotwords.
        utterances: Log-probabilities `(frames, classes)`.
        references: Transcripts.
        lists: Rare words of each reference, and its hotwords.
        weight: In nats.

    Returns:
        Error rates, processor seconds of decoding, and median milliseconds until changed hotwords are ready.
    """
    errors, changes_s, decoding_s = BiasedErrors(), [], 0.0
    for log_probs, reference, (biased, hotwords) in zip(utterances, references, lists, strict=True):
        start_s = time.process_time()
        used = decoder.with_settings(hotwords=dict.fromkeys(hotwords, weight)) if weight else decoder
        ready_s = time.process_time()
        (best,) = used(log_probs[None])[0]
        decoding_s += time.process_time() - ready_s
        changes_s.append(ready_s - start_s)
        errors.add(reference, best.text, biased)
    return errors.rates() | {"decoding_s": decoding_s, "change_ms": 1000 * sorted(changes_s)[len(changes_s) // 2]}


def measured_rows(
    decoder: BeamSearchDecoder,
    utterances: Sequence[Any],
    references: Sequence[str],
    lists: Mapping[str, Sequence[tuple[frozenset[str], list[str]]]],
    weights: Sequence[float],
) -> dict[str, dict[str, float]]:
    """What [`measure`] finds without hotwords, and with every list at every weight.

    Args:
        decoder: As in [`measure`], as the next two.
        utterances: Log-probabilities.
        references: Transcripts.
        lists: Rare words and hotwords of every reference, by the names of the lists.
        weights: In nats.
    """
    rows = {"no hotwords": measure(decoder, utterances, references, next(iter(lists.values())), 0.0)}
    for name, hotwords in lists.items():
        for weight in weights:
            rows[f"{name}, {weight:g} nats"] = measure(decoder, utterances, references, hotwords, weight)
    return rows


def main() -> None:
    """Run the network once, decode without and with every list, print and write."""
    note_start()
    parser = CommandParser((ScoringArguments, Arguments), description=__doc__.partition("\n")[0])  # type: ignore[arg-type] # NewType of Any
    scoring, args = parser.parse()
    with parser.refusals():
        if (args.text_file is None) == (args.lists is None):
            raise ValueError("give --text_file or --lists: where the biased words come from")
        folder = language_model_folder(args.lm, scoring.model)
        settings = BeamSearchSettings.from_folder(folder, preset=args.preset)
        published = read_lists(args.lists) if args.lists is not None else None
        scoring.num_offsets = scoring.num_offsets or settings.num_offsets
        scored = ScoredDataset.compute(scoring, folder)
    references, utterances = scored.references[:: args.every], scored.utterances[:: args.every]
    if published is not None:
        dataset = load_speech_dataset(scoring.dataset_name, scoring.dataset_config_name, scoring.split)
        names = dataset["id"][:: args.every]
        lists = {"published": [published[name] for name in names]}
    else:
        words = frequent_and_rare(args.text_file)
        lists = {f"N={count}": made_lists(references, *words, count, args.seed) for count in args.num_distractors}
    decoder = BeamSearchDecoder(folder, scored.processor.tokenizer, scored.processor.frame_s, settings)
    decoder(utterances[0][None])  # what is loaded with the first utterance
    rows = measured_rows(decoder, utterances, references, lists, args.weights)
    print(f"{'':18}{'WER':>8}{'B-WER':>8}{'U-WER':>8}{'decoding':>12}{'change':>10}")
    for name, row in rows.items():
        print(
            f"{name:18}{row['wer']:8.1%}{row['b_wer']:8.1%}{row['u_wer']:8.1%}{row['decoding_s']:10.1f} s"
            f"{row['change_ms']:7.1f} ms"
        )
    if args.output is not None:
        args.output.parent.mkdir(parents=True, exist_ok=True)
        record = {"weights": args.weights, "preset": args.preset, "every": args.every, "seed": args.seed, "rows": rows}
        write_json(args.output, {**scored.origin, "language_model": args.lm, **record, **provenance()})


if __name__ == "__main__":
    main()
