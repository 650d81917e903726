"""Which checkpoint a training run goes on from."""

from pathlib import Path

import pytest
from speech_rows import make_rows
from transformers import Trainer, TrainingArguments

from hf_bigru_asr import BiGRUCTCProcessor, BiGRUForCTC
from hf_bigru_asr.training.checkpoints import last_whole_checkpoint
from hf_bigru_asr.training.collator import DataCollatorForCTC


def make_checkpoint(folder: Path, step: int, is_whole: bool = True) -> Path:
    checkpoint = folder / f"checkpoint-{step}"
    checkpoint.mkdir()
    (checkpoint / "model.safetensors").touch()
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
