"""Fine-tune the shipped model on little data, and measure before and after.

    python examples/finetune.py --dataset_name my_speech --output_dir outputs/finetune --minutes 5 15 60

For every number of minutes a part of the training split is drawn and trained on with the settings of the page "Train
on your recordings". Every second row of the evaluation split chooses the epoch; the others are measured before and
after. Where both splits are one, its rows are divided. `report.json` has error rates and processor minutes.
`--where corpus=an4` takes some of the rows. `--far_field` puts all recordings into rooms with noise. All other options
are those of `hf-bigru-asr train`.
"""

import argparse
import io
import json
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from datasets import Dataset

from hf_bigru_asr.audio.loading import SAMPLING_RATE
from hf_bigru_asr.cli.train_steps import train
from hf_bigru_asr.data.augmentation import add_random_noise, add_random_room
from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.data.utterances import load_utterance
from hf_bigru_asr.evaluation.evaluated_model import EvaluatedModel
from hf_bigru_asr.metrics import character_error_counts, word_error_counts

FAR_FIELD_DB = (5.0, 15.0)
"""Signal-to-noise ratio of far-field recordings."""
SETTINGS = {
    "learning_rate": "3e-4",
    "per_device_train_batch_size": "8",
    "warmup_steps": "0.1",
    "speed_factors": "0.9 1.0 1.1",
    "metric_for_best_model": "wer",
    "report_to": "none",
}


def rows(args: argparse.Namespace, split: str, max_minutes: float, backwards: bool) -> Iterator[dict[str, Any]]:
    """Rows of a split in random order, or from the end of that order, up to so many minutes."""
    source = (args.dataset_name, args.dataset_config_name, split)
    dataset = load_speech_dataset(*source, text_column=args.text_column_name)
    if args.where:
        column, value = args.where.split("=", 1)
        values = dataset.select_columns([column])[:][column]
        dataset = dataset.select([row for row, found in enumerate(values) if str(found) == value])
    order = list(range(len(dataset)))
    random.Random(args.seed).shuffle(order)
    order = order[::-1] if backwards else order
    rng = np.random.default_rng(args.seed)
    seconds = 0.0
    for row in order:
        if seconds >= 60 * max_minutes:
            return
        waveform = load_utterance(dataset[row]["audio"], SAMPLING_RATE)
        seconds += len(waveform) / SAMPLING_RATE
        if args.far_field:
            waveform = add_random_noise(add_random_room(waveform, SAMPLING_RATE, rng), FAR_FIELD_DB, rng)
        file = io.BytesIO()
        soundfile.write(file, np.clip(waveform, -1, 1), SAMPLING_RATE, format="FLAC")
        audio = {"bytes": file.getvalue(), "path": None}
        yield {"id": str(row), "audio": audio, "text": dataset[row][args.text_column_name]}


def write_splits(args: argparse.Namespace, folder: Path, minutes: float) -> None:
    """Write what is trained on, what chooses the epoch and what is measured as Parquet."""
    folder.mkdir(parents=True, exist_ok=True)
    training = list(rows(args, args.train_split_name, minutes, backwards=False))
    divided = args.train_split_name == args.eval_split_name
    held_out = list(rows(args, args.eval_split_name, 2 * args.eval_minutes, backwards=divided))
    shared = {row["id"] for row in training} & {row["id"] for row in held_out} if divided else set()
    if shared:
        raise SystemExit(
            f"{minutes:g} minutes to train on and {2 * args.eval_minutes:g} to choose and measure on are more than"
            f" {args.train_split_name!r} has: take fewer (--minutes, --eval_minutes)."
        )
    for name, part in (("train", training), ("validation", held_out[::2]), ("test", held_out[1::2])):
        Dataset.from_list(part).to_parquet(folder / f"{name}.parquet")


def error_rates(model: str | Path, data: Path, split: str) -> dict[str, float]:
    """Greedy error rates on a split."""
    examples = load_speech_dataset(data, split=split, text_column="text")
    results = [each for each in EvaluatedModel.load(model).recognize(examples, batch_size=16) if not each.error]
    references, hypotheses = [each.reference for each in results], [each.hypothesis for each in results]
    return {
        "wer": word_error_counts(references, hypotheses).error_rate,
        "cer": character_error_counts(references, hypotheses).error_rate,
    }


def epochs_for(minutes: float) -> int:
    """Epochs for so many minutes of speech: less speech is repeated more often."""
    return 20 if minutes <= 5 else 6


def measure(args: argparse.Namespace, minutes: float, options: list[str]) -> dict[str, Any]:
    """Train on so many minutes: error rates before and after, processor minutes."""
    folder = args.output_dir / f"{minutes:g}_minutes"
    write_splits(args, folder / "speech", minutes)
    settings = SETTINGS | {"num_train_epochs": str(epochs_for(minutes))}
    words = [word for name, value in settings.items() for word in (f"--{name}", *value.split())]
    words += ["--model_name_or_path", str(args.model_name_or_path), "--dataset_name", str(folder / "speech")]
    start_s = time.process_time()
    train([*words, "--output_dir", str(folder / "model"), *options])
    cpu_minutes = round((time.process_time() - start_s) / 60, 4)
    rates = {
        f"{when}_{split}": error_rates(model, folder / "speech", split)
        for when, model in (("before", args.model_name_or_path), ("after", folder / "model"))
        for split in ("validation", "test")
    }
    return {"minutes": minutes, **rates, "cpu_minutes": cpu_minutes}


def main() -> None:
    """Measure, train and measure for every size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset_name", required=True, help="Data set with both splits.")
    parser.add_argument("--dataset_config_name", help="Its configuration.")
    parser.add_argument("--output_dir", type=Path, required=True, help="Folder for data, models and report.")
    parser.add_argument("--model_name_or_path", default="bundled", help="Model to begin with.")
    parser.add_argument("--minutes", type=float, nargs="+", default=[5.0, 15.0, 60.0], help="Minutes to train on.")
    parser.add_argument("--eval_minutes", type=float, default=5.0, help="Minutes to measure; as many choose.")
    parser.add_argument("--text_column_name", default="text", help="Column with the transcript.")
    parser.add_argument("--train_split_name", default="train", help="Split to train on.")
    parser.add_argument("--eval_split_name", default="validation", help="Split to measure on.")
    parser.add_argument("--where", help="Rows to take, COLUMN=VALUE.")
    parser.add_argument("--far_field", action="store_true", help="Put recordings into rooms with noise.")
    parser.add_argument("--seed", type=int, default=0, help="Seed of what is drawn.")
    args, options = parser.parse_known_args()

    report: list[dict[str, Any]] = []
    for minutes in args.minutes:
        report.append(measure(args, minutes, options))
        sys.stdout.write(f"{report[-1]}\n")
        (args.output_dir / "report.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
