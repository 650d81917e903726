#!/usr/bin/env bash
# transformers 5.24.0: the Trainer adds the last batches of a stream's epoch to the first step of the next epoch.
#
# Guess: three batches an epoch and gradient_accumulation_steps=2 make two optimizer steps an epoch, of two batches and
# of one, whether the data have a length or not. Seen: with a length they do, (1 + 10) / 2 and 100. Of a stream, an
# IterableDataset, the third batch makes no step. Its whole gradient is added to that of the next epoch's first step,
# which is (1 + 10) / 2 + 100: a sum of two steps, at one learning rate. After the last epoch it is lost. So a stream
# should give a multiple of gradient_accumulation_steps batches, with empty ones of weight 0 if need be.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet "transformers==5.24.0" "accelerate==1.15.0" "torch==2.14.1"
cd "$folder"
HF_HUB_OFFLINE=1 "$folder/venv/bin/python" - <<'PYTHON'
import torch
from transformers import Trainer, TrainerCallback, TrainingArguments

VALUES = [1.0, 10.0, 100.0]


class Listed(torch.utils.data.Dataset):
    def __len__(self):
        return len(VALUES)

    def __getitem__(self, index):
        return {"x": torch.tensor(VALUES[index])}


class Streamed(torch.utils.data.IterableDataset):
    def __iter__(self):
        return iter([{"x": torch.tensor(value)} for value in VALUES])


class Model(torch.nn.Module):
    """Its gradient is the mean of a batch."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def forward(self, x):
        return {"loss": (self.weight * x).mean()}


class Gradients(TrainerCallback):
    def __init__(self):
        self.values = []

    def on_pre_optimizer_step(self, args, state, control, model=None, **kwargs):
        self.values.append(model.weight.grad.item())


def gradients(data):
    found = Gradients()
    arguments = TrainingArguments(
        output_dir="out", max_steps=4, per_device_train_batch_size=1, gradient_accumulation_steps=2,
        max_grad_norm=0, train_sampling_strategy="sequential", save_strategy="no", report_to="none",
        disable_tqdm=True, use_cpu=True, remove_unused_columns=False,
    )
    Trainer(Model(), arguments, train_dataset=data, callbacks=[found]).train()
    return found.values


listed, streamed = gradients(Listed()), gradients(Streamed())
print("with a length:", listed)
print("of a stream:  ", streamed)
assert listed == [5.5, 100.0, 5.5, 100.0]
assert streamed == [5.5, 105.5, 105.5, 105.5], "the rest of an epoch is a step of its own now"
PYTHON
