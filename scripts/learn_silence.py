"""Teach a trained network that silence, noise and music have no text, without changing what it hears in speech.

    python scripts/learn_silence.py --dataset_name openslr/librispeech_asr --dataset_config_name clean \
        --train_split_name train.100 --model bundled --output_dir outputs/silence

The network learns from itself: utterances with silence around them, normalised by their speech, shall give what it
gave for the utterance alone, and silence, noise and music blanks. No transcript is read.
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

import copy
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.data.manifests.arguments import ManifestArguments
from hf_bigru_asr.data.utterances import load_utterance
from hf_bigru_asr.storage.writing import whole_folder
from hf_bigru_asr.transcription.recognizer import load_recognizer
from recipe.silence import change_normalization, examples, learn_silence


@dataclass
class Arguments(ManifestArguments):
    """Which network learns, from what, and where it goes."""

    dataset_name: str = field(metadata={"help": "Data set on the Hub, local Parquet folder, or OpenSLR archive."})
    output_dir: str = field(metadata={"help": "Folder for the network and its processor."})
    dataset_config_name: str | None = field(default=None, metadata={"help": "Configuration of the data set."})
    train_split_name: str = field(default="train", metadata={"help": "Split to read."})
    audio_column_name: str = field(default="audio", metadata={"help": "Column with the audio."})
    model: str = field(default="bundled", metadata={"help": "Model folder, model on the Hub, or the bundled one."})
    max_samples: int = field(default=3000, metadata={"help": "Utterances to learn from, evenly spread, in memory."})
    max_duration_s: float = field(default=17.0, metadata={"help": "Leave out longer utterances."})
    num_prior_samples: int = field(default=300, metadata={"help": "Utterances for the mean of the prior."})
    prior_frames: int = field(default=200, metadata={"help": "Pseudo-frames of the prior, if the model has none."})
    steps: int = field(default=150, metadata={"help": "Updates."})
    batch_size: int = field(default=16, metadata={"help": "Examples of an update."})
    learning_rate: float = field(default=2e-4, metadata={"help": "The highest rate; it falls to 0."})
    seed: int = field(default=0, metadata={"help": "Seed of everything random."})


def main() -> None:
    """Fit the prior, learn, save."""
    parser = CommandParser(Arguments, description=__doc__.partition("\n")[0])
    (args,) = parser.parse()
    with parser.refusals():
        recognizer: Any = load_recognizer(args.model)
        teacher, processor = recognizer.model, recognizer.processor
        dataset: Any = load_speech_dataset(
            args.dataset_name,
            args.dataset_config_name,
            args.train_split_name,
            audio_column=args.audio_column_name,
            **args.reading(),
        )
        before = processor.feature_extractor
        chosen = dataset.select(range(0, len(dataset), math.ceil(len(dataset) / args.max_samples)))
        rows = (load_utterance(row[args.audio_column_name], before.sampling_rate) for row in chosen)
        clips = [clip for clip in rows if len(clip) <= args.max_duration_s * before.sampling_rate]

        # 1. The prior, of utterances that are evenly spread; the network knows the variance of a prior that it has
        extractor = copy.deepcopy(before)
        some = clips[:: max(1, len(clips) // args.num_prior_samples)]
        extractor.fit_prior(some, before.prior_frames or args.prior_frames, normalization="speech")
        if before.prior_frames:
            extractor.prior_std = before.prior_std

        # 2. The network
        source = examples(clips, before.sampling_rate, before.hop_length, np.random.default_rng(args.seed))
        model = copy.deepcopy(teacher)
        change_normalization(model, extractor, before, some)
        options = {"steps": args.steps, "batch_size": args.batch_size, "learning_rate": args.learning_rate}
        progress = tqdm(learn_silence(model, teacher, extractor, before, source, **options), total=args.steps)
        for step, loss in enumerate(progress, 1):
            progress.set_postfix(loss=f"{loss:.4f}")
            if step % 10 == 0:
                progress.write(f"step {step}: {loss:.4f}")
        processor.feature_extractor = extractor
        with whole_folder(args.output_dir) as staging:
            model.save_pretrained(staging)
            processor.save_pretrained(staging)


if __name__ == "__main__":
    main()
