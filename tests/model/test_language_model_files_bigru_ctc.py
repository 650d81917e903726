"""The files beside a network: found in a folder, and fetched from a Hub on 127.0.0.1 when they are asked for."""

import json
import shutil
import socket
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hub_users import ALICE_TOKEN, become_client, open_hub, save_speller
from huggingface_hub import HfApi, constants, snapshot_download
from huggingface_hub.utils import _http
from loopback_hub import LoopbackHub
from transformers import AutoProcessor

from hf_bigru_asr import BiGRUCTCProcessor
from hf_bigru_asr.model.confidence_bigru_ctc import ConfidenceModel
from hf_bigru_asr.model.language_model_files_bigru_ctc import (
    LANGUAGE_MODEL_FILES,
    check_language_model,
    file_checksums,
    find_model_file,
    read_model_json,
)
from hf_bigru_asr.training.building import build_processor

REPO_ID = "alice/tiny"


@pytest.fixture(scope="module")
def speller_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_speller(tmp_path_factory.mktemp("speller"))


@pytest.fixture(scope="module")
def loopback_hub(speller_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackHub]:
    """A Hub with a model that has a language model, and one that has none."""
    with open_hub(tmp_path_factory.mktemp("hub")) as hub:
        api = HfApi(hub.url, token=ALICE_TOKEN)
        for repo_id, ignored in ((REPO_ID, "optimizer.pt"), ("alice/greedy", "*language_model/*")):
            with pytest.MonkeyPatch.context() as patch:
                become_client(hub, patch, tmp_path_factory.mktemp("client"))
                api.create_repo(repo_id)
                api.upload_folder(
                    repo_id=repo_id, folder_path=speller_dir, ignore_patterns=["checkpoint-1/*", ignored]
                )
        yield hub


@pytest.fixture
def client(loopback_hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> LoopbackHub:
    become_client(loopback_hub, monkeypatch, tmp_path)
    loopback_hub.requests.clear()
    return loopback_hub


def asked(hub: LoopbackHub) -> set[str]:
    """The files of the language model that somebody has asked for."""
    return {path.split("/")[-1] for _, path, _ in hub.requests if "/language_model/" in path}


def unplug(monkeypatch: pytest.MonkeyPatch) -> None:
    """No server answers any more; the client's pauses between its attempts are left out."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(_http.time, "sleep", lambda seconds: None)


def go_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


# Fetched when it is asked for


def test_greedy_decoding_asks_for_no_language_model(client: LoopbackHub, speller_dir: Path) -> None:
    for load in (BiGRUCTCProcessor.from_pretrained, AutoProcessor.from_pretrained):
        processor = load(REPO_ID)
        assert processor.greedy_decoder().confidence == ConfidenceModel.from_folder(speller_dir)
        processor.batch_decode([[3, 4]])
    assert client.requests
    assert asked(client) == set()


def test_beam_search_fetches_the_language_model_once(client: LoopbackHub, speller_dir: Path) -> None:
    processor = BiGRUCTCProcessor.from_pretrained(REPO_ID)
    settings = processor.beam_search_decoder().settings
    assert asked(client) == set(LANGUAGE_MODEL_FILES)
    client.requests.clear()
    assert processor.beam_search_decoder().settings == settings
    BiGRUCTCProcessor.from_pretrained(REPO_ID).beam_search_decoder()
    assert asked(client) == set()
    assert processor.language_model is not None
    for name in LANGUAGE_MODEL_FILES:
        assert (processor.language_model / name).read_bytes() == (speller_dir / "language_model" / name).read_bytes()


def test_it_is_of_the_commit_of_the_processor(client: LoopbackHub, speller_dir: Path, tmp_path: Path) -> None:
    processor = BiGRUCTCProcessor.from_pretrained(REPO_ID)
    newer = tmp_path / "newer"
    shutil.copytree(speller_dir / "language_model", newer / "language_model")
    (newer / "language_model" / "decoding.json").write_text('{"lm_weight": 1.5}')
    api = HfApi(client.url, token=ALICE_TOKEN)
    before = api.model_info(REPO_ID).sha
    api.upload_folder(repo_id=REPO_ID, folder_path=newer)
    assert processor.beam_search_decoder().settings.lm_weight == 0.5
    assert BiGRUCTCProcessor.from_pretrained(REPO_ID).beam_search_decoder().settings.lm_weight == 1.5
    assert BiGRUCTCProcessor.from_pretrained(REPO_ID, revision=before).beam_search_decoder().settings.lm_weight == 0.5
    api.upload_folder(repo_id=REPO_ID, folder_path=speller_dir / "language_model", path_in_repo="language_model")


def test_saving_after_greedy_use_keeps_the_language_model(
    client: LoopbackHub, speller_dir: Path, tmp_path: Path
) -> None:
    BiGRUCTCProcessor.from_pretrained(REPO_ID, token=ALICE_TOKEN).save_pretrained(tmp_path / "copy")
    for name in ("confidence.json", *(f"language_model/{name}" for name in LANGUAGE_MODEL_FILES)):
        assert (tmp_path / "copy" / name).read_bytes() == (speller_dir / name).read_bytes()
    for path in (tmp_path / "copy").glob("*.json"):
        assert ALICE_TOKEN not in path.read_text()
        assert not {"revision", "cache_dir", "token"} & read_model_json(path).keys()


def test_a_model_without_one_is_asked_once(client: LoopbackHub, tmp_path: Path) -> None:
    processor = BiGRUCTCProcessor.from_pretrained("alice/greedy")
    assert processor.language_model is None
    processor.save_pretrained(tmp_path / "copy")
    assert not (tmp_path / "copy" / "language_model").exists()
    assert asked(client) == {"lm.binary"}
    with pytest.raises(ValueError, match="came without a language model; name the folder"):
        processor.beam_search_decoder()


def test_a_training_fetches_it_before_it_begins(client: LoopbackHub) -> None:
    processor = build_processor(REPO_ID)
    assert asked(client) == set(LANGUAGE_MODEL_FILES)
    assert processor.confidence_file is None


# Without a connection


@pytest.mark.parametrize("cut", [unplug, go_offline])
def test_a_language_model_that_cannot_be_fetched_is_named(
    client: LoopbackHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cut: Callable[[pytest.MonkeyPatch], None]
) -> None:
    processor = BiGRUCTCProcessor.from_pretrained(REPO_ID)
    cut(monkeypatch)
    for use in (processor.beam_search_decoder, lambda: processor.save_pretrained(tmp_path / "copy")):
        with pytest.raises(OSError, match=rf"language_model/lm\.binary of {REPO_ID} cannot be fetched .* try again"):
            use()
    assert not (tmp_path / "copy" / "processor_config.json").exists()
    assert processor.greedy_decoder().confidence is not None
    processor.language_model = None  # what the message says
    processor.save_pretrained(tmp_path / "copy")
    assert not (tmp_path / "copy" / "language_model").exists()


def test_what_was_fetched_needs_no_connection(client: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    BiGRUCTCProcessor.from_pretrained(REPO_ID).beam_search_decoder()
    assert BiGRUCTCProcessor.from_pretrained("alice/greedy").language_model is None
    go_offline(monkeypatch)
    client.requests.clear()
    assert BiGRUCTCProcessor.from_pretrained(REPO_ID).beam_search_decoder().confidence is not None
    assert BiGRUCTCProcessor.from_pretrained("alice/greedy").language_model is None
    assert client.requests == []


@pytest.mark.parametrize(("repo_id", "has_one"), [(REPO_ID, True), ("alice/greedy", False)])
def test_a_repository_that_was_downloaded_whole_needs_no_connection(
    client: LoopbackHub, monkeypatch: pytest.MonkeyPatch, repo_id: str, has_one: bool
) -> None:
    snapshot_download(repo_id)
    go_offline(monkeypatch)
    processor = BiGRUCTCProcessor.from_pretrained(repo_id)
    assert (processor.language_model is not None) == has_one
    assert processor.confidence_file is not None


def test_loading_without_a_connection_asks_for_confidences_where_they_are_used(
    client: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = BiGRUCTCProcessor.from_pretrained(REPO_ID).confidence_file
    assert path is not None
    path.unlink()
    go_offline(monkeypatch)
    processor = BiGRUCTCProcessor.from_pretrained(REPO_ID)
    with pytest.raises(OSError, match=r"confidence\.json of alice/tiny cannot be fetched from the Hub"):
        processor.greedy_decoder()
    processor.confidence_file = None
    assert processor.greedy_decoder().confidence is None


def test_a_name_that_is_no_model_is_refused(client: LoopbackHub) -> None:
    with pytest.raises(OSError, match="is not a local folder and is not a valid model identifier"):
        BiGRUCTCProcessor.from_pretrained("alice/nothing")
    with pytest.raises(OSError, match=r"confidence\.json of a/b/c cannot be fetched"):
        find_model_file("a/b/c", "confidence.json")


# In a folder


def test_files_of_a_subfolder(speller_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(speller_dir, tmp_path / "models" / "tiny")
    found = find_model_file(tmp_path / "models", "confidence.json", subfolder="tiny")
    assert found == tmp_path / "models" / "tiny" / "confidence.json"
    assert find_model_file(tmp_path / "models", "confidence.json") is None


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "is broken: Expecting property name"), ("[]", "holds a JSON list"), ("{}", "has no bias, weights")],
)
def test_broken_json_is_refused_by_name(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "values.json").write_text(content)
    with pytest.raises(ValueError, match=rf"values\.json is broken: .*{message.removeprefix('is broken: ')}"):
        read_model_json(tmp_path / "values.json", "bias", "weights")


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A language model of a few bytes with its record."""
    (tmp_path / "lm.binary").write_bytes(bytes(range(200)))
    (tmp_path / "lexicon.txt").write_text("A A |\n")
    (tmp_path / "language_model.json").write_text(json.dumps({"checksums": file_checksums(tmp_path)}))
    return tmp_path


@pytest.mark.parametrize("name", ["lm.binary", "lexicon.txt"])
@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: b"x" + data[1:], lambda data: b""])
def test_files_other_than_the_record_says_are_refused(name: str, change: Callable, recorded: Path) -> None:
    check_language_model(recorded)
    assert file_checksums(recorded)["lm.binary"] == f"{zlib.crc32(bytes(range(200))):08x}"
    path = recorded / name
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ValueError, match=rf"{name} has the CRC-32 .*not whole, or another file"):
        check_language_model(recorded)
    (recorded / "language_model.json").unlink()
    check_language_model(recorded)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ('{"checksums": []}', "checksums is \\[\\]; it must be an object"),
        ('{"checksums": {"lm.binary": NaN}}', "NaN is no number of JSON"),
        ('{"checksums": {"lm.binary": 7}}', "record|says 7"),
        ('{"num_bytes": 207}', "have 206 bytes, and language_model.json says 207"),
    ],
    ids=["list", "nan", "number", "size"],
)
def test_broken_records_are_refused(record: str, message: str, recorded: Path) -> None:
    (recorded / "language_model.json").write_text(record)
    with pytest.raises(ValueError, match=message):
        check_language_model(recorded)
    (recorded / "language_model.json").write_text('{"num_bytes": 206}')
    check_language_model(recorded)
