"""Releases and pushes, against a Hub on 127.0.0.1; pushes and pulls run in processes of their own."""

import dataclasses
import hashlib
import importlib.util
import io
import itertools
import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import huggingface_hub
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
import torch
from huggingface_hub import CommitOperationAdd, HfApi, ModelCard, constants
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError
from loopback_hub import LoopbackHub
from repository import REPOSITORY
from safetensors.torch import load_file
from small_language_model import write_language_model

from hf_bigru_asr import (
    BiGRUCTCConfig,
    BiGRUCTCFeatureExtractor,
    BiGRUCTCProcessor,
    BiGRUCTCTokenizer,
    BiGRUForCTC,
    bundled_checkpoint,
)
from hf_bigru_asr.hub.release import HubError, assemble_release, push_release, release_files
from hf_bigru_asr.model.beam_search_bigru_ctc import BeamSearchDecoder, BeamSearchSettings

pytestmark = pytest.mark.hub

SCRIPT = REPOSITORY / "scripts" / "push_to_hub.py"
ALICE_TOKEN = "hf_" + "AliceAliceAliceAliceAliceAliceAlice"
BOB_TOKEN = "hf_" + "BobBobBobBobBobBobBobBobBobBobBobB"
EVALUATION: dict[str, Any] = {
    "model": "alice/tiny",
    "dataset": {"name": "openslr/librispeech_asr", "config": "clean", "split": "test", "num_utterances": 2620},
    "metrics": {"wer": 0.25, "cer": 0.1},
    "decoding": {"method": "greedy"},
    "commit": "0123abc",
}

WITHOUT_PACKAGE = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "hf_bigru_asr":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Blocker())
try:
    import hf_bigru_asr
except ModuleNotFoundError:
    pass
else:
    raise SystemExit("the package is importable")
"""

PULL = """
import contextlib, hashlib, io, json, re, sys
import soundfile, torch
from huggingface_hub import ModelCard
from transformers import AutoModelForCTC, AutoProcessor, pipeline

repo_id, flag = sys.argv[1], {"trust_remote_code": True} if sys.argv[2] == "trust" else {}
audio, rate = soundfile.read("speech.flac", dtype="float32")
recognizer = pipeline("automatic-speech-recognition", model=repo_id, **flag)
result = {
    "text": recognizer({"raw": audio, "sampling_rate": rate})["text"],
    "module": type(recognizer.model).__module__,
    "weights": {
        name: hashlib.sha256(tensor.numpy().tobytes()).hexdigest()
        for name, tensor in recognizer.model.state_dict().items()
    },
    "printed": [],
}
processor = AutoProcessor.from_pretrained(repo_id, **flag)
with torch.inference_mode():
    log_probs = recognizer.model(**processor(audio=audio, sampling_rate=rate)).logits
readings = processor.beam_search_decoder(nbest=3)(log_probs)[0]
result["readings"] = [(reading.text, reading.score) for reading in readings]
try:
    AutoModelForCTC.from_pretrained(repo_id, trust_remote_code=False)
    result["refusal"] = None
except ValueError as error:
    result["refusal"] = str(error)
for snippet in re.findall("```python\\n(.*?)```", ModelCard.load(repo_id).text, re.DOTALL):
    if ("trust_remote_code=True" in snippet) == bool(flag):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(snippet, {})
        result["printed"].append(printed.getvalue())
with open("result.json", "w") as file:
    json.dump(result, file)
"""

TRAIN = """
import numpy as np
from transformers import AutoProcessor, Trainer, TrainingArguments

processor = AutoProcessor.from_pretrained(repo_id)
audio = np.random.default_rng(0).normal(0, 0.1, 8000)

def collate(items):
    return processor(audio=[item["audio"] for item in items], text=[item["text"] for item in items],
                     sampling_rate=16000)

arguments = TrainingArguments(
    output_dir="out", max_steps=1, save_strategy="no", use_cpu=True, report_to=[], remove_unused_columns=False,
    push_to_hub=True, hub_model_id=sys.argv[3],
)
trainer = Trainer(
    recognizer.model, arguments, collate, train_dataset=4 * [{"audio": audio, "text": "HELLO"}],
    processing_class=processor,
)
trainer.train()
trainer.push_to_hub()
"""

STREAM = """
import io, json, os, sys
os.environ["USE_TORCH"] = "0"  # saves its import
import soundfile
from datasets import Audio, load_dataset

rows = load_dataset(sys.argv[1], "clean", split="train.100", streaming=True)
is_audio = isinstance(rows.features["audio"], Audio)
rows = [
    {**row, "audio": len(soundfile.read(io.BytesIO(row["audio"]["bytes"]))[0])}
    for row in rows.cast_column("audio", Audio(decode=False))
]
with open("result.json", "w") as file:
    json.dump({"rows": rows, "is_audio": is_audio}, file)
"""


@pytest.fixture(scope="module")
def loopback_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackHub]:
    """A Hub with two users, alice and bob."""
    with LoopbackHub(tmp_path_factory.mktemp("hub")) as hub:
        hub.add_user("alice", ALICE_TOKEN)
        hub.add_user("bob", BOB_TOKEN)
        yield hub


@pytest.fixture
def client(loopback_hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> LoopbackHub:
    """Turns this process into a client of the loopback Hub, logged in as alice."""
    monkeypatch.setattr(constants, "ENDPOINT", loopback_hub.url)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.delenv("HUGGING_FACE_HUB_TOKEN", raising=False)
    monkeypatch.setenv("HF_TOKEN", ALICE_TOKEN)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    huggingface_hub.close_session()
    return loopback_hub


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that spells something, as training leaves it: with things beside it that must not be pushed."""
    folder = tmp_path_factory.mktemp("model")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BiGRUForCTC(BiGRUCTCConfig(hidden_size=8, num_hidden_layers=2))
    model.lm_head.weight.data *= 30
    model.save_pretrained(folder)
    BiGRUCTCProcessor(BiGRUCTCFeatureExtractor(), BiGRUCTCTokenizer()).save_pretrained(folder)
    write_language_model(folder / "language_model")
    (folder / "evaluation_clean.json").write_text(json.dumps(EVALUATION))
    for stray in ("training_args.bin", "checkpoint-1/optimizer.pt", "optimizer.pt", ".env", "notes.py"):
        (folder / stray).parent.mkdir(exist_ok=True)
        (folder / stray).write_text(f"token={ALICE_TOKEN}")
    return folder


@pytest.fixture(scope="module")
def speech_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `speech.flac`, one second of noise that changes its colour."""
    folder = tmp_path_factory.mktemp("speech")
    rng = np.random.default_rng(0)
    tones = [np.sin(np.arange(3200) * frequency) for frequency in (0.05, 0.5, 0.2, 1.5, 0.1)]
    audio = 0.3 * np.concatenate(tones) + rng.normal(0, 0.01, 16000)
    soundfile.write(folder / "speech.flac", audio, 16000)
    return folder


@pytest.fixture(scope="module")
def processor(model_dir: Path) -> BiGRUCTCProcessor:
    return BiGRUCTCProcessor.from_pretrained(model_dir)


@pytest.fixture(scope="module")
def logits(model_dir: Path, speech_dir: Path, processor: BiGRUCTCProcessor) -> torch.Tensor:
    """Log-probabilities of `speech.flac`, without a pipeline or a Hub."""
    audio, rate = soundfile.read(speech_dir / "speech.flac", dtype="float32")
    with torch.inference_mode():
        return BiGRUForCTC.from_pretrained(model_dir)(**processor(audio, sampling_rate=rate)).logits


@pytest.fixture(scope="module")
def transcript(processor: BiGRUCTCProcessor, logits: torch.Tensor) -> str:
    """What the model hears in `speech.flac`."""
    text = processor.decode(logits[0].argmax(-1))
    assert len(set(text)) >= 3
    return text


@pytest.fixture(scope="module")
def readings(model_dir: Path, processor: BiGRUCTCProcessor, logits: torch.Tensor) -> list[tuple[str, float]]:
    """The three best readings of `speech.flac` with the language model."""
    folder = model_dir / "language_model"
    settings = dataclasses.replace(BeamSearchSettings.from_folder(folder), nbest=3)
    found = BeamSearchDecoder(folder, processor.tokenizer, processor.frame_s, settings)(logits)[0]
    assert len({reading.text for reading in found}) == 3
    return [(reading.text, reading.score) for reading in found]


@pytest.fixture(scope="module")
def run_child(loopback_hub: LoopbackHub, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Runs Python, isolated from this folder and its environment, and gives what it printed."""

    def run(*arguments: str | Path, token: str | None = ALICE_TOKEN, cwd: Path | None = None) -> str:
        child = subprocess.run(
            [sys.executable, "-I", *map(str, arguments)],
            env=loopback_hub.child_environment(tmp_path_factory.mktemp("home"), token),
            cwd=cwd or tmp_path_factory.mktemp("cwd"),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert child.returncode == 0, child.stderr[-4000:]
        return child.stdout

    return run


@pytest.fixture(scope="module")
def pushed(loopback_hub: LoopbackHub, model_dir: Path, run_child: Callable[..., str]) -> str:
    """A repository that the script has pushed from a process of its own."""
    run_child(SCRIPT, "--repo_id", "alice/tiny", "--model", model_dir)
    return "alice/tiny"


@pytest.fixture
def release(model_dir: Path, tmp_path: Path) -> Path:
    return assemble_release(model_dir, tmp_path / "release", [EVALUATION], repo_id="alice/tiny")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("push_to_hub", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # HfArgumentParser looks the dataclass's module up
    spec.loader.exec_module(module)
    return module


def _changed(hub: LoopbackHub, repo_id: str) -> list[tuple[str, set[str]]]:
    """Title and changed paths of every commit after the first, oldest first."""
    history = list(hub.repositories["models", repo_id].history("main"))[::-1]
    return [
        (after.title, {path for path, _ in set(after.files.items()) ^ set(before.files.items())})
        for before, after in itertools.pairwise(history)
    ]


def _every_content(hub: LoopbackHub, repo_id: str) -> Iterator[tuple[str, bytes]]:
    """Path and content of every file of every commit."""
    for commit in hub.repositories["models", repo_id].commits.values():
        for path, stored in commit.files.items():
            yield path, hub.store.read(stored.sha256)


def _weight_hashes(folder: Path) -> dict[str, str]:
    weights = load_file(folder / "model.safetensors")
    return {name: hashlib.sha256(tensor.numpy().tobytes()).hexdigest() for name, tensor in weights.items()}


# ------------------------------------------------------------------------------------------------- the whole journey


@pytest.fixture(scope="module")
def journeys(
    pushed: str, run_child: Callable[..., str], speech_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Callable[[], Path]]]:
    """Two users at once, each in a folder of their own; calling one waits for it and gives that folder.

    "bare" pulls the model without the package; "installed" has the package, pulls the model, trains it further and
    pushes it with the Trainer. (Importing the library is most of their time, so there are no more than two.)
    """
    users = {
        "bare": ("-c", WITHOUT_PACKAGE + PULL, pushed, "trust"),
        "installed": ("-c", "import hf_bigru_asr\n" + PULL + TRAIN, pushed, "plain", "alice/trained"),
    }
    tokens = {"bare": None, "installed": ALICE_TOKEN}
    folders = {name: tmp_path_factory.mktemp(name) for name in users}
    with ThreadPoolExecutor() as pool:

        def start(name: str) -> Callable[[], Path]:
            (folders[name] / "speech.flac").write_bytes((speech_dir / "speech.flac").read_bytes())
            child = pool.submit(run_child, *users[name], token=tokens[name], cwd=folders[name])
            return lambda: (child.result(), folders[name])[1]

        yield {name: start(name) for name in users}


def assert_same_readings(found: list[list[Any]], expected: list[tuple[str, float]]) -> None:
    assert [text for text, _ in found] == [text for text, _ in expected]
    np.testing.assert_allclose([score for _, score in found], [score for _, score in expected], rtol=1e-5)


def test_pull_without_the_package_is_equal(
    journeys: dict[str, Callable[[], Path]], model_dir: Path, transcript: str, readings: list[tuple[str, float]]
) -> None:
    result = json.loads((journeys["bare"]() / "result.json").read_text())
    assert result["module"].startswith("transformers_modules.")
    assert result["weights"] == _weight_hashes(model_dir)
    assert result["text"] == transcript
    assert_same_readings(result["readings"], readings)
    assert "trust_remote_code" in result["refusal"]
    from_pipeline, from_model, words, batch = result["printed"]
    assert from_pipeline == from_model == transcript + "\n"
    assert [line.split(") ")[1] for line in words.splitlines()] == transcript.split()
    assert batch == 3 * (transcript + "\n")


def test_pull_with_the_package_needs_no_flag(
    journeys: dict[str, Callable[[], Path]], model_dir: Path, transcript: str, readings: list[tuple[str, float]]
) -> None:
    result = json.loads((journeys["installed"]() / "result.json").read_text())
    assert result["module"] == "hf_bigru_asr.model.modeling_bigru_ctc"
    assert result["weights"] == _weight_hashes(model_dir)
    assert result["text"] == transcript
    assert_same_readings(result["readings"], readings)
    assert result["refusal"] is None
    assert len(result["printed"]) == 1


def test_trainer_push_arrives_without_a_token(
    loopback_hub: LoopbackHub, journeys: dict[str, Callable[[], Path]], model_dir: Path
) -> None:
    trained = journeys["installed"]() / "out" / "model.safetensors"
    files = loopback_hub.files("alice/trained")
    assert {"README.md", "processor_config.json", "modeling_bigru_ctc.py", "vocab.json"} <= set(files)
    assert files["model.safetensors"] == trained.read_bytes()
    assert files["model.safetensors"] != (model_dir / "model.safetensors").read_bytes()
    assert "auto_map" in json.loads(files["config.json"])
    assert not [path for path, content in _every_content(loopback_hub, "alice/trained") if b"hf_Alice" in content]


def test_pushed_repository_holds_the_release_and_no_more(pushed: str, loopback_hub: LoopbackHub) -> None:
    files = loopback_hub.files(pushed)
    assert set(files) == {
        ".gitattributes",
        ".eval_results/librispeech_asr_clean_test.yaml",
        "README.md",
        "config.json",
        "model.safetensors",
        "processor_config.json",
        "tokenizer_config.json",
        "vocab.json",
        "alignment.py",
        "confidence.py",
        "language_model/decoding.json",
        "language_model/lexicon.txt",
        "language_model/lm.binary",
        "hotword_lm.py",
        "hotwords.py",
        "lexicon_decoder.py",
        "model_json.py",
        "configuration_bigru_ctc.py",
        "decoding.py",
        "feature_extraction_bigru_ctc.py",
        "layers_bigru_ctc.py",
        "losses_bigru_ctc.py",
        "waveforms_bigru_ctc.py",
        "word_errors_bigru_ctc.py",
        "mmi_bigru_ctc.py",
        "mwer_bigru_ctc.py",
        "training_losses_bigru_ctc.py",
        "modeling_bigru_ctc.py",
        "offsets_bigru_ctc.py",
        "processing_bigru_ctc.py",
        "tokenization_bigru_ctc.py",
    }
    auto_map = json.loads(files["config.json"])["auto_map"]
    assert auto_map["AutoModelForCTC"] == "modeling_bigru_ctc.BiGRUForCTC"
    assert not [path for path, content in _every_content(loopback_hub, pushed) if ALICE_TOKEN.encode() in content]


def test_card_arrives_last_and_alone(pushed: str, loopback_hub: LoopbackHub) -> None:
    (first_title, model_files), (last_title, card_files) = _changed(loopback_hub, pushed)
    assert (first_title, last_title) == ("Release", "Release: model card")
    assert "model.safetensors" in model_files
    assert "README.md" not in model_files
    assert card_files == {"README.md"}
    asked = [path for method, path, _ in loopback_hub.requests if method == "POST"]
    assert asked.index("/api/validate-yaml") < asked.index("/api/models/alice/tiny/preupload/main")


def test_private_dataset_streams(client: LoopbackHub, run_child: Callable[..., str], tmp_path: Path) -> None:
    repo_id = "alice/librispeech_asr"
    rows = _upload_librispeech(repo_id)
    run_child("-c", STREAM, repo_id, cwd=tmp_path)
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["is_audio"]
    assert result["rows"] == [{**row, "audio": 1600} for row in rows]
    with pytest.raises(RepositoryNotFoundError):
        HfApi(token=BOB_TOKEN).dataset_info(repo_id)


def _upload_librispeech(repo_id: str) -> list[dict[str, object]]:
    """A private data set in the schema of openslr/librispeech_asr; gives its rows without the audio."""
    sound = io.BytesIO()
    soundfile.write(sound, np.zeros(1600), 16000, format="FLAC")
    rows = [
        {"file": f"1-2-{i}.flac", "text": f"LINE {'AB'[i]}", "speaker_id": 1, "chapter_id": 2, "id": f"1-2-{i}"}
        for i in range(2)
    ]
    table = pa.Table.from_pylist([{**row, "audio": {"bytes": sound.getvalue(), "path": row["file"]}} for row in rows])
    parquet = io.BytesIO()
    pq.write_table(table, parquet)
    features = "".join(f"  - name: {name}\n    dtype: string\n" for name in ("file", "text", "id"))
    features += "".join(f"  - name: {name}\n    dtype: int64\n" for name in ("speaker_id", "chapter_id"))
    features += "  - name: audio\n    dtype:\n      audio:\n        sampling_rate: 16000\n"
    readme = (
        "---\nconfigs:\n- config_name: clean\n  data_files:\n  - split: train.100\n    path: clean/train.100/*\n"
        f"dataset_info:\n- config_name: clean\n  features:\n{features}---\n"
    )
    files = {"README.md": readme.encode(), "clean/train.100/0000.parquet": parquet.getvalue()}
    api = HfApi(token=ALICE_TOKEN)
    api.create_repo(repo_id, repo_type="dataset", private=True)
    operations = [CommitOperationAdd(path, content) for path, content in files.items()]
    api.create_commit(repo_id, operations, commit_message="data", repo_type="dataset")
    return rows


# ---------------------------------------------------------------------------------------------------------- refusals


def test_push_without_a_token_is_refused(client: LoopbackHub, release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    before = len(client.requests)
    with pytest.raises(HubError, match=r"no Hugging Face token.*set HF_TOKEN or run `hf auth login`"):
        push_release(release, "alice/anonymous")
    assert len(client.requests) == before
    with pytest.raises(HfHubHTTPError) as refusal:
        HfApi(token=False).create_repo("alice/anonymous")
    assert refusal.value.response.status_code == 401


def test_push_with_a_wrong_token_is_refused(
    client: LoopbackHub, release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(HubError, match=r"does not accept the token.*set HF_TOKEN to a valid one"):
        push_release(release, "alice/wrong")
    assert ("models", "alice/wrong") not in client.repositories


def test_a_hub_that_cannot_be_reached_is_named(
    client: LoopbackHub, release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    monkeypatch.setattr(constants, "ENDPOINT", url)
    with pytest.raises(
        HubError, match=f"The Hub at {url} cannot be reached: .*; check the connection and HF_ENDPOINT"
    ):
        push_release(release, "alice/unreachable")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    huggingface_hub.close_session()
    with pytest.raises(HubError, match=f"The Hub at {url} cannot be reached: .*HF_HUB_OFFLINE"):
        push_release(release, "alice/unreachable")


def test_push_into_a_foreign_namespace_is_refused(client: LoopbackHub, release: Path) -> None:
    with pytest.raises(HubError, match="may not write to bob/tiny; push to a namespace of your own"):
        push_release(release, "bob/tiny")
    assert client.requests[-2][2] == 403
    assert ("models", "bob/tiny") not in client.repositories


def test_push_into_a_foreign_repository_is_refused(client: LoopbackHub, release: Path) -> None:
    HfApi(token=BOB_TOKEN).create_repo("bob/existing")
    before = client.files("bob/existing")
    with pytest.raises(HubError, match="may not write to bob/existing"):
        push_release(release, "bob/existing")
    assert client.files("bob/existing") == before


def test_private_repository_is_invisible_without_its_token(client: LoopbackHub, release: Path) -> None:
    push_release(release, "alice/secret", private=True)
    assert HfApi(token=ALICE_TOKEN).model_info("alice/secret").private
    for token in (False, BOB_TOKEN):
        with pytest.raises(RepositoryNotFoundError):
            HfApi(token=token).model_info("alice/secret")
        with pytest.raises(RepositoryNotFoundError):
            HfApi(token=token).get_hf_file_metadata(url=f"{client.url}/alice/secret/resolve/main/config.json")


def test_private_push_to_a_public_repository_is_refused(client: LoopbackHub, release: Path) -> None:
    HfApi(token=ALICE_TOKEN).create_repo("alice/public")
    before = client.files("alice/public")
    with pytest.raises(HubError, match="alice/public exists and is public"):
        push_release(release, "alice/public", private=True)
    assert client.files("alice/public") == before


@pytest.fixture
def moved_on(client: LoopbackHub) -> tuple[str, str]:
    """A repository into which somebody has committed: its name and the commit before that."""
    api = HfApi(token=ALICE_TOKEN)
    api.create_repo("alice/moving", exist_ok=True)
    before = str(api.model_info("alice/moving").sha)
    operations = [CommitOperationAdd("config.json", before.encode())]
    api.create_commit("alice/moving", operations, commit_message="theirs", parent_commit=before)
    return "alice/moving", before


def test_named_parent_that_is_stale_is_refused(client: LoopbackHub, release: Path, moved_on: tuple[str, str]) -> None:
    repo_id, stale = moved_on
    before = client.files(repo_id)
    with pytest.raises(HubError, match=f"not at {stale}: somebody else has pushed.*push again"):
        push_release(release, repo_id, parent_commit=stale)
    assert client.files(repo_id) == before


def test_commit_that_slips_in_is_not_overwritten(
    client: LoopbackHub, release: Path, moved_on: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    repo_id, stale = moved_on
    before = client.files(repo_id)
    # What the push saw before the other commit came.
    monkeypatch.setattr(HfApi, "model_info", lambda *_, **__: huggingface_hub.ModelInfo(id=repo_id, sha=stale))
    with pytest.raises(HubError, match="changed during the push: somebody else has pushed"):
        push_release(release, repo_id)
    assert client.requests[-1][2] == 412
    assert client.files(repo_id) == before


def test_push_to_a_branch_leaves_main_alone(client: LoopbackHub, release: Path) -> None:
    HfApi(token=ALICE_TOKEN).create_repo("alice/branched")
    before = client.files("alice/branched")
    pushed = push_release(release, "alice/branched", revision="next")
    assert client.files("alice/branched") == before
    assert client.files("alice/branched", "next")["README.md"] == (release / "README.md").read_bytes()
    HfApi(token=ALICE_TOKEN).create_tag("alice/branched", tag="v1", revision="next")
    refs = HfApi(token=ALICE_TOKEN).list_repo_refs("alice/branched")
    assert [(tag.name, tag.target_commit) for tag in refs.tags] == [("v1", pushed.card_commit)]


def test_second_push_of_the_same_changes_nothing(client: LoopbackHub, release: Path) -> None:
    first = push_release(release, "alice/again")
    assert push_release(release, "alice/again", parent_commit=first.card_commit) == first.__class__(
        first.url, first.card_commit, first.card_commit
    )


def test_card_that_the_hub_rejects_stops_the_push(client: LoopbackHub, release: Path) -> None:
    text = (release / "README.md").read_text()
    (release / "README.md").write_text(text.replace("tags:\n", "tags:\n- {not: a string}\n"))
    with pytest.raises(ValueError, match=r'finds fault with the card.*"tags.*must be an array of strings'):
        push_release(release, "alice/rejected")
    assert ("models", "alice/rejected") not in client.repositories


# ---------------------------------------------------------------------------------------------------- the folder


@pytest.mark.parametrize("token", [ALICE_TOKEN, "hf_" + 30 * "x"], ids=["own", "another's"])
def test_release_with_a_token_is_refused(
    client: LoopbackHub, model_dir: Path, tmp_path: Path, release: Path, token: str
) -> None:
    leaking = {**EVALUATION, "command": f"HF_TOKEN={token} python scripts/evaluate.py"}
    with pytest.raises(ValueError, match=r"README\.md holds a Hugging Face token") as refusal:
        assemble_release(model_dir, tmp_path / "leaking", [leaking], repo_id="alice/tiny")
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


def test_release_of_incomplete_weights_is_refused(model_dir: Path, tmp_path: Path) -> None:
    broken = _copy(model_dir, tmp_path / "broken")
    config = json.loads((broken / "config.json").read_text())
    (broken / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 3}))
    with pytest.raises(ValueError, match=r"do not fit its config.json.*missing_keys.*layers\.2"):
        assemble_release(broken, tmp_path / "release", repo_id="alice/tiny")


def test_release_of_weights_that_are_not_finite_is_refused(model_dir: Path, tmp_path: Path) -> None:
    broken = _copy(model_dir, tmp_path / "broken")
    model = BiGRUForCTC.from_pretrained(broken)
    model.lm_head.bias.data[3] = torch.nan
    model.save_pretrained(broken)
    with pytest.raises(ValueError, match=r"lm_head\.bias .* has NaN or infinite values"):
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
    model_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.chdir(model_dir)
    before = len(client.requests)
    with pytest.raises(SystemExit, match=message.replace(".", r"\.")) as end:
        script.main(["--repo_id", "alice/tiny", "--model", str(model_dir), *arguments])
    assert end.value.code not in (0, None)
    assert len(client.requests) == before


def test_dry_run_writes_what_would_be_pushed_and_asks_nobody(
    client: LoopbackHub, script: ModuleType, model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    before = len(client.requests)
    target = tmp_path / "dry"
    local = {**EVALUATION, "dataset": {**EVALUATION["dataset"], "name": "/data/mine"}}
    (tmp_path / "local.json").write_text(json.dumps(local))
    arguments = ["--evaluation", str(tmp_path / "local.json"), "--dataset_id", "openslr/librispeech_asr"]
    script.main(["--repo_id", "alice/tiny", "--model", str(model_dir), "--dry_run", str(target), *arguments])
    written = sorted(path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file())
    assert written == release_files(target)
    assert written[0] == ".eval_results/librispeech_asr_clean_test.yaml"
    assert ModelCard.load(target / "README.md").data.to_dict()["model-index"][0]["results"][0]["metrics"][0] == {
        "type": "wer",
        "value": 25.0,
        "name": "WER (greedy)",
    }
    assert len(client.requests) == before


def test_a_release_has_the_pictures_and_the_language_model_of_its_card(tmp_path: Path) -> None:
    folder = assemble_release(bundled_checkpoint(), tmp_path / "release", [], repo_id="alice/bigru")
    shown = set(re.findall(r"\]\((\w+\.png)\)", (folder / "README.md").read_text(encoding="utf-8")))
    assert {"learning_curve.png", "tuning.png"} <= shown <= set(release_files(folder))
    assert "language_model/lm.binary" in release_files(folder)
