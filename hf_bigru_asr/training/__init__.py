"""What training needs beside the network: data collator, losses, trainer, checkpoints."""

from .arguments import CTCTrainingArguments
from .building import build_model, build_processor, with_losses
from .collator import DataCollatorForCTC, EpochCallback
from .modeling import LossSettings, TrainingBiGRUForCTC
from .trainer import CTCMetrics, CTCTrainer, keep_token_ids

__all__ = [
    "CTCMetrics",
    "CTCTrainer",
    "CTCTrainingArguments",
    "DataCollatorForCTC",
    "EpochCallback",
    "LossSettings",
    "TrainingBiGRUForCTC",
    "build_model",
    "build_processor",
    "keep_token_ids",
    "with_losses",
]
