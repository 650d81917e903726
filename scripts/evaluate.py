"""Measure a model on a data set.

python scripts/evaluate.py --model bundled --dataset_name openslr/librispeech_asr --dataset_config_name clean \
    --split test --output_dir outputs/test

Prints the figures and writes `evaluation.json`, `utterances.txt`, reference against hypothesis, worst first, and
`utterances.json`, which `--compare` reads. `--report` writes a page, index.html, that plays the worst ones.
An utterance that cannot be used is named, the others are evaluated, and the exit status is 1.
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from datasets import Dataset, IterableDataset
from tqdm.auto import tqdm

from hf_bigru_asr.cli.hotwords import read_hotwords, rules_of_model
from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.data.manifests.arguments import ManifestArguments
from hf_bigru_asr.evaluation.evaluated_model import EvaluatedModel, write_evaluation
from hf_bigru_asr.evaluation.evaluating import UtteranceResult
from hf_bigru_asr.evaluation.plots import check_plots, plot_reliability
from hf_bigru_asr.evaluation.report import check_report
from hf_bigru_asr.evaluation.report_results import report_results, run_of_results
from hf_bigru_asr.evaluation.report_runs import read_run
from hf_bigru_asr.evaluation.summary import rates_by_group, summarize
from hf_bigru_asr.model.frame_grids_bigru_ctc import NUM_OFFSETS_HELP
from hf_bigru_asr.provenance import note_start, provenance


@dataclass
class Arguments(ManifestArguments):
    """What to measure, on what."""

    dataset_name: str = field(metadata={"help": "Data set on the Hub, local Parquet folder, or OpenSLR archive."})
    model: str = field(
        default="bundled", metadata={"help": "Model folder, model on the Hub, or the one that ships with the package."}
    )
    dataset_config_name: str | None = field(default=None, metadata={"help": "Configuration of the data set."})
    split: str = field(default="test", metadata={"help": "Split to measure on."})
    audio_column_name: str = field(default="audio", metadata={"help": "Column with the audio."})
    text_column_name: str = field(default="text", metadata={"help": "Column with the transcript."})
    dataset_description: str | None = field(
        default=None, metadata={"help": "What the data are, where their names do not say it; the card tells it."}
    )
    max_samples: int | None = field(default=None, metadata={"help": "Measure on the first so many utterances only."})
    batch_size: int = field(default=1, metadata={"help": "Utterances that run together."})
    num_workers: int = field(
        default=1,
        metadata={"help": "Threads that read and, with --lm, processes that decode the utterances of a batch."},
    )
    lm: str | None = field(
        default=None,
        metadata={"help": "Decode by beam search with the language model of this folder; 'own' is the model's own."},
    )
    beam_size: int | None = field(default=None, metadata={"help": "Hypotheses that beam search keeps."})
    lm_weight: float | None = field(default=None, metadata={"help": "Weight of the language model."})
    hotwords: list[str] = field(
        default_factory=list, metadata={"help": "Expected words or phrases, 'PHRASE' or 'PHRASE:WEIGHT', with --lm."}
    )
    nbest: int | None = field(
        default=None,
        metadata={
            "help": "Hypotheses of an utterance; the error rate of the best of them is measured too, with --lm."
        },
    )
    plot_reliability: bool = field(
        default=False, metadata={"help": "Draw how true the confidences are: reliability.png (extra `plot`)."}
    )
    report: Path | None = field(
        default=None, metadata={"help": "Write a page about the errors, index.html, into this folder."}
    )
    compare: Path | None = field(
        default=None,
        metadata={"help": "What --report compares with: the output folder of another evaluation, or a report's."},
    )
    group_by: str | None = field(
        default=None, metadata={"help": "Column of the data whose values get error rates of their own."}
    )
    word_score: float | None = field(default=None, metadata={"help": "Score of every word in beam search."})
    runtime: str = field(default="torch", metadata={"help": "What runs the network: torch, onnx, openvino, or auto."})
    preset: str | None = field(
        default=None, metadata={"help": "Settings that come with the language model: accurate, or fast."}
    )
    num_offsets: int | None = field(default=None, metadata={"help": NUM_OFFSETS_HELP})
    dtype: str | None = field(default=None, metadata={"help": "Number format of the network: float32 or bfloat16."})
    num_threads: int | None = field(default=None, metadata={"help": "Threads of the network."})
    device: str | None = field(default=None, metadata={"help": "Where to run; a GPU if there is one."})
    streaming: bool = field(default=False, metadata={"help": "Read the data as they are used."})
    trust_remote_code: bool = field(default=False, metadata={"help": "Run the code that comes with a Hub model."})
    output_dir: Path = field(default=Path("outputs/evaluation"), metadata={"help": "Folder for the results."})


def main() -> int:
    """Evaluate, print, write, and return the exit status."""
    note_start()
    parser = CommandParser(Arguments, description=__doc__.splitlines()[0])
    (args,) = parser.parse()
    # 1. Model and data
    with parser.refusals():
        if args.plot_reliability:
            check_plots()
        if args.compare is not None and args.report is None:
            raise ValueError("compare belongs to report; give --report FOLDER too")
        if args.report is not None:
            check_report()
        other = read_run(args.compare) if args.compare is not None else None
        recognizer = load_model(args)
        reading = args.reading()
        dataset = load_speech_dataset(
            args.dataset_name,
            args.dataset_config_name,
            args.split,
            streaming=args.streaming,
            audio_column=args.audio_column_name,
            text_column=args.text_column_name,
            **reading,
        )
        if args.max_samples is not None:
            dataset = dataset.take(args.max_samples)
        groups = group_names(dataset, args.group_by)
        utterances = recognizer.recognize(
            dataset,
            batch_size=args.batch_size,
            num_workers=args.num_workers,
            audio_column=args.audio_column_name,
            text_column=args.text_column_name,
        )

    # 2. Recognition
    results = list(with_errors_told(utterances, None if args.streaming else len(dataset)))

    # 3. Figures
    try:
        summary = summarize(results)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    if groups is not None:
        summary["by_group"] = {"column": args.group_by, "groups": rates_by_group(results, groups)}
    report = make_report(args, recognizer, summary)
    report["dataset"] |= {"left_out": reading["bad_rows"].counts} if reading["bad_rows"].num_bad else {}
    write_evaluation(args.output_dir, report, results)
    if args.plot_reliability:
        plot_reliability(summary["confidence"]["bins"], args.output_dir / "reliability.png")
    shown = [name for name in ("dataset", "metrics", "by_group", "speed") if name in report]
    print(json.dumps({name: report[name] for name in shown}, indent=2))
    print(f"Written to {args.output_dir}: evaluation.json, utterances.json, utterances.txt")
    if args.report is not None:
        with parser.refusals():
            page = report_results(args.report, run_of_results(results, report), dataset, other, args.audio_column_name)
        print(f"Written to {page}")
    return int(summary["num_failed"] > 0)


def with_errors_told(utterances: Iterator[UtteranceResult], total: int | None) -> Iterator[UtteranceResult]:
    """Every result as it comes, with a bar, and the name of what could not be evaluated."""
    for result in tqdm(utterances, total=total, unit="utt", mininterval=2):
        if result.error is not None:
            print(f"{result.id}: not evaluated: {result.error}", file=sys.stderr)
        yield result


def group_names(dataset: Dataset | IterableDataset, column: str | None) -> list[object] | None:
    """The group of every utterance, if there is a column of them."""
    if column is None:
        return None
    if isinstance(dataset, IterableDataset):
        raise ValueError("group_by needs all rows at once; leave --streaming out")
    if column not in dataset.column_names:
        raise ValueError(f"there is no column {column!r} to group by; there are {', '.join(dataset.column_names)}")
    return list(dataset[column])


def load_model(args: Arguments) -> EvaluatedModel:
    """The model with the decoder that the arguments name."""
    given = {name: getattr(args, name) for name in ("preset", "beam_size", "lm_weight", "word_score", "nbest")}
    decoding = {name: value for name, value in given.items() if value is not None}
    if args.hotwords:
        decoding["hotwords"] = read_hotwords(args.hotwords, rules_of_model(args.model))
    if decoding and args.lm is None:
        raise ValueError(f"{' and '.join(decoding)} belong to beam search; give --lm own or --lm FOLDER too")
    return EvaluatedModel.load(
        args.model,
        language_model=args.lm,
        decoding=decoding,
        num_offsets=args.num_offsets,
        runtime=args.runtime,
        device=args.device,
        num_threads=args.num_threads,
        dtype=args.dtype,
        trust_remote_code=args.trust_remote_code,
    )


def make_report(args: Arguments, recognizer: EvaluatedModel, summary: dict[str, Any]) -> dict[str, Any]:
    """What `evaluation.json` says."""
    figures = dict(summary)
    sizes = {name: figures.pop(name) for name in ("num_utterances", "num_failed", "hours")}
    dataset = {"name": args.dataset_name, "config": args.dataset_config_name, "split": args.split}
    if args.dataset_description:
        dataset["description"] = args.dataset_description
    described = recognizer.describe()
    described["decoding"] |= {"batch_size": args.batch_size, "num_workers": args.num_workers}
    return {
        "model": args.model,
        "dataset": {**dataset, **sizes},
        **figures,
        **described,
        **provenance(str(recognizer.model.device)),
        "date": datetime.now(tz=UTC).date().isoformat(),
    }


if __name__ == "__main__":
    sys.exit(main())
