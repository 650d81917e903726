"""Train or fine-tune a recogniser.

python scripts/train.py --dataset_name openslr/librispeech_asr --dataset_config_name clean \
    --train_split_name train.100 --eval_split_name validation --output_dir outputs/bigru

On two CPU cores or two GPUs the same with `torchrun --nproc_per_node 2 scripts/train.py ...`. Run it again to resume
from the last checkpoint in the output folder. A JSON or YAML file with the arguments can be given instead of them.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import EarlyStoppingCallback, HfArgumentParser, set_seed

from hf_bigru_asr.character_lm import load_character_lm
from hf_bigru_asr.checkpoints import last_whole_checkpoint
from hf_bigru_asr.data import (
    DataCollatorForCTC,
    EpochCallback,
    filter_utterances,
    join_training_sets,
    load_speech_dataset,
    load_utterance,
)
from hf_bigru_asr.distillation import TaughtBiGRUForCTC
from hf_bigru_asr.teacher_features import find_teacher_size
from hf_bigru_asr.training import (
    CTCMetrics,
    CTCTrainer,
    CTCTrainingArguments,
    ElapsedTime,
    KeepReadings,
    build_model,
    build_processor,
    keep_token_ids,
    training_record,
)
from hf_bigru_asr.transcription import OWN_LANGUAGE_MODEL


@dataclass
class ModelArguments:
    """The network and its features."""

    model_name_or_path: str | None = field(
        default=None, metadata={"help": "Model to fine-tune: Hub, folder or 'bundled'; random weights without it."}
    )
    hidden_dropout: float = field(default=0.1, metadata={"help": "Dropout between GRU layers."})
    apply_spec_augment: bool = field(default=True, metadata={"help": "Whether to mask features in training."})
    mask_time_prob: float = field(default=0.05, metadata={"help": "Share of the frames that masks cover."})
    mask_time_length: int = field(default=10, metadata={"help": "Upper bound of a time mask in frames."})
    mask_feature_prob: float = field(default=0.0, metadata={"help": "Share of the mel bins that masks cover."})
    mask_feature_length: int = field(default=27, metadata={"help": "Upper bound of a feature mask in mel bins."})
    consistency_weight: float = field(
        default=0.0, metadata={"help": "Weight of the disagreement of two masked views (CR-CTC); doubles the work."}
    )
    intermediate_ctc_weight: float = field(
        default=0.0, metadata={"help": "Share of the CTC loss of a lower layer (InterCTC)."}
    )
    intermediate_ctc_layer: int = field(default=2, metadata={"help": "That layer, counted from 1."})
    ctc_label_smoothing: float = field(
        default=0.0, metadata={"help": "Share of the divergence of the outputs from the uniform distribution."}
    )
    mmi_weight: float = field(
        default=0.0,
        metadata={"help": "Weight of all that could have been said (1: lattice-free MMI; below, its mean with CTC)."},
    )
    mmi_lm: str | None = field(
        default=None,
        metadata={"help": "How likely that is: an n-gram of characters by scripts/build_character_lm.py."},
    )
    word_error_weight: float = field(
        default=0.0, metadata={"help": "Weight of the expected share of wrong words (minimum word error training)."}
    )
    word_error_temperature: float = field(
        default=1.0, metadata={"help": "Temperature of the readings whose errors are counted; below 1 likelier ones."}
    )
    mwer_weight: float = field(
        default=0.0,
        metadata={"help": "Weight of the expected share of wrong words of what a beam search finds (MWER)."},
    )
    mwer_lm: str | None = field(
        default=None,
        metadata={"help": "Its language model: a folder by scripts/build_lm.py, without the text to train on."},
    )
    mwer_beam_size: int = field(default=50, metadata={"help": "Readings that it keeps at every frame."})
    mwer_nbest: int = field(default=20, metadata={"help": "Readings of an utterance whose errors are counted."})
    mwer_scale: float = field(
        default=1.0, metadata={"help": "Factor of their scores; the lower, the more do unlikely ones count."}
    )
    distillation_weight: float = field(
        default=0.0, metadata={"help": "Weight of a teacher's features (see scripts/teach_dataset.py) in the loss."}
    )
    ctc_zero_infinity: bool = field(default=True, metadata={"help": "Whether infinite losses count as zero."})
    normalization: str = field(
        default="utterance", metadata={"help": "Feature normalisation of a new model: utterance, global or none."}
    )
    prior_frames: int | None = field(
        default=None,
        metadata={
            "help": "Frames as which the variance within the utterances of the training split counts beside that of "
            "an utterance; 0 for its own alone; as the model has it without this."
        },
    )
    hop_length: int | None = field(
        default=None, metadata={"help": "Samples per frame; those of the model, or 320, without it."}
    )
    win_length: int | None = field(
        default=None, metadata={"help": "Samples that a frame sees; those of the model, or 512, without it."}
    )

    def __post_init__(self) -> None:
        """Check what would otherwise be found out after the data are loaded."""
        if self.mmi_weight > 0 and self.mmi_lm is None:
            raise ValueError(
                f"mmi_weight is {self.mmi_weight} and needs mmi_lm; scripts/build_character_lm.py writes one."
            )
        if self.mwer_weight > 0 and self.mwer_lm is None:
            raise ValueError(f"mwer_weight is {self.mwer_weight} and needs mwer_lm; scripts/build_lm.py makes one.")


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
    eval_beam_size: int = field(default=50, metadata={"help": "Readings that this beam search keeps."})
    num_sample_transcripts: int = field(default=3, metadata={"help": "Transcripts to print at every evaluation."})


def main() -> None:
    """Train, evaluate after every epoch, and save the best model with the record of the run."""
    # 1. Arguments
    parser = HfArgumentParser(
        (ModelArguments, DataArguments, CTCTrainingArguments), description=__doc__.partition("\n")[0]
    )
    if len(sys.argv) == 2 and sys.argv[1].endswith((".json", ".yaml", ".yml")):
        parse = parser.parse_json_file if sys.argv[1].endswith(".json") else parser.parse_yaml_file
        model_args, data_args, args = parse(sys.argv[1])
    else:
        model_args, data_args, args = parser.parse_args_into_dataclasses()
    if data_args.eval_lm is None and str(args.metric_for_best_model).removeprefix("eval_") in ("lm_wer", "lm_cer"):
        raise ValueError(f"metric_for_best_model is {args.metric_for_best_model} and needs eval_lm, a language model.")
    set_seed(args.seed)

    # 2. Processor and data
    is_global = model_args.model_name_or_path is None and model_args.normalization == "global"
    # Global statistics are taken from the training data below.
    given = {"hop_length": model_args.hop_length, "win_length": model_args.win_length}
    features: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if model_args.model_name_or_path is None:
        features["normalization"] = "none" if is_global else model_args.normalization
    processor = build_processor(model_args.model_name_or_path, **features)
    keep: Callable[..., Any] = keep_token_ids
    if data_args.eval_lm is not None:
        folder = None if data_args.eval_lm == OWN_LANGUAGE_MODEL else data_args.eval_lm
        keep = KeepReadings(processor.beam_search_decoder(folder, beam_size=data_args.eval_beam_size).search)
    columns = {"audio_column": data_args.audio_column_name, "text_column": data_args.text_column_name}
    splits = {}
    reports = {}
    source = (data_args.dataset_name, data_args.dataset_config_name)
    eval_source = source
    if data_args.eval_dataset_name is not None:
        eval_source = (data_args.eval_dataset_name, data_args.eval_dataset_config_name)
    sources = {
        "train": (*source, data_args.train_split_name, data_args.max_train_samples),
        "eval": (*eval_source, data_args.eval_split_name, data_args.max_eval_samples),
    }
    for extra_name in data_args.extra_dataset_name:
        extra = (extra_name, data_args.extra_dataset_config_name, data_args.extra_split_name)
        sources[f"extra {extra_name}"] = (*extra, None)
    for name, (dataset_name, config_name, split, limit) in sources.items():
        with args.main_process_first(desc=f"loading {split}"):
            dataset = load_speech_dataset(dataset_name, config_name, split, audio_column=data_args.audio_column_name)
        if limit is not None:
            dataset = dataset.select(range(min(limit, len(dataset))))
        bounds = {
            "min_duration_s": data_args.min_duration_in_seconds,
            "max_duration_s": data_args.max_duration_in_seconds,
        }
        fastest = max(data_args.speed_factors, default=1.0)
        training = {**bounds, "max_speed": fastest, "with_index": True} if name != "eval" else {}
        splits[name], reports[name] = filter_utterances(dataset, processor, **columns, **training)
        if args.process_index == 0:
            print(f"{dataset_name} {split}: {reports[name]}")
    extras = [splits[name] for name in splits if name not in ("train", "eval")]
    train_dataset = join_training_sets(splits["train"], extras, data_args.train_repeats)
    if is_global:
        extractor = processor.feature_extractor
        extractor.fit_global_statistics(
            load_utterance(example[data_args.audio_column_name], extractor.sampling_rate) for example in train_dataset
        )
    if model_args.prior_frames == 0:
        processor.feature_extractor.prior_frames = 0
    elif model_args.prior_frames is not None:
        # Of the split alone: other data sets are made of it, or synthetic.
        extractor = processor.feature_extractor
        extractor.fit_prior(
            (load_utterance(row[data_args.audio_column_name], extractor.sampling_rate) for row in splits["train"]),
            model_args.prior_frames,
        )
    teacher_size = find_teacher_size(train_dataset) if model_args.distillation_weight > 0 else None
    collator = DataCollatorForCTC(
        processor,
        **columns,
        speed_factors=data_args.speed_factors,
        warp_range=tuple(data_args.warp_range),
        random_offset=data_args.random_offset,
        noise_prob=data_args.noise_prob,
        reverberation_prob=data_args.reverberation_prob,
        seed=args.seed,
        cache_audio=data_args.cache_audio,
        teacher_size=teacher_size,
    )

    # 3. Model
    config = {
        name: value
        for name, value in asdict(model_args).items()
        if name
        not in (
            "model_name_or_path",
            "normalization",
            "prior_frames",
            "hop_length",
            "win_length",
            "distillation_weight",
            "mmi_lm",
            "mwer_lm",
            "mwer_beam_size",
            "mwer_nbest",
        )
    }
    model = build_model(model_args.model_name_or_path, processor, **config)
    if model_args.mmi_weight > 0:
        model.denominator_lm = torch.from_numpy(load_character_lm(model_args.mmi_lm, model.config.vocab_size - 1))
    if model_args.mwer_weight > 0:
        search = {"beam_size": model_args.mwer_beam_size, "nbest": model_args.mwer_nbest}
        model.reading_search = processor.beam_search_decoder(model_args.mwer_lm, **search).search
    if teacher_size is not None:
        model = TaughtBiGRUForCTC.from_student(model, teacher_size, model_args.distillation_weight)

    # 4. Training, from the last checkpoint if there is one
    callbacks = [EpochCallback(collator), ElapsedTime()]
    if data_args.early_stopping_patience is not None:
        callbacks.append(EarlyStoppingCallback(data_args.early_stopping_patience))
    trainer = CTCTrainer(
        model=model,
        args=args,
        data_collator=collator,
        train_dataset=train_dataset,
        eval_dataset=splits["eval"],
        processing_class=processor,
        compute_metrics=CTCMetrics(processor.tokenizer, data_args.num_sample_transcripts),
        preprocess_logits_for_metrics=keep,
        callbacks=callbacks,
    )
    checkpoint = args.resume_from_checkpoint
    if checkpoint is None and (last := last_whole_checkpoint(args.output_dir)) is not None:
        checkpoint = str(last)
    trainer.train(resume_from_checkpoint=checkpoint)

    # 5. The best model and the record of the run
    trainer.save_model()
    if trainer.is_world_process_zero():
        if isinstance(model, TaughtBiGRUForCTC):
            model.student().save_pretrained(args.output_dir)
        record = training_record(
            trainer.state,
            arguments=asdict(model_args) | asdict(data_args) | args.to_sanitized_dict(),
            dataset={
                "name": data_args.dataset_name,
                "config": data_args.dataset_config_name,
                "train_split": data_args.train_split_name,
                "eval_split": data_args.eval_split_name,
            }
            | ({} if eval_source == source else {"eval_name": eval_source[0], "eval_config": eval_source[1]})
            | {name: asdict(reports[name]) for name in ("train", "eval")}
            | {
                "extra": [
                    {"name": extra_name} | asdict(reports[f"extra {extra_name}"])
                    for extra_name in data_args.extra_dataset_name
                ]
            },
        )
        path = Path(args.output_dir) / "training.json"
        path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        print(f"Best evaluation: {record['best_validation']}. Model and {path.name} are in {args.output_dir}.")
    # A process that ends while others still talk to it can be aborted by gloo's threads, so they leave together.
    trainer.accelerator.wait_for_everyone()
    trainer.accelerator.end_training()


if __name__ == "__main__":
    main()
