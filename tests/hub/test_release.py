"""The folder of a release: what it holds, what it refuses, and the script that writes it."""

import json
import re
import shutil
from pathlib import Path
from types import ModuleType

import pytest
import torch
from hub_users import ALICE_TOKEN, EVALUATION
from huggingface_hub import ModelCard
from loopback_hub import LoopbackHub
from repository import REPOSITORY

from hf_bigru_asr import BiGRUCTCProcessor, BiGRUForCTC, bundled_checkpoint
from hf_bigru_asr.hub.card import PICTURES
from hf_bigru_asr.hub.release import assemble_release, push_release, release_files

pytestmark = pytest.mark.hub


@pytest.mark.parametrize("token", [ALICE_TOKEN, "hf_" + 30 * "x"], ids=["own", "another's"])
def test_release_with_a_token_is_refused(
    client: LoopbackHub, speller_dir: Path, tmp_path: Path, release: Path, token: str
) -> None:
    leaking = {**EVALUATION, "command": f"HF_TOKEN={token} python scripts/evaluate.py"}
    with pytest.raises(ValueError, match=r"README\.md holds a Hugging Face token") as refusal:
        assemble_release(speller_dir, tmp_path / "leaking", [leaking], repo_id="alice/tiny")
    assert token not in str(refusal.value)
    (release / "vocab.json").write_text(f'{{"{token}": 0}}')
    with pytest.raises(ValueError, match=r"vocab\.json holds a Hugging Face token"):
        push_release(release, "alice/leaking")
    assert ("models", "alice/leaking") not in client.repositories


def test_release_files_are_an_allow_list(release: Path) -> None:
    before = release_files(release)
    for stray in ("training_args.bin", "optimizer.pt", ".env", "setup.py", "model.bin", "checkpoint-1/config.json"):
        (release / stray).parent.mkdir(exist_ok=True)
        (release / stray).write_text("stray")
    assert release_files(release) == before


def test_release_of_incomplete_weights_is_refused(speller_dir: Path, tmp_path: Path) -> None:
    broken = _copy(speller_dir, tmp_path / "broken")
    config = json.loads((broken / "config.json").read_text())
    (broken / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 3}))
    with pytest.raises(ValueError, match=r"do not fit its config.json.*missing_keys.*layers\.2"):
        assemble_release(broken, tmp_path / "release", repo_id="alice/tiny")


def test_release_of_weights_that_are_not_finite_is_refused(speller_dir: Path, tmp_path: Path) -> None:
    broken = _copy(speller_dir, tmp_path / "broken")
    model = BiGRUForCTC.from_pretrained(broken)
    model.lm_head.bias.data[3] = torch.nan
    model.save_pretrained(broken)
    with pytest.raises(ValueError, match=r"the weight lm_head\.bias has values that are NaN or infinite"):
        assemble_release(broken, tmp_path / "release", repo_id="alice/tiny")


def _copy(source: Path, target: Path) -> Path:
    target.mkdir()
    for path in source.glob("*.*"):
        if path.is_file():
            (target / path.name).write_bytes(path.read_bytes())
    return target


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "nowhere"], "nowhere is not the folder of a model: it has no config.json"),
        (["--repo_id", "tiny"], "repo_id is 'tiny'; it must be NAMESPACE/NAME"),
        (["--evaluation", "nothing.json"], "There is no file nothing.json"),
        (["--dry_run", "."], ". is not empty; name a new or an empty folder"),
        ([], "There is no Hugging Face token"),
    ],
    ids=["no model", "no namespace", "no evaluation", "full folder", "no token"],
)
def test_script_fails_with_a_message(
    client: LoopbackHub,
    script: ModuleType,
    speller_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.chdir(speller_dir)
    before = len(client.requests)
    with pytest.raises(SystemExit) as end:
        script.main(["--repo_id", "alice/tiny", "--model", str(speller_dir), *arguments])
    assert end.value.code == 2
    assert message in capsys.readouterr().err
    assert len(client.requests) == before


def test_dry_run_writes_what_would_be_pushed_and_asks_nobody(
    client: LoopbackHub, script: ModuleType, speller_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    before = len(client.requests)
    target = tmp_path / "dry"
    local = {**EVALUATION, "dataset": {**EVALUATION["dataset"], "name": "/data/mine"}}
    (tmp_path / "local.json").write_text(json.dumps(local))
    arguments = ["--evaluation", str(tmp_path / "local.json"), "--dataset_id", "openslr/librispeech_asr"]
    script.main(["--repo_id", "alice/tiny", "--model", str(speller_dir), "--dry_run", str(target), *arguments])
    written = sorted(path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file())
    assert written == release_files(target)
    assert written[0] == ".eval_results/librispeech_asr_clean_test.yaml"
    assert ModelCard.load(target / "README.md").data.to_dict()["model-index"][0]["results"][0]["metrics"][0] == {
        "type": "wer",
        "value": 25.0,
        "name": "WER (greedy)",
    }
    assert len(client.requests) == before


def test_the_bundled_model_is_released_with_its_language_model(tmp_path: Path) -> None:
    folder = assemble_release(bundled_checkpoint(), tmp_path / "release", [], repo_id="alice/bigru")
    assert {"language_model/lm.binary", "language_model/confidence.json"} <= set(release_files(folder))
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "With the language model in the folder `language_model`" in card
    assert ".png" not in card


def test_a_release_has_the_pictures_of_its_card(speller_dir: Path, tmp_path: Path) -> None:
    model_dir = shutil.copytree(speller_dir, tmp_path / "model")
    for name in PICTURES:
        (model_dir / name).write_bytes(b"a picture")
    folder = assemble_release(model_dir, tmp_path / "release", [EVALUATION], repo_id="alice/bigru")
    shown = set(re.findall(r"\]\((\w+\.png)\)", (folder / "README.md").read_text(encoding="utf-8")))
    assert shown == set(PICTURES)
    assert shown <= set(release_files(folder))


def test_a_release_has_the_code_of_the_folder_model_and_no_other(release: Path) -> None:
    code = REPOSITORY / "hf_bigru_asr" / "model"
    pushed = {name: (release / name).read_bytes() for name in release_files(release) if name.endswith(".py")}
    assert pushed == {path.name: path.read_bytes() for path in code.glob("*.py") if path.name != "__init__.py"}


def test_model_and_processor_alone_save_the_code_that_they_need(speller_dir: Path, tmp_path: Path) -> None:
    """What `save_pretrained`, and with it the Trainer, copies: together the whole folder."""
    BiGRUForCTC.from_pretrained(speller_dir).save_pretrained(tmp_path / "model")
    BiGRUCTCProcessor.from_pretrained(speller_dir).save_pretrained(tmp_path / "processor")
    for folder, entry in (("model", "modeling"), ("processor", "processing")):
        saved = {path.name for path in (tmp_path / folder).glob("*.py")}
        assert f"{entry}_bigru_ctc.py" in saved
        for path in (tmp_path / folder).glob("*.py"):
            imported = set(re.findall(r"^\s*from \.(\w+) import", path.read_text(encoding="utf-8"), re.MULTILINE))
            assert {f"{name}.py" for name in imported} <= saved
    both = {path.name for folder in ("model", "processor") for path in (tmp_path / folder).glob("*.py")}
    assert both == {path.name for path in (REPOSITORY / "hf_bigru_asr" / "model").glob("*_bigru_ctc.py")}
