"""Train the small recurrent language model that weighs anew what a beam search with an n-gram has found.

    pip install 'hf-bigru-asr[train]'
    torchrun --nproc_per_node 2 scripts/train_neural_lm.py --text_file lm_corpus.txt.xz \
        --output_dir outputs/neural_lm --exclude_dataset_name openslr/librispeech_asr \
        --exclude_dataset_config_name clean --exclude_split_name validation

The result is `neural_lm.safetensors` in the output folder, to be put beside the n-gram. The same command again
resumes.
"""

import json
import os
import time
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm
from transformers import HfArgumentParser, Trainer, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint

from hf_bigru_asr.environment import command_line, git_commit, machine, versions
from hf_bigru_asr.held_out import held_out_sentences
from hf_bigru_asr.neural_lm import NeuralLanguageModel, train_tokenizer
from hf_bigru_asr.neural_lm_data import PieceDataset, join_sentences
from hf_bigru_asr.processing_bigru_ctc import NEURAL_MODEL_NAME
from hf_bigru_asr.text import normalize_transcript, read_lines


@dataclass
class NeuralLanguageModelArguments:
    """Text and size."""

    text_file: str = field(metadata={"help": "Text, one sentence a line; .xz is decompressed."})
    vocab_size: int = field(default=2000, metadata={"help": "Word pieces."})
    embedding_size: int = field(default=256, metadata={"help": "Size of the vectors of the pieces."})
    hidden_size: int = field(default=512, metadata={"help": "Size of the state."})
    join_probability: float = field(
        default=0.35,
        metadata={"help": "Share of the sentences that are joined to the next one, as in speech."},
    )
    exclude_dataset_name: str | None = field(
        default=None, metadata={"help": "Data set whose sentences are left out, and measured on."}
    )
    exclude_dataset_config_name: str | None = field(default=None, metadata={"help": "Its configuration."})
    exclude_split_name: list[str] = field(
        default_factory=lambda: ["validation"], metadata={"help": "Its split, or several."}
    )


@dataclass
class NeuralTrainingArguments(TrainingArguments):
    """`TrainingArguments` with defaults for one pass over some ten million words on CPUs."""

    output_dir: str = field(default="outputs/neural_lm", metadata={"help": "Folder for checkpoints and the model."})
    num_train_epochs: float = field(default=1.0, metadata={"help": "Passes over the text."})
    per_device_train_batch_size: int = field(default=64, metadata={"help": "Sentences of a step and process."})
    learning_rate: float = field(default=5e-3, metadata={"help": "Peak learning rate."})
    lr_scheduler_type: str = field(default="linear", metadata={"help": "Learning-rate schedule."})
    warmup_steps: float = field(default=200, metadata={"help": "Warm-up: steps, or below 1 a share of all steps."})
    adam_beta2: float = field(default=0.98, metadata={"help": "Second beta of AdamW."})
    weight_decay: float = field(default=0.01, metadata={"help": "Weight decay of AdamW."})
    train_sampling_strategy: str = field(
        default="group_by_length", metadata={"help": "Order of the training data: by like length, or random."}
    )
    logging_steps: float = field(default=50, metadata={"help": "Steps between two entries of the log."})
    eval_strategy: str = field(default="steps", metadata={"help": "When to measure the held-out sentences."})
    eval_steps: float | None = field(default=500, metadata={"help": "Steps between two measurements."})
    save_steps: float = field(default=500, metadata={"help": "Steps between two checkpoints."})
    save_total_limit: int | None = field(default=2, metadata={"help": "Checkpoints to keep."})
    remove_unused_columns: bool = field(default=False, metadata={"help": "The collator needs all columns."})
    report_to: str | None = field(default="none", metadata={"help": "Where to log: tensorboard, none, ..."})
    ddp_find_unused_parameters: bool | None = field(default=False, metadata={"help": "Every parameter is used."})

    def __post_init__(self) -> None:
        """Take the CPU and gloo where there is no accelerator."""
        if not (torch.cuda.is_available() or torch.backends.mps.is_available()):
            self.use_cpu = True
            if int(os.environ.get("WORLD_SIZE", "1")) > 1:
                self.ddp_backend = self.ddp_backend or "gloo"
        super().__post_init__()


def main() -> None:
    """Read the text, train, measure, write."""
    parser = HfArgumentParser(
        (NeuralLanguageModelArguments, NeuralTrainingArguments), description=__doc__.partition("\n")[0]
    )
    options, training = parser.parse_args_into_dataclasses()
    start_s = time.monotonic()
    is_first = training.process_index == 0
    # 1. Text
    try:
        held_out = held_out_sentences(
            options.exclude_dataset_name, options.exclude_dataset_config_name, options.exclude_split_name
        )
        excluded = frozenset(chain.from_iterable(held_out.values()))
        lines = tqdm(read_lines(options.text_file), unit="line", desc="Reading", unit_scale=True, disable=not is_first)
        sentences = [text for text in map(normalize_transcript, lines) if text and text not in excluded]
        if not sentences:
            raise ValueError("There is no text; give at least one sentence.")
        tokenizer = train_tokenizer(sentences, options.vocab_size)
        segments = join_sentences(sentences, options.join_probability, np.random.default_rng(training.seed))
        torch.manual_seed(training.seed)
        model = NeuralLanguageModel(tokenizer, options.embedding_size, options.hidden_size)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    dataset = PieceDataset.of_sentences(segments, tokenizer)
    # 2. Training
    if not held_out:
        training.eval_strategy = "no"
    trainer = Trainer(
        model=model,
        args=training,
        train_dataset=dataset,
        eval_dataset=PieceDataset.of_sentences(sorted(excluded), tokenizer) if held_out else None,
        data_collator=NeuralLanguageModel.collate,
    )
    result = trainer.train(resume_from_checkpoint=get_last_checkpoint(training.output_dir))
    if not is_first:
        return
    # 3. The file, and how well it foretells what it has not seen
    model.record = {
        "vocab_size": tokenizer.get_vocab_size(),
        "embedding_size": options.embedding_size,
        "hidden_size": options.hidden_size,
        "num_parameters": sum(parameter.numel() for parameter in model.parameters()),
        "num_sentences": len(sentences),
        "num_words": sum(len(sentence.split()) for sentence in sentences),
        "num_pieces": dataset.num_pieces,
        "num_steps": result.global_step,
        "loss": result.training_loss,
        "wall_time_s": round(time.monotonic() - start_s),
        "command": command_line(),
        "commit": git_commit(),
        "machine": machine(),
        "versions": versions(),
    }
    path = Path(training.output_dir) / NEURAL_MODEL_NAME
    model.save(path)
    model = NeuralLanguageModel.from_file(path)  # as it is written, in 8 bits
    model.record |= {split: {"perplexity": model.perplexity(texts)} for split, texts in held_out.items()}
    model.save(path)
    print(json.dumps(model.record, indent=2))
    print(f"Written to {path}, {path.stat().st_size:,} bytes.")


if __name__ == "__main__":
    main()
