"""Contract 2: push and pull.

A push to a Hub and a pull give equal weights and outputs: in a process where the package cannot be imported
(`trust_remote_code=True`) and, with the package imported, without that flag. The language model and the confidences
travel too, by every door. The Hub is a server on 127.0.0.1.
"""

import functools
import hashlib
import itertools
import json
import runpy
import shutil
from ast import literal_eval
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from fork_server import ForkServer
from hub_users import ALICE_TOKEN, become_client, open_hub, run_isolated, save_speller
from loopback_hub import LoopbackHub
from repository import REPOSITORY, SCRIPTS
from safetensors.torch import load_file
from transformers import AutoModelForCTC, AutoProcessor

from hf_bigru_asr import BiGRUCTCProcessor, BiGRUForCTC
from hf_bigru_asr.model.beam_search_bigru_ctc import BeamSearchDecoder, BeamSearchSettings
from hf_bigru_asr.model.confidence_bigru_ctc import ConfidenceModel

pytestmark = pytest.mark.hub

LANGUAGE_MODEL = {
    f"language_model/{name}"
    for name in ("confidence.json", "decoding.json", "language_model.json", "lexicon.txt", "lm.binary")
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

WITH_PACKAGE = """
import sys
sys.path.insert(0, sys.argv[4])
import hf_bigru_asr
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
hypotheses = processor.beam_search_decoder(nbest=3)(log_probs)[0]
result["hypotheses"] = [(hypothesis.text, hypothesis.score) for hypothesis in hypotheses]
result["confidences"] = [word.confidence for word in processor.greedy_decoder()(log_probs)[0][0].words]
try:
    AutoModelForCTC.from_pretrained(repo_id, trust_remote_code=False)
    result["refusal"] = None
except ValueError as error:
    result["refusal"] = str(error)
names = {}  # the examples of a card go on from one another
for snippet in re.findall("```python\\n(.*?)```", ModelCard.load(repo_id).text, re.DOTALL):
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(snippet if flag else snippet.replace(", trust_remote_code=True", ""), names)
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


@pytest.fixture(scope="module")
def loopback_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackHub]:
    with open_hub(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.fixture(scope="module")
def speller_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_speller(tmp_path_factory.mktemp("speller"))


@pytest.fixture(scope="module")
def pushed(loopback_hub: LoopbackHub, speller_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A repository that the script has pushed."""
    with pytest.MonkeyPatch.context() as patch:
        become_client(loopback_hub, patch, tmp_path_factory.mktemp("client"))
        main = runpy.run_path(str(SCRIPTS / "push_to_hub.py"), run_name="push_to_hub")["main"]
        main(["--repo_id", "alice/tiny", "--model", str(speller_dir)])
    return "alice/tiny"


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
def processor(speller_dir: Path) -> BiGRUCTCProcessor:
    return BiGRUCTCProcessor.from_pretrained(speller_dir)


@pytest.fixture(scope="module")
def logits(speller_dir: Path, speech_dir: Path, processor: BiGRUCTCProcessor) -> torch.Tensor:
    """Log-probabilities of `speech.flac`, without a pipeline or a Hub."""
    audio, rate = soundfile.read(speech_dir / "speech.flac", dtype="float32")
    with torch.inference_mode():
        return BiGRUForCTC.from_pretrained(speller_dir)(**processor(audio, sampling_rate=rate)).logits


@pytest.fixture(scope="module")
def transcript(processor: BiGRUCTCProcessor, logits: torch.Tensor) -> str:
    """What the model hears in `speech.flac`."""
    text = processor.decode(logits[0].argmax(-1))
    assert len(set(text)) >= 3
    return text


@pytest.fixture(scope="module")
def hypotheses(speller_dir: Path, processor: BiGRUCTCProcessor, logits: torch.Tensor) -> list[tuple[str, float]]:
    """The three best hypotheses for `speech.flac` with the language model."""
    folder = speller_dir / "language_model"
    settings = replace(BeamSearchSettings.from_folder(folder), nbest=3)
    found = BeamSearchDecoder(folder, processor.tokenizer, processor.frame_s, settings)(logits)[0]
    assert len({hypothesis.text for hypothesis in found}) == 3
    return [(hypothesis.text, hypothesis.score) for hypothesis in found]


@pytest.fixture(scope="module")
def confidences(processor: BiGRUCTCProcessor, logits: torch.Tensor) -> list[float]:
    """The confidences of the words of greedy decoding."""
    return [word.confidence for word in processor.greedy_decoder()(logits)[0][0].words]


@pytest.fixture(scope="module")
def journeys(
    loopback_hub: LoopbackHub,
    pushed: str,
    speech_dir: Path,
    fork_server: ForkServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], Path]:
    """Two users, each in a folder of their own; calling one gives that folder after the journey.

    "bare" pulls the model without the package; "installed" has the package, pulls the model, trains it further and
    pushes it with the Trainer. (Importing the library is most of their time, so there are no more than two.)
    """

    @functools.cache
    def travel(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        (folder / "speech.flac").write_bytes((speech_dir / "speech.flac").read_bytes())
        if name == "bare":
            code, arguments, token = WITHOUT_PACKAGE + PULL, ("trust",), None
        else:
            code, arguments, token = WITH_PACKAGE + PULL + TRAIN, ("plain", "alice/trained", REPOSITORY), ALICE_TOKEN
        run_isolated(fork_server, loopback_hub, code, pushed, *arguments, token=token, folder=folder)
        return folder

    return travel


def _weight_hashes(folder: Path) -> dict[str, str]:
    weights = load_file(folder / "model.safetensors")
    return {name: hashlib.sha256(tensor.numpy().tobytes()).hexdigest() for name, tensor in weights.items()}


def _assert_same_hypotheses(found: list[list[Any]], expected: list[tuple[str, float]]) -> None:
    assert [text for text, _ in found] == [text for text, _ in expected]
    np.testing.assert_allclose([score for _, score in found], [score for _, score in expected], rtol=1e-5)


def _assert_card_works(printed: list[str], transcript: str, hypotheses: list[tuple[str, float]]) -> None:
    """The examples of the card give what the model gives without a pipeline or a Hub."""
    from_pipeline, from_model, with_language_model = printed
    alone, line, *others = from_pipeline.splitlines()
    assert alone + "\n" == from_model == transcript + "\n"
    assert others == [line, line]
    for printed_line, expected in ((line, transcript), (with_language_model.rstrip(), hypotheses[0][0])):
        text, _, words = printed_line.partition(" [")
        assert text == expected
        spoken = [next(value for value in word if isinstance(value, str)) for word in literal_eval(f"[{words}")]
        assert spoken == expected.split()


def test_pull_without_the_package_is_equal(
    journeys: Callable[[str], Path],
    speller_dir: Path,
    transcript: str,
    hypotheses: list[tuple[str, float]],
    confidences: list[float],
) -> None:
    result = json.loads((journeys("bare") / "result.json").read_text())
    assert result["module"].startswith("transformers_modules.")
    assert result["weights"] == _weight_hashes(speller_dir)
    assert result["text"] == transcript
    _assert_same_hypotheses(result["hypotheses"], hypotheses)
    assert result["confidences"] == pytest.approx(confidences)
    assert "trust_remote_code" in result["refusal"]
    _assert_card_works(result["printed"], transcript, hypotheses)


def test_pull_with_the_package_needs_no_flag(
    journeys: Callable[[str], Path],
    speller_dir: Path,
    transcript: str,
    hypotheses: list[tuple[str, float]],
    confidences: list[float],
) -> None:
    result = json.loads((journeys("installed") / "result.json").read_text())
    assert result["module"] == "hf_bigru_asr.model.modeling_bigru_ctc"
    assert result["weights"] == _weight_hashes(speller_dir)
    assert result["text"] == transcript
    _assert_same_hypotheses(result["hypotheses"], hypotheses)
    assert result["confidences"] == pytest.approx(confidences)
    assert result["refusal"] is None
    _assert_card_works(result["printed"], transcript, hypotheses)


def test_trainer_push_arrives_without_a_token(
    loopback_hub: LoopbackHub, journeys: Callable[[str], Path], speller_dir: Path
) -> None:
    trained = journeys("installed") / "out" / "model.safetensors"
    files = loopback_hub.files("alice/trained")
    code = {path.name for path in (REPOSITORY / "hf_bigru_asr" / "model").glob("*_bigru_ctc.py")}
    assert {"README.md", "processor_config.json", "vocab.json", "confidence.json"} | LANGUAGE_MODEL | code <= set(
        files
    )
    assert files["model.safetensors"] == trained.read_bytes()
    assert files["model.safetensors"] != (speller_dir / "model.safetensors").read_bytes()
    assert "auto_map" in json.loads(files["config.json"])
    assert not [path for path, content in _every_content(loopback_hub, "alice/trained") if b"hf_Alice" in content]


def _every_content(hub: LoopbackHub, repo_id: str) -> Iterator[tuple[str, bytes]]:
    """Path and content of every file of every commit."""
    for commit in hub.repositories["models", repo_id].commits.values():
        for path, stored in commit.files.items():
            yield path, hub.store.read(stored.sha256)


def test_pushed_repository_holds_the_release_and_no_more(pushed: str, loopback_hub: LoopbackHub) -> None:
    files = loopback_hub.files(pushed)
    assert set(files) == LANGUAGE_MODEL | {
        ".gitattributes",
        ".eval_results/librispeech_asr_clean_test.yaml",
        "README.md",
        "config.json",
        "confidence.json",
        "model.safetensors",
        "processor_config.json",
        "tokenizer_config.json",
        "vocab.json",
    } | {path.name for path in (REPOSITORY / "hf_bigru_asr" / "model").glob("*_bigru_ctc.py")}
    auto_map = json.loads(files["config.json"])["auto_map"]
    assert auto_map["AutoModelForCTC"] == "modeling_bigru_ctc.BiGRUForCTC"
    assert not [path for path, content in _every_content(loopback_hub, pushed) if ALICE_TOKEN.encode() in content]


def test_card_arrives_last_and_alone(pushed: str, loopback_hub: LoopbackHub) -> None:
    history = list(loopback_hub.repositories["models", pushed].history("main"))[::-1]
    changes = [
        (after.title, {path for path, _ in set(after.files.items()) ^ set(before.files.items())})
        for before, after in itertools.pairwise(history)
    ]
    (first_title, model_files), (last_title, card_files) = changes
    assert (first_title, last_title) == ("Release", "Release: model card")
    assert "model.safetensors" in model_files
    assert "README.md" not in model_files
    assert card_files == {"README.md"}
    asked = [path for method, path, _ in loopback_hub.requests if method == "POST"]
    assert asked.index("/api/validate-yaml") < asked.index("/api/models/alice/tiny/preupload/main")


@pytest.mark.parametrize("door", ["push_to_hub", "save_pretrained", "save_pretrained where it lies"])
def test_a_processor_is_pushed_with_all_that_belongs_to_it(
    loopback_hub: LoopbackHub, speller_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, door: str
) -> None:
    become_client(loopback_hub, monkeypatch, tmp_path)
    repo_id = f"alice/{door.replace(' ', '-')}"
    folder = tmp_path / "folder"
    processor = BiGRUCTCProcessor.from_pretrained(speller_dir)
    if door == "push_to_hub":
        processor.push_to_hub(repo_id)
    else:
        if door.endswith("lies"):
            processor.save_pretrained(folder)
            processor = BiGRUCTCProcessor.from_pretrained(folder)
        processor.save_pretrained(folder, push_to_hub=True, repo_id=repo_id)
    files = loopback_hub.files(repo_id)
    for name in LANGUAGE_MODEL | {"confidence.json"}:
        assert files[name] == (speller_dir / name).read_bytes()

    pulled = BiGRUCTCProcessor.from_pretrained(repo_id)

    assert pulled.greedy_decoder().confidence == ConfidenceModel.from_folder(speller_dir)
    assert pulled.beam_search_decoder().confidence == ConfidenceModel.from_folder(speller_dir / "language_model")


def test_a_model_pushed_before_0_1_0_loads_and_is_saved_without_what_is_former(
    speller_dir: Path, tmp_path: Path, logits: torch.Tensor, speech_dir: Path
) -> None:
    """Its code lay in files of other names, and its settings of training in its configuration."""
    former = {"mmi_weight": 1.0, "word_error_weight": 0.5, "consistency_weight": 0.2, "mwer_scale": 1.0}
    former |= {"ctc_label_smoothing": 0.1, "intermediate_ctc_layer": 2, "word_delimiter_token_id": 1}
    folder = shutil.copytree(speller_dir, tmp_path / "former", ignore=shutil.ignore_patterns("*.py"))
    (folder / "decoding.py").write_text("raise ImportError('code that no other version runs')")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | former))
    features = json.loads((folder / "processor_config.json").read_text())
    features["feature_extractor"] |= {"global_mean": None, "global_std": None}
    (folder / "processor_config.json").write_text(json.dumps(features))

    model, processor = AutoModelForCTC.from_pretrained(folder), AutoProcessor.from_pretrained(folder)
    model.save_pretrained(tmp_path / "saved")
    processor.save_pretrained(tmp_path / "saved")

    audio, rate = soundfile.read(speech_dir / "speech.flac", dtype="float32")
    inputs = processor(audio, sampling_rate=rate, text="HI")
    with torch.inference_mode():
        torch.testing.assert_close(model(**inputs).logits, logits)
    assert model.train()(**inputs).loss.isfinite()
    assert not former.keys() & json.loads((tmp_path / "saved" / "config.json").read_text()).keys()
    saved = json.loads((tmp_path / "saved" / "processor_config.json").read_text())["feature_extractor"]
    assert not {"global_mean", "global_std"} & saved.keys()
    assert not (tmp_path / "saved" / "decoding.py").exists()
