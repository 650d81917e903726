"""Which checkpoint a training run goes on from."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from speech_rows import make_rows
from transformers import Trainer, TrainingArguments

from hf_bigru_asr import BiGRUCTCProcessor, BiGRUForCTC
from hf_bigru_asr.training.arguments import CTCTrainingArguments
from hf_bigru_asr.training.checkpoints import check_checkpoint, last_whole_checkpoint
from hf_bigru_asr.training.collator import DataCollatorForCTC
from hf_bigru_asr.training.trainer import CTCTrainer


def make_checkpoint(folder: Path, step: int, is_whole: bool = True) -> Path:
    checkpoint = folder / f"checkpoint-{step}"
    checkpoint.mkdir()
    save_file({"weight": np.zeros(3, np.float32)}, checkpoint / "model.safetensors")
    torch.save({"step": step}, checkpoint / "optimizer.pt")
    if is_whole:
        (checkpoint / "trainer_state.json").write_text("{}")
    return checkpoint


def test_the_highest_step_counts(tmp_path: Path) -> None:
    assert last_whole_checkpoint(tmp_path / "nowhere") is None
    assert last_whole_checkpoint(tmp_path) is None
    make_checkpoint(tmp_path, 9)
    newest = make_checkpoint(tmp_path, 100)
    make_checkpoint(tmp_path, 20)
    (tmp_path / "checkpoint-best").mkdir()
    (tmp_path / "checkpoint-best" / "trainer_state.json").touch()
    assert last_whole_checkpoint(tmp_path) == newest


def test_half_a_checkpoint_alone_is_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make_checkpoint(tmp_path, 5, is_whole=False)
    assert last_whole_checkpoint(tmp_path) is None
    assert "checkpoint-5 is not used: it has no trainer_state.json" in caplog.text


@pytest.mark.parametrize("content", [b"", b'{"epoch": 1.0, "log_hist', b'{"epoch": "\xc3'])
def test_a_state_that_is_cut_is_none(content: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = make_checkpoint(tmp_path, 5)
    (make_checkpoint(tmp_path, 6) / "trainer_state.json").write_bytes(content)
    assert last_whole_checkpoint(tmp_path) == whole
    assert "checkpoint-6 is not used: its trainer_state.json is cut" in caplog.text


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.pt"])
@pytest.mark.parametrize("damage", ["empty", "cut", "zeros"])
def test_a_file_that_a_power_failure_cut_is_named_and_the_checkpoint_before_is_used(
    name: str, damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole, newest = make_checkpoint(tmp_path, 5), make_checkpoint(tmp_path, 6)
    content = (newest / name).read_bytes()
    left = {"empty": b"", "cut": content[:-2], "zeros": bytes(len(content))}[damage]
    (newest / name).write_bytes(left)
    assert last_whole_checkpoint(tmp_path) == whole
    assert f"checkpoint-6 is not used: its {name} is cut" in caplog.text
    with pytest.raises(ValueError, match=rf"checkpoint-6 was not saved to its end: its {name} is cut. Leave"):
        check_checkpoint(newest)
    check_checkpoint(whole)


def test_bits_that_turned_are_found_where_there_are_checksums(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path, 1)
    torch.save({"state": torch.arange(10_000)}, folder / "optimizer.pt")
    content = bytearray((folder / "optimizer.pt").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "optimizer.pt").write_bytes(content)
    with pytest.raises(ValueError, match=r"its optimizer\.pt is cut"):
        check_checkpoint(folder)
    torch.serialization.set_crc32_options(False)
    try:
        torch.save({"state": torch.arange(10_000)}, folder / "optimizer.pt")
    finally:
        torch.serialization.set_crc32_options(True)
    check_checkpoint(folder)


def test_a_checkpoint_without_weights_is_none(tmp_path: Path) -> None:
    (make_checkpoint(tmp_path, 1) / "model.safetensors").unlink()
    with pytest.raises(ValueError, match="it has no weights"):
        check_checkpoint(tmp_path / "checkpoint-1")
    with pytest.raises(FileNotFoundError, match="checkpoint-2 does not exist"):
        check_checkpoint(tmp_path / "checkpoint-2")


def test_a_full_disk_leaves_the_checkpoint_before_and_names_the_new_one(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = CTCTrainingArguments(
        output_dir=str(tmp_path),
        max_steps=3,
        save_strategy="steps",
        save_steps=1,
        eval_strategy="no",
        load_best_model_at_end=False,
        save_total_limit=1,
        train_sampling_strategy="random",
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
        per_device_train_batch_size=1,
    )
    trainer = CTCTrainer(tiny_model, arguments, DataCollatorForCTC(processor), train_dataset=make_rows())
    save = torch.save

    def fill(value: object, path: object, *rest: object) -> None:
        if "checkpoint-3" in str(path) and "optimizer" in str(path):
            raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 704 vs 598")
        save(value, path, *rest)

    monkeypatch.setattr(torch, "save", fill)
    with pytest.raises(OSError, match=r"the disk may be full; what was finished before is kept: '.*checkpoint-3'"):
        trainer.train()
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-2"]
    assert last_whole_checkpoint(tmp_path) == tmp_path / "checkpoint-2"
    kept = torch.load(tmp_path / "checkpoint-2" / "training_args.bin", weights_only=False)
    assert kept.save_total_limit == arguments.save_total_limit == 1


def test_a_run_that_was_killed_while_saving_goes_on(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def trainer(steps: int) -> Trainer:
        arguments = TrainingArguments(
            output_dir=str(tmp_path),
            max_steps=steps,
            save_steps=1,
            report_to="none",
            disable_tqdm=True,
            use_cpu=True,
            remove_unused_columns=False,
        )
        return Trainer(tiny_model, arguments, DataCollatorForCTC(processor), train_dataset=make_rows())

    trainer(2).train()
    # What a process leaves that is killed while it writes the optimizer's state.
    for name in ("trainer_state.json", "scheduler.pt", "rng_state.pth"):
        (tmp_path / "checkpoint-2" / name).unlink()
    (tmp_path / "checkpoint-2" / "optimizer.pt").write_bytes(b"half")

    checkpoint = last_whole_checkpoint(tmp_path)
    assert checkpoint == tmp_path / "checkpoint-1"
    assert "checkpoint-2 is not used: it has no trainer_state.json" in caplog.text
    resumed = trainer(3)
    resumed.train(resume_from_checkpoint=str(checkpoint))
    assert resumed.state.global_step == 3
    assert last_whole_checkpoint(tmp_path) == tmp_path / "checkpoint-3"
