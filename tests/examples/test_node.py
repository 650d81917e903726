"""The program for Node against the recogniser of the package."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from repository import REPOSITORY, SAMPLE

from hf_bigru_asr.audio.loading import load_audio
from hf_bigru_asr.runtime.recognizer import OnnxRecognizer

FOLDER = REPOSITORY / "examples" / "node"


def test_it_gives_the_text_of_the_package(node: str, exported: Path, tmp_path: Path) -> None:
    if not (FOLDER / "node_modules" / "onnxruntime-node").is_dir():
        pytest.skip("onnxruntime-node is not installed; examples/README.md says how")
    speech = load_audio(SAMPLE)
    stereo = np.stack([speech[:40_000], speech[-40_000:]], axis=1)
    forms = {
        "PCM_16": (speech, {}),
        "PCM_24": (stereo, {}),
        "PCM_32": (stereo, {"format": "WAVEX"}),
        "FLOAT": (speech[:50_001], {}),
    }
    for subtype, (samples, options) in forms.items():
        soundfile.write(tmp_path / f"{subtype}.wav", samples, 16_000, subtype=subtype, **options)
    pcm = (tmp_path / "PCM_16.wav").read_bytes()
    (tmp_path / "odd.wav").write_bytes(pcm[:12] + b"note\x03\0\0\0abc\0" + pcm[12:])
    soundfile.write(tmp_path / "slow.wav", speech, 8000)
    soundfile.write(tmp_path / "bytes.wav", speech, 16_000, subtype="PCM_U8")
    (tmp_path / "text.wav").write_text("no sound at all")
    names = [*(f"{subtype}.wav" for subtype in forms), "slow.wav", "bytes.wav", "text.wav", "nothing.wav", "odd.wav"]

    command = [node, FOLDER / "transcribe.mjs", exported, *names]
    child = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert child.returncode == 1, child.stderr
    recognizer = OnnxRecognizer(exported, num_threads=1)
    texts = [recognizer.transcribe(tmp_path / f"{subtype}.wav") for subtype in forms]
    assert child.stdout.splitlines() == [*texts, texts[0]]
    refusals = child.stderr.splitlines()
    assert [line.split(":")[0] for line in refusals] == ["slow.wav", "bytes.wav", "text.wav", "nothing.wav"]
    assert "it has 8000 Hz and must have 16000" in refusals[0]
    assert "its samples are of the kind 1 8; convert it" in refusals[1]
    assert "it is no WAV file" in refusals[2]
