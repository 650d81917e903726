"""Cut the utterances of a data set at their pauses into shorter ones: a Parquet split that `scripts/train.py` reads.

    python scripts/segment_dataset.py --dataset_name openslr/librispeech_asr --dataset_config_name clean \
        --split_name train.100 --output_dir segments

A model aligns the words with the audio (forced alignment). With `--recombine` the pieces between a speaker's pauses
are joined to new utterances, in random order. Then train with `--extra_dataset_name segments`.
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

from dataclasses import dataclass, field

from tqdm.auto import tqdm

from hf_bigru_asr.alignment.aligner import Aligner
from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.data.manifests.arguments import ManifestArguments
from recipe.recombination import recombine_utterances
from recipe.segmentation import SegmentationSettings, segment_utterances, write_segments


@dataclass
class Arguments(ManifestArguments):
    """What to cut, how, and where the segments go."""

    dataset_name: str = field(metadata={"help": "Data set on the Hub, local Parquet folder, or OpenSLR archive."})
    output_dir: str = field(metadata={"help": "Folder of the data set that is made."})
    dataset_config_name: str | None = field(default=None, metadata={"help": "Configuration of the data set."})
    split_name: str = field(default="train", metadata={"help": "Split to cut."})
    output_split_name: str = field(default="train", metadata={"help": "Name of the split that is made."})
    audio_column_name: str = field(default="audio", metadata={"help": "Column with the audio."})
    text_column_name: str = field(default="text", metadata={"help": "Column with the transcript."})
    max_samples: int | None = field(default=None, metadata={"help": "Cut at most this many utterances."})
    model: str = field(
        default="bundled", metadata={"help": "Model folder, model on the Hub, or the one that ships with the package."}
    )
    duration_s: list[float] = field(
        default_factory=lambda: [1.0, 10.0], metadata={"help": "Range of the segments' lengths, in seconds."}
    )
    recombine: bool = field(
        default=False,
        metadata={"help": "Cut at every pause and join the pieces of each speaker in an order drawn at random."},
    )
    speaker_column_name: str = field(
        default="speaker_id", metadata={"help": "Column with the speaker, for --recombine."}
    )
    min_pause_s: float = field(default=0.15, metadata={"help": "Shortest pause to cut in."})
    min_score: float = field(default=0.0, metadata={"help": "Leave out utterances with a lower alignment score."})
    num_passes: int = field(default=1, metadata={"help": "Times to cut every utterance, each at other pauses."})
    seed: int = field(default=0, metadata={"help": "Seed of all random choices."})
    device: str | None = field(default=None, metadata={"help": "Where to run: cpu, cuda, ..."})


def main() -> None:
    """Align, cut, join if asked to, and write."""
    parser = CommandParser(Arguments, description=__doc__.partition("\n")[0])
    (args,) = parser.parse()
    columns = {"audio_column": args.audio_column_name, "text_column": args.text_column_name}
    with parser.refusals():
        settings = SegmentationSettings(
            tuple(args.duration_s), args.min_pause_s, args.min_score, args.num_passes, args.seed
        )
        dataset = load_speech_dataset(
            args.dataset_name, args.dataset_config_name, args.split_name, **columns, **args.reading()
        )
        if args.max_samples is not None:
            dataset = dataset.select(range(min(args.max_samples, len(dataset))))
        aligner = Aligner.from_pretrained(args.model, device=args.device)
        examples = tqdm(dataset, unit="utt", desc="Cutting")
        if args.recombine:
            segments = recombine_utterances(
                examples, aligner, settings, speaker_column=args.speaker_column_name, **columns
            )
        else:
            segments = segment_utterances(examples, aligner, settings, **columns)
        num_segments, hours = write_segments(segments, args.output_dir, split=args.output_split_name)
    if not num_segments:
        parser.error(f"no utterance of {len(dataset)} could be cut")
    print(f"{num_segments:,} segments, {hours:.2f} hours, split {args.output_split_name!r}, are in {args.output_dir}.")


if __name__ == "__main__":
    main()
