"""Add the features of a teacher, the encoder of Whisper, to speech: a Parquet split that `scripts/train.py` reads.

    pip install -e ".[distillation]"
    python scripts/teach_dataset.py --dataset_name openslr/librispeech_asr --dataset_config_name clean \
        --split_name train.100 --output_dir taught

Then train with `--dataset_name taught --train_split_name train --distillation_weight 1.5`. Segments and recombined
utterances that `scripts/segment_dataset.py` makes of it keep the features. It can be stopped at any time: the same
command continues where it stopped.
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

from dataclasses import dataclass, field

from tqdm.auto import tqdm

from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.data.manifests.arguments import ManifestArguments
from hf_bigru_asr.data.teacher_features import TEACHER_COLUMN
from recipe.teacher import (
    TeacherProjection,
    WhisperTeacher,
    fit_projection,
    projection_path,
    spread_waveforms,
    teach_dataset,
)


@dataclass
class Arguments(ManifestArguments):
    """What to teach with, and where it goes."""

    dataset_name: str = field(metadata={"help": "Data set on the Hub, local Parquet folder, or OpenSLR archive."})
    output_dir: str = field(metadata={"help": "Folder of the data set that is made."})
    dataset_config_name: str | None = field(default=None, metadata={"help": "Configuration of the data set."})
    split_name: str = field(default="train", metadata={"help": "Split to read."})
    output_split_name: str = field(default="train", metadata={"help": "Name of the split that is made."})
    audio_column_name: str = field(default="audio", metadata={"help": "Column with the audio."})
    max_samples: int | None = field(default=None, metadata={"help": "Take at most this many utterances."})
    teacher: str = field(
        default="base", metadata={"help": "Whisper model: a size, a folder of CTranslate2, or one on the Hub."}
    )
    num_features: int = field(default=96, metadata={"help": "Principal components to keep of a frame's features."})
    num_fit_samples: int = field(
        default=60, metadata={"help": "Utterances, evenly spread, from which the components are found."}
    )
    projection: str | None = field(
        default=None,
        metadata={"help": "File with the components of a data set that is to be trained on together with this one."},
    )
    shard_size: int = field(default=500, metadata={"help": "Utterances in one file."})
    num_workers: int = field(default=1, metadata={"help": "Threads."})


def main() -> None:
    """Find the principal components, compute the features, write."""
    parser = CommandParser(Arguments, description=__doc__.partition("\n")[0])
    (args,) = parser.parse()
    with parser.refusals():
        dataset = load_speech_dataset(
            args.dataset_name,
            args.dataset_config_name,
            args.split_name,
            audio_column=args.audio_column_name,
            **args.reading(),
        )
        if args.max_samples is not None:
            dataset = dataset.select(range(min(args.max_samples, len(dataset))))
        teacher = WhisperTeacher(args.teacher, num_workers=args.num_workers)
        # 1. The components: given, those of the run that was interrupted, or new ones
        path = projection_path(args.output_dir, args.output_split_name)
        given = args.projection or (path if path.exists() else None)
        if given is not None:
            projection = TeacherProjection.load(given)
            if args.projection is None and projection.matrix.shape[1] != args.num_features:
                parser.error(
                    f"{path} has {projection.matrix.shape[1]} components, of an earlier run; ask for as many, or give "
                    "another --output_dir"
                )
        else:
            waveforms = spread_waveforms(dataset, args.num_fit_samples, args.audio_column_name)
            projection = fit_projection(tqdm(waveforms, unit="utt", desc="Fitting"), teacher, args.num_features)
        # 2. The features
        with tqdm(total=len(dataset), unit="utt", desc="Teaching") as progress:
            for num_utterances in teach_dataset(
                dataset,
                teacher,
                projection,
                args.output_dir,
                split=args.output_split_name,
                shard_size=args.shard_size,
                num_workers=args.num_workers,
                audio_column=args.audio_column_name,
            ):
                progress.update(num_utterances)
    print(f"Split {args.output_split_name!r} with {TEACHER_COLUMN} and {path.name} are in {args.output_dir}.")


if __name__ == "__main__":
    main()
