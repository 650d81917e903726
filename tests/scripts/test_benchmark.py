"""`scripts/benchmark.py`: every figure is there, and the texts that are timed are right."""

import json
from pathlib import Path

import pytest
from runtime_support import needs_onnx
from script_runs import run_script, spoken, write_split
from speech_rows import RATE_HZ
from tone_speech import speak

from benchmarks import network
from hf_bigru_asr.backends.loading import choose_runtime


@needs_onnx
@pytest.mark.usefixtures("in_one_process")
def test_benchmark_compares_runtimes_and_files(
    listener_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "PRODUCT_SIZE", 64)
    rows = [{"audio": spoken(text), "text": text} for text in ("HELLO", "NOT TAKEN", "ALL WELL")]
    data = write_split(tmp_path / "data", "test", rows)

    result = run_script(
        *("benchmark.py", "--model", listener_dir, "--runtimes", "onnx", "--num_threads", 1),
        *("--batch_sizes", 2, "--duration_s", 0.4, "--repeats", 1, "--dataset_name", data, "--every", 2),
        *("--file_repeats", 1, "--long_s", 3, "--output", tmp_path / "out.json", "--plot", tmp_path / "out.png"),
    )

    assert result.returncode == 0, result.stderr[-3000:]
    report = json.loads((tmp_path / "out.json").read_text())
    networks = [(row["name"], row["batch_size"], row["duration_s"]) for row in report["network"]]
    names = ("torch, packed nn.GRU", "onnx float32")
    assert networks == [(name, *size) for size in ((1, 5.0), (2, 0.4)) for name in names]
    assert all(row["real_time_factor"] > 0 for row in (*report["network"], *report["ceilings"]))
    file, grids = report["files"]
    assert (grids["name"], grids["wer"]) == (f"this package, {choose_runtime('auto', 'cpu')}, 3 grids", 0)
    assert (file["name"], file["wer"]) == ("this package, onnx", 0)  # HELLO and ALL WELL
    assert file["audio_s"] == pytest.approx(sum(len(speak(text)[0]) for text in ("HELLO", "ALL WELL")) / RATE_HZ)
    assert report["long"][0]["audio_s"] == 3
    assert 10 < report["start"]["peak_memory_mib"] < 500
    assert report["long_without_torch"]["audio_s"] == 3
    assert report["ratios"]["file to text: best to network alone"] > 0
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
