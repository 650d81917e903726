"""Measure a model on a data set.

python scripts/evaluate.py --model bundled --dataset_name openslr/librispeech_asr --dataset_config_name clean \
    --split test --output_dir outputs/test

Prints the figures and writes `evaluation.json` and `utterances.txt`, reference against hypothesis, worst first. An
utterance that cannot be used is named, the others are evaluated all the same, and the exit status is 1.
"""

import json
import sys
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tqdm.auto import tqdm
from transformers import AutoProcessor, HfArgumentParser

from hf_bigru_asr.backends.loading import choose_runtime, load_model, precision_of
from hf_bigru_asr.bundled import resolve_model
from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.evaluation.evaluating import evaluate_utterances
from hf_bigru_asr.evaluation.plots import check_plots, plot_reliability
from hf_bigru_asr.evaluation.summary import comparison, summarize
from hf_bigru_asr.model.frame_grids_bigru_ctc import NUM_OFFSETS_HELP, use_offsets
from hf_bigru_asr.provenance import note_start, provenance
from hf_bigru_asr.transcription.decoding_pool import BeamSearchPool
from hf_bigru_asr.transcription.recognizer import parse_hotwords


@dataclass
class Arguments:
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
    beam_size: int | None = field(default=None, metadata={"help": "Readings that beam search keeps."})
    lm_weight: float | None = field(default=None, metadata={"help": "Weight of the language model."})
    hotwords: list[str] = field(
        default_factory=list, metadata={"help": "Expected words or phrases, 'PHRASE' or 'PHRASE:WEIGHT', with --lm."}
    )
    nbest: int | None = field(
        default=None, metadata={"help": "Readings of an utterance among which the best is measured too, with --lm."}
    )
    plot_reliability: bool = field(
        default=False, metadata={"help": "Draw how true the confidences are: reliability.png (extra `plot`)."}
    )
    word_score: float | None = field(default=None, metadata={"help": "Score of every word in beam search."})
    runtime: str = field(default="torch", metadata={"help": "What runs the network: torch, onnx, openvino, or auto."})
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
    parser = HfArgumentParser(Arguments, description=__doc__.splitlines()[0])
    (args,) = parser.parse_args_into_dataclasses()
    given = {name: getattr(args, name) for name in ("beam_size", "lm_weight", "word_score", "nbest")}
    settings = {name: value for name, value in given.items() if value is not None}
    # 1. Model and data
    decoder = None
    decoding: dict[str, object] = {"method": "greedy"}
    try:
        if args.plot_reliability:
            check_plots()
        if args.hotwords:
            settings["hotwords"] = parse_hotwords(args.hotwords)
        if settings and args.lm is None:
            parser.error(f"{' and '.join(settings)} belong to beam search; give --lm own or --lm FOLDER too")
        name = resolve_model(args.model)
        runtime = choose_runtime(args.runtime, args.device)
        model = load_model(
            name,
            runtime,
            device=args.device,
            num_threads=args.num_threads,
            dtype=args.dtype,
            trust_remote_code=args.trust_remote_code,
        )
        processor = AutoProcessor.from_pretrained(name, trust_remote_code=args.trust_remote_code)
        dataset = load_speech_dataset(
            args.dataset_name,
            args.dataset_config_name,
            args.split,
            streaming=args.streaming,
            audio_column=args.audio_column_name,
        )
        if args.max_samples is not None:
            dataset = dataset.take(args.max_samples)

        if args.lm is not None:
            decoder = processor.beam_search_decoder(None if args.lm == "own" else args.lm, **settings)
            decoding = {"method": "beam search", "language_model": args.lm, **asdict(decoder.settings)}
            if args.num_offsets is None:
                args.num_offsets = decoder.settings.num_offsets
            del decoding["num_offsets"]
        use_offsets(processor.feature_extractor, args.num_offsets)
    except (OSError, ValueError, ImportError) as error:
        parser.error(str(error))

    # 2. Recognition
    options = {
        "audio_column": args.audio_column_name,
        "text_column": args.text_column_name,
        "batch_size": args.batch_size,
        "num_workers": args.num_workers,
    }
    results = []
    with ExitStack() as stack:
        if decoder is not None and args.num_workers > 1:
            decoder = stack.enter_context(BeamSearchPool.of_decoder(decoder, args.num_workers))
            decoder.start()
        try:
            utterances = evaluate_utterances(model, processor, dataset, decoder=decoder, **options)
        except ValueError as error:
            parser.error(str(error))
        for result in tqdm(utterances, total=None if args.streaming else len(dataset), unit="utt", mininterval=2):
            results.append(result)
            if result.error is not None:
                print(f"{result.id}: not evaluated: {result.error}", file=sys.stderr)

    # 3. Figures
    try:
        summary = summarize(results)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    sizes = {name: summary.pop(name) for name in ("num_utterances", "num_failed", "hours")}
    report = {
        "model": args.model,
        "dataset": {
            "name": args.dataset_name,
            "config": args.dataset_config_name,
            "split": args.split,
            **({"description": args.dataset_description} if args.dataset_description else {}),
            **sizes,
        },
        **summary,
        "decoding": {**decoding, "batch_size": args.batch_size, "num_workers": args.num_workers},
        "num_offsets": getattr(processor.feature_extractor, "num_offsets", 1),
        "runtime": {"name": runtime, "dtype": precision_of(model), "num_threads": args.num_threads},
        **provenance(str(model.device)),
        "date": datetime.now(tz=UTC).date().isoformat(),
    }
    args.output_dir.mkdir(parents=True, exist_ok=True)
    (args.output_dir / "evaluation.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    (args.output_dir / "utterances.txt").write_text(comparison(results), encoding="utf-8")
    if args.plot_reliability:
        plot_reliability(summary["confidence"]["bins"], args.output_dir / "reliability.png")
    print(json.dumps({name: report[name] for name in ("dataset", "metrics", "speed")}, indent=2))
    print(f"Written to {args.output_dir}: evaluation.json, utterances.txt")
    return int(sizes["num_failed"] > 0)


if __name__ == "__main__":
    sys.exit(main())
