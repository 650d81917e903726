"""Two users of the Hub of the tests, and the model that they push and pull."""

import json
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
import transformers.utils.hub
from fork_server import ForkServer
from huggingface_hub import constants
from loopback_hub import LoopbackHub
from small_language_model import write_language_model

from hf_bigru_asr import (
    BiGRUCTCConfig,
    BiGRUCTCFeatureExtractor,
    BiGRUCTCProcessor,
    BiGRUCTCTokenizer,
    BiGRUForCTC,
)
from hf_bigru_asr.model.confidence_bigru_ctc import FEATURES, ConfidenceModel
from hf_bigru_asr.model.language_model_files_bigru_ctc import file_checksums

ALICE_TOKEN = "hf_" + "AliceAliceAliceAliceAliceAliceAlice"
BOB_TOKEN = "hf_" + "BobBobBobBobBobBobBobBobBobBobBobB"
EVALUATION: dict[str, Any] = {
    "model": "alice/tiny",
    "dataset": {"name": "openslr/librispeech_asr", "config": "clean", "split": "test", "num_utterances": 2620},
    "metrics": {"wer": 0.25, "cer": 0.1},
    "decoding": {"method": "greedy"},
    "commit": "0123abc",
}
STRAYS = ("training_args.bin", "checkpoint-1/optimizer.pt", "optimizer.pt", ".env", "notes.py")
"""Files beside a model that must not be pushed."""


def open_hub(folder: Path) -> LoopbackHub:
    """A Hub with two users, alice and bob."""
    hub = LoopbackHub(folder)
    hub.add_user("alice", ALICE_TOKEN)
    hub.add_user("bob", BOB_TOKEN)
    return hub


def become_client(hub: LoopbackHub, patch: pytest.MonkeyPatch, folder: Path) -> LoopbackHub:
    """Turn this process into a client of a Hub, logged in as alice, with a cache in `folder`."""
    patch.setattr(constants, "ENDPOINT", hub.url)
    patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + "/{repo_id}/resolve/{revision}/{filename}")
    patch.setattr(constants, "HF_HUB_OFFLINE", False)
    patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    patch.setattr(constants, "HF_HUB_CACHE", str(folder / "cache"))
    patch.setattr(constants, "HF_TOKEN_PATH", str(folder / "no-token"))
    patch.setattr(transformers.utils.hub, "_hf_api", None)  # it keeps the address that it was made with
    patch.delenv("HUGGING_FACE_HUB_TOKEN", raising=False)
    patch.setenv("HF_TOKEN", ALICE_TOKEN)
    patch.setenv("NO_PROXY", "127.0.0.1,localhost")
    huggingface_hub.close_session()
    return hub


def run_isolated(
    server: ForkServer, hub: LoopbackHub, code: str, *arguments: str | Path, token: str | None, folder: Path
) -> None:
    """Run Python as a client of a Hub, isolated from this environment and, in `folder`, with caches of its own."""
    server.run(code, *arguments, path=folder, folder=folder, environment=hub.child_environment(folder / "home", token))


def save_speller(folder: Path) -> Path:
    """A model that spells something, with a language model and confidences, and strays as training leaves them."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BiGRUForCTC(BiGRUCTCConfig(hidden_size=8, num_hidden_layers=2))
    model.lm_head.weight.data *= 30
    model.save_pretrained(folder)
    BiGRUCTCProcessor(BiGRUCTCFeatureExtractor(), BiGRUCTCTokenizer()).save_pretrained(folder)
    language_model = write_language_model(folder / "language_model")
    record: dict[str, object] = {"order": 2, "num_words": 5, "num_bytes": 1000, "num_running_words": 2_000_000}
    record["checksums"] = file_checksums(language_model)
    (language_model / "language_model.json").write_text(json.dumps(record))
    ConfidenceModel((1.0,) * len(FEATURES), 2.0).save(folder)
    ConfidenceModel((2.0,) * len(FEATURES), 3.0).save(language_model)
    (folder / "evaluation_clean.json").write_text(json.dumps(EVALUATION))
    for stray in STRAYS:
        (folder / stray).parent.mkdir(exist_ok=True)
        (folder / stray).write_text(f"token={ALICE_TOKEN}")
    return folder
