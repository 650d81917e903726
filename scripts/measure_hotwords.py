"""Measure what hotwords find and what they find wrongly: python scripts/measure_hotwords.py --help.

The hotwords are the words of the references with the lowest probability in the language model, those outside its
lexicon first. All of them are hotwords in every utterance. A false alarm is a hotword in a hypothesis whose reference
does not have it.

Example:
    python scripts/measure_hotwords.py --dataset_name openslr/librispeech_asr --dataset_config_name clean \
        --lm language_model --num_workers 2
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

from dataclasses import dataclass, field, replace
from pathlib import Path

from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.language_model.building import rarest_words
from hf_bigru_asr.language_model.scored_data import ScoredDataset, ScoringArguments, language_model_folder
from hf_bigru_asr.language_model.term_recall import term_recall
from hf_bigru_asr.metrics import word_error_counts
from hf_bigru_asr.model.beam_search_bigru_ctc import BeamSearchSettings
from hf_bigru_asr.provenance import note_start, provenance
from hf_bigru_asr.runtime.decoding_pool import BeamSearchPool
from hf_bigru_asr.storage.writing import write_json


@dataclass
class Arguments:
    """Language model, hotwords and weights to try."""

    lm: str = field(metadata={"help": "Folder of a tuned language model; 'own' is the model's own."})
    num_hotwords: int = field(default=100, metadata={"help": "Number of hotwords."})
    weights: list[float] = field(
        default_factory=lambda: [0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0], metadata={"help": "Weights to try."}
    )
    beam_size: int | None = field(default=None, metadata={"help": "Hypotheses that beam search keeps."})
    num_workers: int = field(default=1, metadata={"help": "Number of decoding processes."})
    output_dir: Path = field(default=Path("outputs/hotwords"), metadata={"help": "Folder for the results."})


def main() -> None:
    """Run the network once, decode with every weight, write."""
    note_start()
    parser = CommandParser((ScoringArguments, Arguments), description=__doc__.partition("\n")[0])
    scoring, args = parser.parse()
    with parser.refusals():
        folder = language_model_folder(args.lm, scoring.model)
    # 1. Log-probabilities of every utterance
    with parser.refusals():
        scored = ScoredDataset.compute(scoring, folder)
    references, utterances, processor = scored.references, scored.utterances, scored.processor
    hotwords = rarest_words(references, folder, args.num_hotwords)

    # 2. Decoding with every weight
    settings = BeamSearchSettings.from_folder(folder)
    if args.beam_size is not None:
        settings = replace(settings, beam_size=args.beam_size)
    trials = []
    with BeamSearchPool(folder, processor.tokenizer, processor.frame_s, args.num_workers) as pool:
        for weight in args.weights:
            chosen = replace(settings, hotwords=dict.fromkeys(hotwords, weight) if weight else {})
            texts = [hypotheses[0].text for hypotheses, _ in pool.decode(utterances, chosen)]
            recall = term_recall(references, texts, hotwords, scored.hours)
            wer = word_error_counts(references, texts).error_rate
            trials.append({"weight": weight, "wer": wer, **recall.as_dict()})
            print(
                f"weight {weight:g}: {recall.num_found} of {recall.num_reference} found, "
                f"{recall.false_alarms_per_hour:.1f} false alarms per hour, WER {wer:.2%}",
                flush=True,
            )

    # 3. Results
    report = {
        **scored.origin,
        "language_model": args.lm,
        "hotwords": hotwords,
        "trials": trials,
        "beam_size": settings.beam_size,
        **provenance(),
    }
    path = args.output_dir / "hotwords.json"
    write_json(path, report)
    print(f"Written to {path}.")


if __name__ == "__main__":
    main()
