"""Fit the confidences of words on a validation set: python scripts/calibrate_confidence.py --help.

Example:
    python scripts/calibrate_confidence.py --dataset_name openslr/librispeech_asr --dataset_config_name clean \
        --model outputs/train --lm language_model --num_workers 2
"""

from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm
from transformers import AutoModelForCTC, AutoProcessor, HfArgumentParser

from hf_bigru_asr.bundled import resolve_model
from hf_bigru_asr.calibration import confidence_figures, cross_validate, fit_confidence, judge_words
from hf_bigru_asr.data import load_speech_dataset
from hf_bigru_asr.decoding import BeamSearchSettings
from hf_bigru_asr.decoding_pool import BeamSearchPool
from hf_bigru_asr.environment import command_line, git_commit, versions
from hf_bigru_asr.evaluation import iterate_log_probs


@dataclass
class Arguments:
    """Whose confidences to fit, on what."""

    dataset_name: str = field(metadata={"help": "Data set on the Hub, local Parquet folder, or OpenSLR archive."})
    model: str = field(default="bundled", metadata={"help": "Model folder, model on the Hub, or the bundled one."})
    lm: Path | None = field(
        default=None, metadata={"help": "Folder of a tuned language model; without it, for greedy decoding."}
    )
    dataset_config_name: str | None = field(default=None, metadata={"help": "Configuration of the data set."})
    split: str = field(default="validation", metadata={"help": "Split to fit on, never the one to report on."})
    audio_column_name: str = field(default="audio", metadata={"help": "Column with the audio."})
    text_column_name: str = field(default="text", metadata={"help": "Column with the transcript."})
    batch_size: int = field(default=8, metadata={"help": "Utterances that run through the network together."})
    num_workers: int = field(default=1, metadata={"help": "Processes that decode, with --lm."})
    output_dir: Path | None = field(
        default=None,
        metadata={"help": "Folder for confidence.json; that of the language model, or the model."},
    )


def main() -> None:
    """Run the network, decode, fit, write."""
    parser = HfArgumentParser(Arguments, description=__doc__.partition("\n")[0])
    (args,) = parser.parse_args_into_dataclasses()
    # 1. Log-probabilities of every utterance
    name = resolve_model(args.model)
    model, processor = AutoModelForCTC.from_pretrained(name).eval(), AutoProcessor.from_pretrained(name)
    output_dir = args.output_dir or args.lm or Path(name)
    if not output_dir.is_dir():
        parser.error(f"{output_dir} is no folder; say with --output_dir where confidence.json belongs")
    dataset = load_speech_dataset(
        args.dataset_name, args.dataset_config_name, args.split, audio_column=args.audio_column_name
    )
    columns = {"audio_column": args.audio_column_name, "text_column": args.text_column_name}
    pairs = list(
        tqdm(
            iterate_log_probs(model, processor, dataset, batch_size=args.batch_size, **columns),
            total=len(dataset),
            unit="utt",
            desc="Network",
        )
    )
    references, utterances = [reference for reference, _ in pairs], [log_probs for _, log_probs in pairs]

    # 2. Words, and which of them are right
    if args.lm is None:
        greedy = processor.greedy_decoder()
        best = [greedy(log_probs[None])[0][0] for log_probs in utterances]
    else:
        with BeamSearchPool(args.lm, processor.tokenizer, processor.frame_s, args.num_workers) as pool:
            decoded = pool.decode(utterances, BeamSearchSettings.from_folder(args.lm))
            best = [hypotheses[0] for hypotheses, _ in tqdm(decoded, total=len(utterances), unit="utt")]
    words, right = judge_words(references, best)

    # 3. The fit, and how it does on words that it has not seen
    features = [word.features for word in words]
    figures = confidence_figures(cross_validate(features, right), right)
    path = fit_confidence(features, right).save(
        output_dir,
        model=args.model,
        dataset={"name": args.dataset_name, "config": args.dataset_config_name, "split": args.split},
        cross_validated=figures,
        versions=versions(),
        command=command_line(),
        commit=git_commit(),
    )
    print(
        f"{len(words)} words, {figures['share_wrong']:.1%} wrong. Cross-validated: expected calibration error "
        f"{figures['expected_calibration_error']:.2%}, average precision of finding wrong words "
        f"{figures['wrong_words_average_precision']:.3f}. Written to {path}."
    )


if __name__ == "__main__":
    main()
