"""The steps of `hf-bigru-asr train`: what takes seconds to import, and longer to run."""

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import EarlyStoppingCallback, set_seed

from ..data.filtering import FilterReport, filter_utterances, join_training_sets
from ..data.loading import load_speech_dataset
from ..data.streaming import SpeechStream
from ..data.teacher_features import find_teacher_size
from ..data.utterances import load_utterance
from ..model.modeling_bigru_ctc import BiGRUForCTC
from ..model.processing_bigru_ctc import BiGRUCTCProcessor
from ..model.tokenization_bigru_ctc import BiGRUCTCTokenizer
from ..provenance import note_start
from ..storage.locks import folder_lock
from ..storage.writing import write_json
from ..text.languages import Normalizer
from ..training.arguments import CTCTrainingArguments
from ..training.board import TrainingBoard
from ..training.building import build_model, build_processor, freeze_layers, with_losses
from ..training.collator import DataCollatorForCTC, EpochCallback
from ..training.recording import training_record
from ..training.runs import RECORD_NAME, RunStart, data_digest, start_run, weights_digest
from ..training.stream_reading import process_exchange
from ..training.trainer import CTCMetrics, CTCTrainer, ElapsedTime, KeepHypotheses, keep_token_ids
from ..training.vocabulary import fit_output, tokenizer_for_texts
from ..transcription.pipeline import language_model_of
from .parsing import CommandParser
from .train_arguments import ARGUMENTS_FILE, DataArguments, ModelArguments
from .train_streaming import check_streaming, is_manifest, load_in_memory, open_stream

__all__ = ["make_parser", "make_processor", "parse_arguments", "train"]


def make_parser(prog: str | None = None) -> CommandParser:
    """The parser of the command line.

    Args:
        prog: Name of the command; that of the script without it.
    """
    kinds: Any = (ModelArguments, DataArguments, CTCTrainingArguments)
    parser = CommandParser(kinds, prog=prog, description="Train or fine-tune a recogniser.")
    parser.add_flags("apply_spec_augment", "ctc_zero_infinity", "vocabulary_from_data")
    return parser


def parse_arguments(
    parser: CommandParser, arguments: Sequence[str] | None = None
) -> tuple[ModelArguments, DataArguments, CTCTrainingArguments]:
    """Arguments of the command line, or of the JSON or YAML file that it names.

    Args:
        parser: The parser of `make_parser`.
        arguments: The words of the command line; those that the process was started with if not given.

    Raises:
        ValueError: If arguments contradict each other.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    is_file = len(words) == 1 and words[0].endswith(ARGUMENTS_FILE)
    model_args, data_args, args = parser.parse_file(words[0]) if is_file else parser.parse(words)
    if data_args.eval_lm is None and str(args.metric_for_best_model).removeprefix("eval_") in ("lm_wer", "lm_cer"):
        raise ValueError(f"metric_for_best_model is {args.metric_for_best_model} and needs eval_lm, a language model.")
    if data_args.streaming:
        check_streaming(model_args, data_args, args)
    return model_args, data_args, args


def make_processor(model_args: ModelArguments) -> BiGRUCTCProcessor:
    """Processor of the model to fine-tune, or a new one, with the settings that are given.

    That of speech normalisation which is still to be fitted (`set_prior`) has another normalisation until then.
    """
    settings, prior_frames = model_args.features(), model_args.prior_frames
    if prior_frames and settings.get("normalization") == "speech":
        del settings["normalization"]
    processor = build_processor(model_args.model_name_or_path, **settings)
    normalization = model_args.normalization or processor.feature_extractor.normalization
    if prior_frames and normalization == "none":
        raise ValueError(
            f"prior_frames is {prior_frames} and normalization 'none': the prior is of the variance of an utterance. "
            "Leave prior_frames out or set normalization to utterance or speech."
        )
    if prior_frames == 0 and normalization == "speech":
        raise ValueError(
            "prior_frames is 0 and normalization 'speech', which needs a prior. Give prior_frames, 200 for example."
        )
    return processor


def set_vocabulary(processor: BiGRUCTCProcessor, data_args: DataArguments) -> BiGRUCTCTokenizer | None:
    """Give the processor the rules and the vocabulary that the arguments ask for.

    Returns:
        The tokenizer before, if its classes are no longer those of the model.

    Raises:
        ValueError: If there are no rules of the language, or no transcript can be written by them.
    """
    before = processor.tokenizer
    language = data_args.language or before.language
    is_from_data = data_args.vocabulary_from_data
    if not (language != before.language if is_from_data is None else is_from_data):
        before.set_language(Normalizer(language).language)
        return None
    if data_args.streaming:
        raise ValueError(
            f"language is {language!r} and the model's {before.language!r}: the vocabulary would be that of all "
            "transcripts, which a stream does not read first. Train a step without streaming on a part of the data, "
            "and give the result as model_name_or_path; or keep the classes with --no_vocabulary_from_data."
        )
    texts: list[object] = []
    train = (data_args.dataset_name, data_args.dataset_config_name, data_args.train_split_name)
    config, split = data_args.extra_dataset_config_name, data_args.extra_split_name
    for source in (train, *((name, config, split) for name in data_args.extra_dataset_name)):
        dataset = load_speech_dataset(*source, **data_args.columns, **data_args.reading())
        texts += dataset.select_columns([data_args.text_column_name])[:][data_args.text_column_name]
    processor.tokenizer = tokenizer_for_texts(texts, language, before)
    # Both are about the characters before.
    processor.language_model = None
    processor.forget_confidences()
    return before


def load_splits(
    data_args: DataArguments, args: CTCTrainingArguments, processor: BiGRUCTCProcessor
) -> tuple[dict[str, Dataset], dict[str, FilterReport]]:
    """The splits "train" and "eval" and those of the extra data sets, filtered, with what was left out of each.

    Where the training data are streamed, "eval" alone.
    """
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
    if data_args.streaming:
        sources = {"eval": sources["eval"]}
    bounds: dict[str, Any] = {
        "min_duration_s": data_args.min_duration_in_seconds,
        "max_duration_s": data_args.max_duration_in_seconds,
        "max_speed": max(data_args.speed_factors, default=1.0),
        "with_index": True,
    }
    splits, reports = {}, {}
    for name, (dataset_name, config_name, split, limit) in sources.items():
        reading = data_args.reading()
        with args.main_process_first(desc=f"loading {split}"):
            if data_args.streaming and not is_manifest(dataset_name, config_name):
                dataset = load_in_memory(dataset_name, config_name, split, limit, **data_args.columns, **reading)
            else:
                dataset = load_speech_dataset(dataset_name, config_name, split, **data_args.columns, **reading)
        if limit is not None:
            dataset = dataset.select(range(min(limit, len(dataset))))
        training = bounds if name != "eval" else {}
        training = training | {"bad_rows": reading["bad_rows"]}
        splits[name], reports[name] = filter_utterances(dataset, processor, **data_args.columns, **training)
        if args.process_index == 0:
            print(f"{dataset_name} {split}: {reports[name]}")
        if not len(splits[name]):
            raise ValueError(f"No utterance of {dataset_name} {split} can be used: {reports[name]}.")
    return splits, reports


def set_prior(processor: BiGRUCTCProcessor, model_args: ModelArguments, train: Dataset, audio_column: str) -> None:
    """Fit the prior of the features to the training split alone: other data are made of it, or synthetic."""
    extractor = processor.feature_extractor
    if model_args.prior_frames == 0:
        extractor.prior_frames = 0
    elif model_args.prior_frames is not None:
        waveforms = (load_utterance(row[audio_column], extractor.sampling_rate) for row in train)
        extractor.fit_prior(waveforms, model_args.prior_frames, model_args.normalization)


def make_collator(
    data_args: DataArguments, processor: BiGRUCTCProcessor, seed: int, teacher_size: int | None
) -> DataCollatorForCTC:
    """Batches of the training data, augmented."""
    warp_range: Any = tuple(data_args.warp_range)  # which the collator checks
    return DataCollatorForCTC(
        processor,
        **data_args.columns,
        speed_factors=data_args.speed_factors,
        warp_range=warp_range,
        random_offset=data_args.random_offset,
        noise_prob=data_args.noise_prob,
        reverberation_prob=data_args.reverberation_prob,
        silence_prob=data_args.silence_prob,
        telephone_prob=data_args.telephone_prob,
        level_prob=data_args.level_prob,
        speechless_prob=data_args.speechless_prob,
        seed=seed,
        cache_audio=data_args.cache_audio,
        teacher_size=teacher_size,
    )


def make_trainer(
    model: BiGRUForCTC,
    args: CTCTrainingArguments,
    data_args: DataArguments,
    collator: DataCollatorForCTC,
    train_dataset: Dataset | SpeechStream,
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
    trainer = CTCTrainer(
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
    TrainingBoard.attach(trainer, data_args.num_sample_transcripts)
    return trainer


def write_record(
    trainer: CTCTrainer,
    model_args: ModelArguments,
    data_args: DataArguments,
    reports: dict[str, FilterReport],
    resumes: list[dict[str, Any]],
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
    if trainer.stream_loader is not None:
        reports = reports | trainer.stream_loader.reports()
        dataset["heard"] = trainer.stream_loader.heard()
    dataset |= {name: asdict(reports[name]) for name in ("train", "eval")}
    dataset["extra"] = [{"name": name} | asdict(reports[f"extra {name}"]) for name in data_args.extra_dataset_name]
    arguments = asdict(model_args) | asdict(data_args) | args.to_sanitized_dict()
    model: Any = trainer.model
    processor: Any = trainer.processing_class
    for part in (model.config, processor.feature_extractor):
        arguments |= {name: getattr(part, name) for name in asdict(model_args) if hasattr(part, name)}
    arguments["language"] = processor.tokenizer.language
    record = training_record(trainer.state, arguments=arguments, dataset=dataset)
    if resumes:
        record["resumes"] = resumes
    path = Path(str(args.output_dir)) / RECORD_NAME
    write_json(path, record)
    print(f"Best evaluation: {record['best_validation']}. Model and {path.name} are in {args.output_dir}.")


def prepare_trainer(
    model_args: ModelArguments, data_args: DataArguments, args: CTCTrainingArguments
) -> tuple[CTCTrainer, dict[str, FilterReport]]:
    """Everything up to the first step, with what was left out of the data."""
    set_seed(args.seed)
    # 1. Processor and data
    processor = make_processor(model_args)
    with args.main_process_first(desc="reading transcripts"):
        tokenizer_before = set_vocabulary(processor, data_args)
    splits, reports = load_splits(data_args, args, processor)
    train_dataset: Dataset | SpeechStream
    if data_args.streaming:
        train_dataset = open_stream(data_args, processor, is_verbose=args.process_index == 0)
        set_prior(processor, model_args, splits["eval"], data_args.audio_column_name)  # which is taken out at most
        teacher_size = None
    else:
        extras = [split for name, split in splits.items() if name not in ("train", "eval")]
        train_dataset = join_training_sets(splits["train"], extras, data_args.train_repeats)
        set_prior(processor, model_args, splits["train"], data_args.audio_column_name)
        teacher_size = find_teacher_size(train_dataset) if args.distillation_weight > 0 else None
    collator = make_collator(data_args, processor, args.seed, teacher_size)

    # 2. Model
    model = build_model(model_args.model_name_or_path, processor, **model_args.configuration())
    if tokenizer_before is not None and model_args.model_name_or_path is not None:
        sources = fit_output(model, tokenizer_before, processor.tokenizer)
        if args.process_index == 0:
            print(f"Classes: {sources}.")
    freeze_layers(model, model_args.num_frozen_layers)
    model = with_losses(model, args, processor, teacher_size)
    return make_trainer(model, args, data_args, collator, train_dataset, splits["eval"]), reports


def find_start(trainer: CTCTrainer, model_args: ModelArguments, data_args: DataArguments) -> RunStart:
    """Where the run begins, and whether it is done: see [`start_run`]."""
    args: Any = trainer.args
    model: Any = trainer.model
    datasets = {"train": trainer.train_dataset, "eval": trainer.eval_dataset}
    digests = {name: data_digest(dataset, **data_args.columns) for name, dataset in datasets.items()}
    start = start_run(
        args.output_dir,
        args.resume_from_checkpoint,
        command=asdict(model_args) | asdict(data_args),
        trainer=args.to_dict(),
        digests=digests | {"model": weights_digest(model) if model_args.model_name_or_path is not None else None},
        is_writer=args.process_index == 0,
    )
    checkpoints = process_exchange()(start.checkpoint)
    if len(set(checkpoints)) > 1:
        found = ", ".join(f"process {process}: {checkpoint}" for process, checkpoint in enumerate(checkpoints))
        raise ValueError(
            f"The processes find other checkpoints in {args.output_dir} ({found}); --output_dir must be a folder that "
            "all machines share."
        )
    if start.is_finished and args.process_index == 0:
        length = "--max_steps" if args.max_steps > 0 else "--num_train_epochs"
        print(
            f"Nothing is left to do: the run in {args.output_dir} ended with {start.checkpoint}, and {RECORD_NAME} is "
            f"its record. Give more {length} to go on, or another --output_dir to begin anew."
        )
    return start


def train(arguments: Sequence[str] | None = None, prog: str | None = None) -> None:
    """Train, evaluate after every epoch, and save the best model with the record of the run.

    Args:
        arguments: The words of the command line; those that the process was started with if not given.
        prog: Name of the command; that of the script without it.
    """
    note_start()
    parser = make_parser(prog)
    with parser.refusals(), ExitStack() as stack:
        model_args, data_args, args = parse_arguments(parser, arguments)
        if args.process_index == 0:
            stack.enter_context(folder_lock(str(args.output_dir)))
        trainer, reports = prepare_trainer(model_args, data_args, args)
        start = find_start(trainer, model_args, data_args)
        if not start.is_finished:
            trainer.train(resume_from_checkpoint=start.checkpoint)
            # The best model and the record of the run
            trainer.save_model()
            if trainer.is_world_process_zero():
                write_record(trainer, model_args, data_args, reports, start.resumes)
    # A process that ends while others still talk to it can be aborted by gloo's threads, so they leave together.
    trainer.accelerator.wait_for_everyone()
    trainer.accelerator.end_training()
