"""Fit the confidences of words on a validation set: python scripts/calibrate_confidence.py --help.

Example:
    python scripts/calibrate_confidence.py --dataset_name openslr/librispeech_asr --dataset_config_name clean \
        --model outputs/train --lm language_model --num_workers 2
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from hf_bigru_asr.bundled import check_not_installed, resolve_model
from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.language_model.confidence_fitting import (
    confidence_figures,
    cross_validate,
    fit_confidence,
    judge_words,
)
from hf_bigru_asr.language_model.scored_data import ScoredDataset, ScoringArguments, language_model_folder
from hf_bigru_asr.model.beam_search_bigru_ctc import BeamSearchSettings
from hf_bigru_asr.provenance import note_start, provenance
from hf_bigru_asr.runtime.decoding_pool import BeamSearchPool
from hf_bigru_asr.storage.writing import whole_folder


@dataclass
class Arguments:
    """Whose confidences to fit, on what."""

    lm: str | None = field(
        default=None,
        metadata={
            "help": "Folder of a tuned language model, 'own' is the model's own; without it, for greedy decoding."
        },
    )
    num_workers: int = field(default=1, metadata={"help": "Processes that decode, with --lm."})
    output_dir: Path | None = field(
        default=None,
        metadata={"help": "Folder for confidence.json; that of the language model, or the model."},
    )
    overwrite_installed: bool = field(
        default=False, metadata={"help": "Write into the model that ships with the package, too."}
    )


def main() -> None:
    """Run the network, decode, fit, write."""
    note_start()
    parser = CommandParser((ScoringArguments, Arguments), description=__doc__.partition("\n")[0])
    scoring, args = parser.parse()
    folder = None
    with parser.refusals():
        if args.lm is not None:
            folder = language_model_folder(
                args.lm,
                scoring.model,
                to_write=args.output_dir is None,
                overwrite_installed=args.overwrite_installed,
            )
        output_dir = args.output_dir or folder or Path(resolve_model(scoring.model))
        if not args.overwrite_installed:
            check_not_installed(output_dir)
    if not output_dir.is_dir():
        parser.error(f"{output_dir} is no folder; say with --output_dir where confidence.json belongs")
    # 1. Log-probabilities of every utterance
    with parser.refusals():
        scored = ScoredDataset.compute(scoring, folder)
    utterances, processor = scored.utterances, scored.processor

    # 2. Words, and which of them are right
    if folder is None:
        greedy = processor.greedy_decoder()
        best = [greedy(log_probs[None])[0][0] for log_probs in utterances]
    else:
        with BeamSearchPool(folder, processor.tokenizer, processor.frame_s, args.num_workers) as pool:
            decoded = pool.decode(utterances, BeamSearchSettings.from_folder(folder))
            best = [hypotheses[0] for hypotheses, _ in tqdm(decoded, total=len(utterances), unit="utt")]
    words, right = judge_words(scored.references, best)

    # 3. The fit, and how it does on words that it has not seen
    features = [word.features for word in words]
    with parser.refusals():
        figures = confidence_figures(cross_validate(features, right), right)
    with whole_folder(output_dir) as staging:
        path = fit_confidence(features, right).save(
            staging,
            **scored.origin,
            cross_validated=figures,
            **provenance(),
        )
    print(
        f"{len(words)} words, {figures['share_wrong']:.1%} wrong. Cross-validated: expected calibration error "
        f"{figures['expected_calibration_error']:.2%}, average precision of finding wrong words "
        f"{figures['wrong_words_average_precision']:.3f}. Written to {output_dir / path.name}."
    )


if __name__ == "__main__":
    main()
