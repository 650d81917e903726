"""Arguments of training: those of the stock `Trainer` with other defaults, and the losses beside CTC."""

import os
from dataclasses import dataclass, field, fields

import torch
from transformers import TrainingArguments
from transformers.utils import is_accelerate_available

from ..extras import needs_extra
from .modeling import LossSettings

__all__ = ["SOAP_NAME", "CTCTrainingArguments"]

SOAP_NAME = "soap"
"""Value of `optim` for the optimizer SOAP."""


@dataclass
class CTCTrainingArguments(TrainingArguments):
    """`TrainingArguments` with the defaults of the recipe and the weights of the losses beside CTC.

    Everything can be set as usual. Without a GPU the CPU is used and processes communicate through gloo, so that one
    command works for both. `hf_bigru_asr.training.with_losses` makes the model that has the losses.

    Raises:
        ImportError: If the extra `train` is not installed.
        ValueError: If a weight is negative, the temperature not positive, `mmi_weight` without `mmi_lm`, or
            `stream_buffer_size` not positive.
    """

    output_dir: str = field(default="outputs", metadata={"help": "Folder for checkpoints, logs and the model."})
    optim: str = field(
        default=str(TrainingArguments.default_optim),
        metadata={"help": "Optimizer: soap (N. Vyas et al., arXiv 2409.11321), or one of those of transformers."},
    )
    learning_rate: float = field(default=2e-3, metadata={"help": "Peak learning rate."})
    adam_beta2: float = field(default=0.98, metadata={"help": "Second beta of AdamW; for soap 0.95 is better."})
    weight_decay: float = field(default=0.01, metadata={"help": "Weight decay of AdamW and soap."})
    lr_scheduler_type: str = field(default="cosine", metadata={"help": "Learning-rate schedule."})
    warmup_steps: float = field(default=0.05, metadata={"help": "Warm-up: steps, or below 1 a share of all steps."})
    max_grad_norm: float = field(default=1.0, metadata={"help": "Gradient norm to clip to."})
    train_sampling_strategy: str = field(
        default="group_by_length", metadata={"help": "Order of the training data: by like length, or random."}
    )
    eval_strategy: str = field(default="epoch", metadata={"help": "When to evaluate."})
    save_strategy: str = field(default="epoch", metadata={"help": "When to save a checkpoint."})
    save_total_limit: int | None = field(default=2, metadata={"help": "Checkpoints to keep."})
    metric_for_best_model: str | None = field(default="wer", metadata={"help": "Metric that chooses the model."})
    greater_is_better: bool | None = field(default=False, metadata={"help": "Whether more of the metric is better."})
    load_best_model_at_end: bool = field(default=True, metadata={"help": "Whether the best checkpoint is the result."})
    remove_unused_columns: bool = field(default=False, metadata={"help": "The collator needs all columns."})
    report_to: str | None = field(default="tensorboard", metadata={"help": "Where to log: tensorboard, none, ..."})
    per_device_train_batch_seconds: float | None = field(
        default=None,
        metadata={"help": "Seconds of audio of a training batch, instead of its number of utterances."},
    )
    stream_buffer_size: int = field(
        default=512,
        metadata={"help": "Utterances of a stream that each process reads before it makes batches of them."},
    )
    consistency_weight: float = field(
        default=0.0, metadata={"help": "Weight of the divergence of two masked views (CR-CTC); doubles the work."}
    )
    mmi_weight: float = field(
        default=0.0,
        metadata={"help": "Weight of the LF-MMI denominator: 1 is LF-MMI, less its weighted mean with CTC."},
    )
    mmi_lm: str | None = field(
        default=None, metadata={"help": "Character n-gram for it, a file by scripts/build_character_lm.py."}
    )
    word_error_weight: float = field(
        default=0.0, metadata={"help": "Weight of the expected word error rate (minimum word error training)."}
    )
    word_error_temperature: float = field(
        default=1.0,
        metadata={"help": "Temperature of its sampled hypotheses; low ones are near the best path."},
    )
    distillation_weight: float = field(
        default=0.0,
        metadata={"help": "Weight of the error of a teacher's predicted features (scripts/teach_dataset.py)."},
    )
    ddp_find_unused_parameters: bool | None = field(default=False, metadata={"help": "Every parameter is used."})

    def __post_init__(self) -> None:
        """Check the losses and the extra `train`; take the CPU and gloo where there is no accelerator."""
        self.loss_settings()
        if self.mmi_weight > 0 and self.mmi_lm is None:
            raise ValueError(
                f"mmi_weight is {self.mmi_weight} and needs mmi_lm; scripts/build_character_lm.py writes one."
            )
        if self.stream_buffer_size < 1:
            raise ValueError(f"stream_buffer_size is {self.stream_buffer_size}; it must be at least 1.")
        if not is_accelerate_available():
            raise ImportError(needs_extra("Training", "train"))
        if not (torch.cuda.is_available() or torch.backends.mps.is_available()):
            self.use_cpu = True
            # With a backend, accelerate takes a single process for one of several and fails.
            if int(os.environ.get("WORLD_SIZE", "1")) > 1:
                self.ddp_backend = self.ddp_backend or "gloo"
        optim = self.optim
        if optim == SOAP_NAME:  # which TrainingArguments does not know
            self.optim = self.default_optim
        super().__post_init__()
        if optim == SOAP_NAME:
            self.optim = optim

    def loss_settings(self) -> LossSettings:
        """The losses beside CTC, for [`TrainingBiGRUForCTC`].

        Raises:
            ValueError: If a weight is negative, or the temperature not positive.
        """
        return LossSettings(**{each.name: getattr(self, each.name) for each in fields(LossSettings)})
