"""Teach the shipped model German, on synthetic speech; nothing is downloaded.

    apt-get install espeak-ng
    python examples/another_language.py --output_dir outputs/german

espeak-ng reads sentences that `german_sentences.py` makes, in several voices, speeds and pitches. The encoder of the
shipped model goes on with a vocabulary that has the umlauts. The error rate is that of other sentences, half of whose
words training never had, in voices that it never had. `--minutes 0.5 --max_steps 8` shows all of it in a minute.
"""

import argparse
import io
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import soundfile
from datasets import Dataset
from german_sentences import sentences

from hf_bigru_asr.audio.loading import SAMPLING_RATE, load_audio
from hf_bigru_asr.cli.train_steps import train
from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.evaluation.evaluated_model import EvaluatedModel
from hf_bigru_asr.metrics import character_error_counts, word_error_counts

TRAINING_VOICES = ("m1", "m2", "m3", "m4", "m5", "m6", "f1", "f2", "f3", "f4")
TEST_VOICES = ("m7", "m8", "f5")


def speak(text: str, voice: str, rng: random.Random) -> bytes:
    """A FLAC file of a German sentence."""
    command = ["espeak-ng", "-v", f"de+{voice}", "-s", str(rng.randint(130, 190)), "-p", str(rng.randint(30, 70))]
    spoken = subprocess.run([*command, "--stdout", text], capture_output=True, check=True).stdout
    file = io.BytesIO()
    soundfile.write(file, load_audio(spoken), SAMPLING_RATE, format="FLAC")
    return file.getvalue()


def write_speech(path: Path, minutes: float, voices: Sequence[str], seed: int, *, is_test: bool) -> None:
    """Write a Parquet file of so many minutes of speech with its text."""
    rng = random.Random(seed)
    rows: list[dict[str, object]] = []
    seconds = 0.0
    for text in sentences(seed, is_test=is_test):
        if seconds >= 60 * minutes:
            break
        audio = speak(text, rng.choice(voices), rng)
        seconds += soundfile.info(io.BytesIO(audio)).duration
        rows.append({"id": f"{path.stem}-{len(rows)}", "audio": {"bytes": audio, "path": None}, "text": text})
    path.parent.mkdir(parents=True, exist_ok=True)
    Dataset.from_list(rows).to_parquet(path)


def error_rates(model: Path, data: Path) -> dict[str, float]:
    """Error rates of a model on the test sentences."""
    test = load_speech_dataset(data, split="test", text_column="text")
    results = list(EvaluatedModel.load(model).recognize(test, batch_size=16))
    references, hypotheses = [each.reference for each in results], [each.hypothesis for each in results]
    for reference, hypothesis in list(zip(references, hypotheses, strict=True))[:3]:
        sys.stdout.write(f"reference:  {reference}\nhypothesis: {hypothesis}\n")
    return {
        "cer": character_error_counts(references, hypotheses).error_rate,
        "wer": word_error_counts(references, hypotheses).error_rate,
    }


def main() -> None:
    """Make the speech, train, and evaluate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output_dir", type=Path, required=True, help="Folder for speech and model.")
    parser.add_argument("--minutes", type=float, default=30.0, help="Minutes of speech to train on.")
    parser.add_argument("--test_minutes", type=float, default=3.0, help="Minutes of speech to test on.")
    args, options = parser.parse_known_args()

    # 1. Speech
    data, model = args.output_dir / "speech", args.output_dir / "model"
    for number, (split, minutes, voices) in enumerate(
        [
            ("train", args.minutes, TRAINING_VOICES),
            ("validation", args.test_minutes / 2, TRAINING_VOICES),
            ("test", args.test_minutes, TEST_VOICES),
        ]
    ):
        write_speech(data / f"{split}.parquet", minutes, voices, number, is_test=split != "train")

    # 2. Training: all other options are those of `hf-bigru-asr train`
    words = ["--model_name_or_path", "bundled", "--language", "de", "--dataset_name", str(data)]
    words += ["--output_dir", str(model), "--report_to", "none", "--metric_for_best_model", "cer"]
    words += ["--num_train_epochs", "5", "--learning_rate", "1e-3", "--per_device_train_batch_size", "8"]
    words += ["--speed_factors", "0.9", "1.0", "1.1"]
    train([*words, *options])

    # 3. Evaluation
    rates = error_rates(model, data)
    sys.stdout.write(f"Unseen sentences: CER {rates['cer']:.1%}, WER {rates['wer']:.1%}.\n")


if __name__ == "__main__":
    main()
