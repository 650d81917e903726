"""Transcribing without torch, in processes where torch and transformers cannot be imported."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from repository import SAMPLE
from runtime_support import needs_onnx, real_waveforms
from tone_speech import RATE_HZ, save_listener, speak

from hf_bigru_asr import BiGRUCTCProcessor, BiGRUForCTC, bundled_checkpoint
from hf_bigru_asr.model.ctc_output_bigru_ctc import CTCSymbols
from hf_bigru_asr.runtime.export import export_onnx
from hf_bigru_asr.runtime.recognizer import OnnxRecognizer, greedy_text, main

pytestmark = needs_onnx

WITHOUT_TORCH = """
import sys
from importlib.abc import MetaPathFinder

class Blocker(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "torchaudio", "transformers", "huggingface_hub", *BLOCKED}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

BLOCKED = set()
sys.meta_path.insert(0, Blocker())
"""
RunInChild = Callable[..., str]


@pytest.fixture(scope="module")
def listener_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("listener")
    save_listener(folder)
    return folder


def torch_text(folder: Path, waveform: np.ndarray) -> str:
    processor = BiGRUCTCProcessor.from_pretrained(folder)
    with torch.inference_mode():
        log_probs = BiGRUForCTC.from_pretrained(folder)(**processor(audio=waveform, sampling_rate=RATE_HZ)).logits
    return processor.batch_decode(log_probs.argmax(-1))[0]


def test_the_package_is_imported_where_torch_is_forbidden(run_in_child: RunInChild) -> None:
    code = 'import sys; sys.modules["torch"] = None; import transformers, hf_bigru_asr.runtime; print("done")'

    assert run_in_child(code) == "done\n"


def test_importing_it_imports_no_torch(run_in_child: RunInChild) -> None:
    code = "import sys, json, hf_bigru_asr.runtime; print(json.dumps(sorted(sys.modules)))"

    modules = json.loads(run_in_child(code))

    assert "hf_bigru_asr.runtime" in modules
    assert not {"torch", "torchaudio", "transformers", "onnx", "onnxruntime"} & set(modules)


def test_it_transcribes_where_torch_cannot_be_imported(run_in_child: RunInChild) -> None:
    code = WITHOUT_TORCH + "from hf_bigru_asr.runtime.recognizer import main; sys.exit(main(sys.argv[1:]))"

    text = run_in_child(code, "--num_threads", "1", SAMPLE).strip()

    from hf_bigru_asr.transcription.recognizer import load_recognizer, transcribe

    (transcript,) = transcribe(load_recognizer(device="cpu"), [SAMPLE])
    assert text == transcript.text  # the sample has 24 kHz, so it is resampled too


def test_an_exported_folder_needs_neither_onnx_nor_safetensors(
    run_in_child: RunInChild, listener_dir: Path, tmp_path: Path
) -> None:
    folder = export_onnx(listener_dir, tmp_path / "exported").parent
    soundfile.write(tmp_path / "hello.wav", speak("HELLO WORLD")[0], RATE_HZ)
    code = WITHOUT_TORCH + (
        'BLOCKED |= {"onnx", "safetensors"}\n'
        "from hf_bigru_asr.runtime.recognizer import OnnxRecognizer, main; main(sys.argv[1:])\n"
        "try:\n    OnnxRecognizer(sys.argv[2], long_s=0.5).transcribe(sys.argv[3])\n"
        "except ImportError as error:\n    print(error)"
    )

    text, message = run_in_child(code, "--model", folder, tmp_path / "hello.wav").splitlines()

    assert text == "HELLO WORLD"
    assert message.startswith("A recording of more than 0.5 s goes through the network layer by layer. Reading")
    assert "pip install onnx" in message


def test_text_is_that_of_the_tokenizer(processor: BiGRUCTCProcessor) -> None:
    rng = np.random.default_rng(0)
    symbols = list(CTCSymbols.of(processor.tokenizer).characters)
    for num_frames in (0, 1, 2, 200):
        ids = rng.integers(0, 29, num_frames).repeat(rng.integers(1, 4, num_frames))
        ids[rng.random(len(ids)) < 0.4] = 0
        for pause_frames in (None, 1, 2, 5, 100):
            processor.tokenizer.pause_frames = pause_frames
            text = greedy_text(np.eye(29, dtype=np.float32)[ids], symbols, pause_frames)
            assert text == processor.tokenizer.decode(ids)


def test_batch_equals_single(listener_dir: Path) -> None:
    recognizer = OnnxRecognizer(listener_dir, num_threads=1)
    texts = ["HELLO", "A", "BOOKKEEPER DON'T"]
    waveforms = [speak(text)[0] for text in texts]

    batch = recognizer.log_probs(waveforms)

    assert [greedy_text(log_probs, recognizer.symbols) for log_probs in batch] == texts
    for log_probs, waveform in zip(batch, waveforms, strict=True):
        np.testing.assert_allclose(log_probs, recognizer.log_probs([waveform])[0], atol=1e-4)


def test_real_speech_has_the_text_of_torch(librispeech_dir: Path, tmp_path: Path) -> None:
    recognizer = OnnxRecognizer(num_threads=1)

    for number, waveform in enumerate(real_waveforms(librispeech_dir, 3)):
        soundfile.write(tmp_path / f"{number}.wav", waveform, RATE_HZ, subtype="FLOAT")
        assert recognizer.transcribe(tmp_path / f"{number}.wav") == torch_text(bundled_checkpoint(), waveform)


def test_the_command_names_the_bad_file(
    listener_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "good.wav", speak("GOOD")[0], RATE_HZ)
    (tmp_path / "bad.wav").write_bytes(b"not audio")
    files = [str(tmp_path / name) for name in ("bad.wav", "missing.wav", "good.wav")]

    status = main(["--model", str(listener_dir), "--num_threads", "1", *files])

    printed = capsys.readouterr()
    assert status == 1
    assert printed.out == f"{files[2]}: GOOD\n"
    assert [line.split(":")[0] for line in printed.err.splitlines() if "not transcribed" in line] == files[:2]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--num_offsets", "9"], "num_offsets is 9"),
        (["--num_threads", "0"], "num_threads is 0"),
        (["--model", "./nowhere"], "nowhere does not exist"),
    ],
    ids=str,
)
def test_the_command_refuses_what_cannot_be(
    flags: list[str], message: str, listener_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main([str(SAMPLE), "--model", str(listener_dir), *flags])
    assert end.value.code == 2
    assert message in capsys.readouterr().err


def test_no_audio_is_refused(listener_dir: Path) -> None:
    recognizer = OnnxRecognizer(listener_dir, num_threads=1)
    with pytest.raises(ValueError, match="The batch of audio is empty; give at least one utterance"):
        recognizer.log_probs([])


def test_a_model_on_the_hub_needs_its_package(run_in_child: RunInChild) -> None:
    code = WITHOUT_TORCH + (
        "from hf_bigru_asr.runtime import OnnxRecognizer\n"
        "try:\n    OnnxRecognizer('nobody/nothing')\n"
        "except FileNotFoundError as error:\n    print(error)"
    )

    assert "without the package huggingface_hub nothing is downloaded" in run_in_child(code)


def test_without_onnx_the_remedy_is_named(run_in_child: RunInChild, listener_dir: Path) -> None:
    code = WITHOUT_TORCH + (
        "BLOCKED.add(sys.argv[2])\nfrom hf_bigru_asr.runtime import OnnxRecognizer\n"
        "try:\n    OnnxRecognizer(sys.argv[1])\nexcept ImportError as error:\n    print(error)"
    )

    without_onnx, without_runtime = (run_in_child(code, listener_dir, name) for name in ("onnx", "onnxruntime"))
    assert "Writing the network as an ONNX graph needs onnx: pip install onnx." in without_onnx
    assert "Running the network needs onnxruntime: pip install onnxruntime" in without_runtime
