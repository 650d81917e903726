"""Choose the weights of beam search on a validation set, and show what the width of the beam costs and gains.

    pip install -e ".[plot]"
    python scripts/tune_decoding.py --model bundled --lm language_model --dataset_name openslr/librispeech_asr \
        --dataset_config_name clean --split validation --output_dir outputs/tuning

Writes `tuning.json` and `tuning.png`, and the chosen weights as `decoding.json` beside the language model, where
`--lm` and `processor.beam_search_decoder()` find them. With `--preset fast` they become a preset in that file, beside
the settings that it has.
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.evaluation.plots import check_plots, plot_tuning
from hf_bigru_asr.language_model.scored_data import ScoredDataset, ScoringArguments, language_model_folder
from hf_bigru_asr.language_model.tuning import (
    best_settings,
    mean_posteriors,
    outside_lexicon_figures,
    tune_decoding,
    write_settings,
)
from hf_bigru_asr.model.beam_search_bigru_ctc import BeamSearchSettings
from hf_bigru_asr.provenance import note_start, provenance
from hf_bigru_asr.runtime.decoding_pool import BeamSearchPool
from hf_bigru_asr.storage.writing import write_json


@dataclass
class Arguments:
    """What to tune, on what."""

    lm: str = field(
        metadata={
            "help": "Folder of the language model, where the chosen weights are written; 'own' is the model's own."
        }
    )
    lm_weights: list[float] = field(
        default_factory=lambda: [1.5, 2.0, 2.5], metadata={"help": "Weights of the language model to try."}
    )
    word_scores: list[float] = field(
        default_factory=lambda: [-2.0, -1.5, -1.0], metadata={"help": "Scores of every word to try."}
    )
    prior_weights: list[float] = field(
        default_factory=lambda: [0.5, 0.7, 0.9], metadata={"help": "Weights of the class priors to try."}
    )
    beam_size: int = field(default=200, metadata={"help": "Width of the beam while weights are tried."})
    beam_sizes: list[int] = field(
        default_factory=lambda: [1, 10, 20, 50, 100, 200, 500, 1000],
        metadata={"help": "Widths to try with the best weights."},
    )
    beam_size_token: int | None = field(default=10, metadata={"help": "Classes of a frame that are tried."})
    beam_threshold: float = field(
        default=12.0, metadata={"help": "Distance from the best score at which hypotheses are dropped."}
    )
    blank_margin: float | None = field(
        default=4.0, metadata={"help": "Nats by which the blank is better in frames that the search leaves out."}
    )
    chosen_beam_size: int = field(default=1000, metadata={"help": "Width of the beam to write down."})
    preset: str | None = field(
        default=None, metadata={"help": "Name of the preset to write, beside the settings that are there already."}
    )
    num_workers: int = field(default=1, metadata={"help": "Processes that decode."})
    output_dir: Path = field(default=Path("outputs/tuning"), metadata={"help": "Folder for the results."})
    overwrite_installed: bool = field(
        default=False, metadata={"help": "Write into the model that ships with the package, too."}
    )


def main() -> None:
    """Run the network once, decode often, write the best."""
    note_start()
    parser = CommandParser((ScoringArguments, Arguments), description=__doc__.partition("\n")[0])
    scoring, args = parser.parse()
    with parser.refusals():
        check_plots()
        write = {"to_write": True, "overwrite_installed": args.overwrite_installed}
        folder = language_model_folder(args.lm, scoring.model, **write)
        # 1. Log-probabilities of every utterance
        scored = ScoredDataset.compute(scoring, folder)
    utterances, references, processor = scored.utterances, scored.references, scored.processor

    # 2. Weights
    start = BeamSearchSettings(
        class_priors=mean_posteriors(utterances),
        beam_size=args.beam_size,
        beam_size_token=args.beam_size_token,
        beam_threshold=args.beam_threshold,
        blank_margin=args.blank_margin,
        min_evidence=BeamSearchSettings.from_folder(folder).min_evidence,
        num_offsets=processor.feature_extractor.num_offsets,
    )
    trials = []
    with BeamSearchPool(folder, processor.tokenizer, processor.frame_s, args.num_workers) as pool:
        for trial in tune_decoding(
            pool,
            utterances,
            references,
            start,
            lm_weights=args.lm_weights,
            word_scores=args.word_scores,
            prior_weights=args.prior_weights,
            beam_sizes=args.beam_sizes,
        ):
            trials.append(trial)
            print(trial, flush=True)
        chosen = replace(best_settings(trials, beam_size=args.beam_size), beam_size=args.chosen_beam_size)
        outside = outside_lexicon_figures(pool, utterances, references, chosen)

    # 3. Results
    report = {
        **scored.origin,
        "language_model": args.lm,
        "chosen": asdict(chosen),
        "outside_lexicon": outside,
        "trials": [trial.as_dict() for trial in trials],
        "num_workers": args.num_workers,
        **provenance(),
    }
    write_json(args.output_dir / "tuning.json", report)
    write_settings(folder, chosen, args.preset)
    plot_tuning(trials, args.beam_size, args.output_dir / "tuning.png")
    print(
        f"{outside['num_reference']} words outside the lexicon, of which {outside['num_found']} are right; "
        f"WER of the {outside['num_utterances']} utterances that have them: {outside['wer']:.2%}"
        if outside["num_reference"]
        else "No word is outside the lexicon."
    )
    print(f"Chosen: {asdict(chosen)}. Written to {args.output_dir} and {folder}.")


if __name__ == "__main__":
    main()
