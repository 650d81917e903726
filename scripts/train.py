"""Train or fine-tune a recogniser.

python scripts/train.py --dataset_name openslr/librispeech_asr --dataset_config_name clean \
    --train_split_name train.100 --eval_split_name validation --output_dir outputs/bigru

On two CPU cores or two GPUs the same with `torchrun --nproc_per_node 2 scripts/train.py ...`. Run it again to resume
from the last checkpoint in the output folder. A JSON or YAML file with the arguments can be given instead of them.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import EarlyStoppingCallback, set_seed

from hf_bigru_asr import BiGRUCTCConfig, BiGRUCTCProcessor, BiGRUForCTC, DataCollatorForCTC
from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.data.filtering import FilterReport, filter_utterances, join_training_sets
from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.data.teacher_features import find_teacher_size
from hf_bigru_asr.data.utterances import load_utterance
from hf_bigru_asr.provenance import note_start
from hf_bigru_asr.training.arguments import CTCTrainingArguments
from hf_bigru_asr.training.building import build_model, build_processor, with_losses
from hf_bigru_asr.training.checkpoints import last_whole_checkpoint
from hf_bigru_asr.training.collator import EpochCallback
from hf_bigru_asr.training.recording import training_record
from hf_bigru_asr.training.trainer import CTCMetrics, CTCTrainer, ElapsedTime, KeepHypotheses, keep_token_ids
from hf_bigru_asr.transcription.pipeline import language_model_of


@dataclass
class ModelArguments:
    """The network and its features; what is unset is as in the model to fine-tune."""

    model_name_or_path: str | None = field(
        default=None, metadata={"help": "Model to fine-tune: Hub, folder or 'bundled'; random weights without it."}
    )
    hidden_dropout: float | None = field(
        default=None, metadata={"help": "Dropout between GRU layers (unset: the model's, or 0.1)."}
    )
    apply_spec_augment: bool | None = field(
        default=None,
        metadata={"help": "Whether to mask features in training (unset: the model's, or true)."},
    )
    mask_time_prob: float | None = field(
        default=None,
        metadata={"help": "Share of the frames that masks cover (unset: the model's, or 0.05)."},
    )
    mask_time_length: int | None = field(
        default=None,
        metadata={"help": "Upper bound of a time mask in frames (unset: the model's, or 10)."},
    )
    mask_feature_prob: float | None = field(
        default=None,
        metadata={"help": "Share of the mel bins that masks cover (unset: the model's, or 0)."},
    )
    mask_feature_length: int | None = field(
        default=None,
        metadata={"help": "Upper bound of a feature mask in mel bins (unset: the model's, or 27)."},
    )
    ctc_zero_infinity: bool | None = field(
        default=None,
        metadata={"help": "Whether infinite losses count as zero (unset: the model's, or true)."},
    )
    normalization: str | None = field(
        default=None,
        metadata={"help": "Feature normalisation: utterance or none (unset: the model's, or utterance)."},
    )
    prior_frames: int | None = field(
        default=None,
        metadata={
            "help": "Pseudo-frames with the standard deviation of the training split that are added to the variance "
            "of an utterance; 0 is off (unset: the model's, or 0)."
        },
    )
    hop_length: int | None = field(
        default=None, metadata={"help": "Samples from one frame to the next (unset: the model's, or 320)."}
    )
    win_length: int | None = field(
        default=None, metadata={"help": "Samples of a frame's window (unset: the model's, or 512)."}
    )

    def configuration(self) -> dict[str, Any]:
        """Fields of [`BiGRUCTCConfig`] that are set."""
        names = (each.name for each in fields(BiGRUCTCConfig) if hasattr(self, each.name))
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def features(self) -> dict[str, Any]:
        """Settings of the feature extractor that are set, but for the prior, which is fitted to data."""
        names = ("normalization", "hop_length", "win_length")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


@dataclass
class DataArguments:
    """The data and what is done to them."""

    dataset_name: str = field(metadata={"help": "Data set on the Hub, local Parquet folder, or OpenSLR archive."})
    dataset_config_name: str | None = field(default=None, metadata={"help": "Configuration of the data set."})
    train_split_name: str = field(default="train", metadata={"help": "Split to train on."})
    eval_split_name: str = field(default="validation", metadata={"help": "Split to choose the model by."})
    eval_dataset_name: str | None = field(
        default=None, metadata={"help": "Data set of that split; the one to train on without it."}
    )
    eval_dataset_config_name: str | None = field(default=None, metadata={"help": "Its configuration."})
    audio_column_name: str = field(default="audio", metadata={"help": "Column with the audio."})
    text_column_name: str = field(default="text", metadata={"help": "Column with the transcript."})
    min_duration_in_seconds: float = field(default=0.2, metadata={"help": "Leave out shorter training utterances."})
    max_duration_in_seconds: float = field(default=20.0, metadata={"help": "Leave out longer training utterances."})
    max_train_samples: int | None = field(default=None, metadata={"help": "Train on so many utterances only."})
    max_eval_samples: int | None = field(default=None, metadata={"help": "Evaluate on so many utterances only."})
    extra_dataset_name: list[str] = field(
        default_factory=list, metadata={"help": "Data sets to train on as well, synthetic speech for example."}
    )
    extra_dataset_config_name: str | None = field(default=None, metadata={"help": "Their configuration."})
    extra_split_name: str = field(default="train", metadata={"help": "Their split."})
    teacher_name: str | None = field(
        default=None, metadata={"help": "What the card calls the teacher of --distillation_weight, with its licence."}
    )
    train_repeats: int = field(
        default=1, metadata={"help": "How often an epoch has each utterance of the training split."}
    )
    speed_factors: list[float] = field(
        default_factory=list, metadata={"help": "Speeds to draw from in training, 0.9 1.0 1.1 for example."}
    )
    warp_range: list[float] = field(
        default_factory=lambda: [1.0, 1.0],
        metadata={"help": "Range of the factor by which resonances are moved in training, 0.9 1.1 for example."},
    )
    random_offset: bool = field(
        default=False, metadata={"help": "Let the frames of a training utterance begin anywhere within a hop."}
    )
    noise_prob: float = field(default=0.0, metadata={"help": "Share of the training utterances that get noise."})
    reverberation_prob: float = field(
        default=0.0, metadata={"help": "Share of the training utterances that are put into a room."}
    )
    cache_audio: bool = field(
        default=False, metadata={"help": "Keep decoded audio in memory (115 MB per hour and process)."}
    )
    early_stopping_patience: int | None = field(
        default=None, metadata={"help": "Stop after so many evaluations without a better --metric_for_best_model."}
    )
    eval_lm: str | None = field(
        default=None,
        metadata={
            "help": "Folder of a language model (scripts/build_lm.py); 'own' is that of the model to fine-tune. "
            "Evaluations also have the error rates of beam search, lm_wer and lm_cer, by which "
            "--metric_for_best_model lm_wer chooses."
        },
    )
    eval_beam_size: int = field(default=50, metadata={"help": "Hypotheses that this beam search keeps."})
    num_sample_transcripts: int = field(default=3, metadata={"help": "Transcripts to print at every evaluation."})

    def __post_init__(self) -> None:
        """Refuse numbers that leave nothing."""
        for name in ("max_train_samples", "max_eval_samples", "train_repeats"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise ValueError(f"{name} is {number}; it must be at least 1, or be left out.")

    @property
    def eval_source(self) -> tuple[str, str | None]:
        """Name and configuration of the data set to choose the model by."""
        if self.eval_dataset_name is not None:
            return self.eval_dataset_name, self.eval_dataset_config_name
        return self.dataset_name, self.dataset_config_name

    @property
    def columns(self) -> dict[str, str]:
        """Columns with the audio and the transcript, as filter and collator take them."""
        return {"audio_column": self.audio_column_name, "text_column": self.text_column_name}


def make_parser() -> CommandParser:
    """The parser of the command line."""
    kinds = (ModelArguments, DataArguments, CTCTrainingArguments)
    parser = CommandParser(kinds, description=__doc__.partition("\n")[0])
    parser.add_flags("apply_spec_augment", "ctc_zero_infinity")
    return parser


def parse_arguments(parser: CommandParser) -> tuple[ModelArguments, DataArguments, CTCTrainingArguments]:
    """Arguments of the command line, or of the JSON or YAML file that it names."""
    is_file = len(sys.argv) == 2 and sys.argv[1].endswith((".json", ".yaml", ".yml"))
    model_args, data_args, args = parser.parse_file(sys.argv[1]) if is_file else parser.parse()
    if data_args.eval_lm is None and str(args.metric_for_best_model).removeprefix("eval_") in ("lm_wer", "lm_cer"):
        raise ValueError(f"metric_for_best_model is {args.metric_for_best_model} and needs eval_lm, a language model.")
    return model_args, data_args, args


def make_processor(model_args: ModelArguments) -> BiGRUCTCProcessor:
    """Processor of the model to fine-tune, or a new one, with the settings that are given."""
    processor = build_processor(model_args.model_name_or_path, **model_args.features())
    normalization = processor.feature_extractor.normalization
    if model_args.prior_frames and normalization != "utterance":
        raise ValueError(
            f"prior_frames is {model_args.prior_frames} and normalization {normalization!r}: the prior is of the "
            "variance of an utterance. Leave prior_frames out or set normalization to utterance."
        )
    return processor


def load_splits(
    data_args: DataArguments, args: CTCTrainingArguments, processor: BiGRUCTCProcessor
) -> tuple[dict[str, Dataset], dict[str, FilterReport]]:
    """The splits "train" and "eval" and those of the extra data sets, filtered, with what was left out of each."""
    source = (data_args.dataset_name, data_args.dataset_config_name)
    extras = {
        f"extra {name}": (name, data_args.extra_dataset_config_name, data_args.extra_split_name, None)
        for name in data_args.extra_dataset_name
    }
    sources = {
        "train": (*source, data_args.train_split_name, data_args.max_train_samples),
        "eval": (*data_args.eval_source, data_args.eval_split_name, data_args.max_eval_samples),
        **extras,
    }
    bounds = {
        "min_duration_s": data_args.min_duration_in_seconds,
        "max_duration_s": data_args.max_duration_in_seconds,
        "max_speed": max(data_args.speed_factors, default=1.0),
        "with_index": True,
    }
    splits, reports = {}, {}
    for name, (dataset_name, config_name, split, limit) in sources.items():
        with args.main_process_first(desc=f"loading {split}"):
            dataset = load_speech_dataset(dataset_name, config_name, split, **data_args.columns)
        if limit is not None:
            dataset = dataset.select(range(min(limit, len(dataset))))
        training = bounds if name != "eval" else {}
        splits[name], reports[name] = filter_utterances(dataset, processor, **data_args.columns, **training)
        if args.process_index == 0:
            print(f"{dataset_name} {split}: {reports[name]}")
        if not len(splits[name]):
            raise ValueError(f"No utterance of {dataset_name} {split} can be used: {reports[name]}.")
    return splits, reports


def set_prior(processor: BiGRUCTCProcessor, model_args: ModelArguments, train: Dataset, audio_column: str) -> None:
    """Fit the prior of the features' variance to the training split alone: other data are made of it, or synthetic."""
    extractor = processor.feature_extractor
    if model_args.prior_frames == 0:
        extractor.prior_frames = 0
    elif model_args.prior_frames is not None:
        waveforms = (load_utterance(row[audio_column], extractor.sampling_rate) for row in train)
        extractor.fit_prior(waveforms, model_args.prior_frames)


def make_collator(
    data_args: DataArguments, processor: BiGRUCTCProcessor, seed: int, teacher_size: int | None
) -> DataCollatorForCTC:
    """Batches of the training data, augmented."""
    return DataCollatorForCTC(
        processor,
        **data_args.columns,
        speed_factors=data_args.speed_factors,
        warp_range=tuple(data_args.warp_range),
        random_offset=data_args.random_offset,
        noise_prob=data_args.noise_prob,
        reverberation_prob=data_args.reverberation_prob,
        seed=seed,
        cache_audio=data_args.cache_audio,
        teacher_size=teacher_size,
    )


def make_trainer(
    model: BiGRUForCTC,
    args: CTCTrainingArguments,
    data_args: DataArguments,
    collator: DataCollatorForCTC,
    train_dataset: Dataset,
    eval_dataset: Dataset,
) -> CTCTrainer:
    """The trainer with metrics, transcripts and the callbacks."""
    processor = collator.processor
    keep: Callable[..., Any] = keep_token_ids
    if data_args.eval_lm is not None:
        folder = language_model_of(data_args.eval_lm)
        keep = KeepHypotheses(processor.beam_search_decoder(folder, beam_size=data_args.eval_beam_size).search)
    callbacks = [EpochCallback(collator), ElapsedTime()]
    if data_args.early_stopping_patience is not None:
        callbacks.append(EarlyStoppingCallback(data_args.early_stopping_patience))
    return CTCTrainer(
        model=model,
        args=args,
        data_collator=collator,
        train_dataset=train_dataset,
        eval_dataset=eval_dataset,
        processing_class=processor,
        compute_metrics=CTCMetrics(processor.tokenizer, data_args.num_sample_transcripts),
        preprocess_logits_for_metrics=keep,
        callbacks=callbacks,
    )


def write_record(
    trainer: CTCTrainer, model_args: ModelArguments, data_args: DataArguments, reports: dict[str, FilterReport]
) -> None:
    """Write `training.json` beside the model, with the values in force of the settings that were left to the model."""
    args = trainer.args
    dataset: dict[str, Any] = {
        "name": data_args.dataset_name,
        "config": data_args.dataset_config_name,
        "train_split": data_args.train_split_name,
        "eval_split": data_args.eval_split_name,
    }
    if data_args.eval_dataset_name is not None:
        dataset |= {"eval_name": data_args.eval_dataset_name, "eval_config": data_args.eval_dataset_config_name}
    dataset |= {name: asdict(reports[name]) for name in ("train", "eval")}
    dataset["extra"] = [{"name": name} | asdict(reports[f"extra {name}"]) for name in data_args.extra_dataset_name]
    arguments = asdict(model_args) | asdict(data_args) | args.to_sanitized_dict()
    for part in (trainer.model.config, trainer.processing_class.feature_extractor):
        arguments |= {name: getattr(part, name) for name in asdict(model_args) if hasattr(part, name)}
    record = training_record(trainer.state, arguments=arguments, dataset=dataset)
    path = Path(args.output_dir) / "training.json"
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(f"Best evaluation: {record['best_validation']}. Model and {path.name} are in {args.output_dir}.")


def main() -> None:
    """Train, evaluate after every epoch, and save the best model with the record of the run."""
    note_start()
    parser = make_parser()
    with parser.refusals():
        # 1. Arguments
        model_args, data_args, args = parse_arguments(parser)
        set_seed(args.seed)

        # 2. Processor and data
        processor = make_processor(model_args)
        splits, reports = load_splits(data_args, args, processor)
        extras = [split for name, split in splits.items() if name not in ("train", "eval")]
        train_dataset = join_training_sets(splits["train"], extras, data_args.train_repeats)
        set_prior(processor, model_args, splits["train"], data_args.audio_column_name)
        teacher_size = find_teacher_size(train_dataset) if args.distillation_weight > 0 else None
        collator = make_collator(data_args, processor, args.seed, teacher_size)

        # 3. Model
        model = build_model(model_args.model_name_or_path, processor, **model_args.configuration())
        model = with_losses(model, args, processor, teacher_size)

        # 4. Training, from the last checkpoint if there is one
        trainer = make_trainer(model, args, data_args, collator, train_dataset, splits["eval"])
        checkpoint = args.resume_from_checkpoint
        if checkpoint is not None and not Path(checkpoint).is_dir():
            raise FileNotFoundError(
                f"{checkpoint} does not exist; --resume_from_checkpoint is the folder of a checkpoint."
            )
        if checkpoint is None and (last := last_whole_checkpoint(args.output_dir)) is not None:
            checkpoint = str(last)
    trainer.train(resume_from_checkpoint=checkpoint)

    # 5. The best model and the record of the run
    trainer.save_model()
    if trainer.is_world_process_zero():
        write_record(trainer, model_args, data_args, reports)
    # A process that ends while others still talk to it can be aborted by gloo's threads, so they leave together.
    trainer.accelerator.wait_for_everyone()
    trainer.accelerator.end_training()


if __name__ == "__main__":
    main()
