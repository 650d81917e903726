#!/usr/bin/env bash
# transformers 5.24.0: a Trainer that resumes on a stream after its first epoch begins the epoch anew.
#
# Guess: five batches an epoch and a checkpoint after seven steps, so the resumed run goes on with the third batch of
# the second epoch, whether the data have a length or not. Seen: with a length it does. Of a stream, an IterableDataset,
# it goes on with the first: two batches are heard twice in that epoch, and nothing says so. The Trainer skips seven
# batches of one epoch, which has five. Within the first epoch it is right. So a stream has to save its place itself,
# with ignore_data_skip=True.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet "transformers==5.24.0" "accelerate==1.15.0" "torch==2.14.1"
cd "$folder"
HF_HUB_OFFLINE=1 "$folder/venv/bin/python" - <<'PYTHON'
import torch
from transformers import Trainer, TrainingArguments


class Listed(torch.utils.data.Dataset):
    def __len__(self):
        return 5

    def __getitem__(self, index):
        return {"x": torch.tensor(float(index))}


class Streamed(torch.utils.data.IterableDataset):
    def __iter__(self):
        return iter([{"x": torch.tensor(float(index))} for index in range(5)])


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.heard = []

    def forward(self, x):
        self.heard.append(int(x[0]))
        return {"loss": (self.weight * x).mean()}


def heard(data, num_steps, checkpoint=None):
    arguments = TrainingArguments(
        output_dir=type(data).__name__, max_steps=num_steps, per_device_train_batch_size=1,
        train_sampling_strategy="sequential", save_strategy="steps", save_steps=7, report_to="none",
        disable_tqdm=True, use_cpu=True, remove_unused_columns=False,
    )
    model = Model()
    Trainer(model, arguments, train_dataset=data).train(resume_from_checkpoint=checkpoint)
    return model.heard


for data, expected in ((Listed(), [2, 3, 4, 0, 1]), (Streamed(), [0, 1, 2, 3, 4])):
    assert heard(data, 7) == [0, 1, 2, 3, 4, 0, 1]
    resumed = heard(data, 12, f"{type(data).__name__}/checkpoint-7")
    print(f"{type(data).__name__}: after 0 1 2 3 4 0 1 comes", *resumed)
    assert resumed == expected, "a resume goes on elsewhere now"
PYTHON
