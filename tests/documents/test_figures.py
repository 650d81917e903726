"""Figures in the documents are those that were measured."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from documents import README, page_id
from repository import REPOSITORY

from hf_bigru_asr import bundled_checkpoint

DOCS = REPOSITORY / "docs"
FIGURES = DOCS / "figures"
SYSTEMS = {
    "this package, OpenVINO in bfloat16": "this package, openvino bfloat16",
    "this package, ONNX Runtime": "this package, onnx",
    "this package, OpenVINO": "this package, openvino",
    "this package, torch": "this package, torch",
    "this package, ONNX Runtime, 3 frame grids": "this package, onnx, 3 grids",
    "this package, ONNX Runtime, 3 frame grids and language model": "this package, onnx, language model",
    "PocketSphinx en-us, two processes": "PocketSphinx en-us",
    "Whisper tiny.en, faster-whisper int8, greedy": "Whisper tiny.en, faster-whisper int8",
    "Whisper-base, faster-whisper int8, greedy": "Whisper-base, faster-whisper int8",
}


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def rows(page: Path) -> list[list[str]]:
    lines = page.read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]


def speed(value: float) -> str:
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}"


def test_accuracy_and_speed_with_the_peers() -> None:
    page = DOCS / "benchmarks.md"
    report = read(FIGURES / "benchmark.json")
    measured = {system["name"]: system for system in report["files"]}
    shown = {row[0].removesuffix(" (beam 1,000)"): row[1:] for row in rows(page) if len(row) == 3}

    assert set(SYSTEMS.values()) == set(measured)
    for label, name in SYSTEMS.items():
        system = measured[name]
        assert shown[label] == [f"{100 * system['wer']:.1f} %", speed(system["real_time_factor"])], label
    assert report["commit"] in page.read_text(encoding="utf-8")


def test_one_long_file() -> None:
    measured = {system["name"]: system for system in read(FIGURES / "benchmark.json")["long"]}
    shown = {row[0]: row[1:] for row in rows(DOCS / "benchmarks.md") if len(row) == 3 and row[-1].endswith("MiB")}

    assert len(shown) == len(measured)
    for label, cells in shown.items():
        system = measured[SYSTEMS[f"this package, {label}"]]
        memory_mib = system["peak_memory_mib"] - system["memory_mib"]
        assert cells == [speed(system["real_time_factor"]), f"{memory_mib:.0f} MiB"]


def test_the_network_alone() -> None:
    labels = {
        "torch, packed nn.GRU": "torch, packed `nn.GRU`",
        "torch float32": "this package, torch",
        "onnx float32": "this package, ONNX Runtime",
        "openvino float32": "this package, OpenVINO",
        "openvino bfloat16": "this package, OpenVINO in bfloat16",
    }
    shown = {row[0]: row[1:] for row in rows(DOCS / "benchmarks.md") if len(row) == 6 and row[0] in labels.values()}

    measured: dict[str, list[str]] = {label: [] for label in labels.values()}
    for call in read(FIGURES / "benchmark.json")["network"]:
        latency = f" ({1000 * call['latency_median_s']:.0f} ms)" if call["batch_size"] == 1 else ""
        measured[labels[call["name"]]].append(f"{call['real_time_factor']:,.0f}{latency}")
    assert {label: cells for label, cells in shown.items() if "(" in cells[0]} == measured


def test_evaluations_of_the_shipped_model() -> None:
    table = rows(DOCS / "evaluation.md")
    found = [*bundled_checkpoint().glob("evaluation_*.json"), *FIGURES.glob("evaluation_*.json")]
    reports = sorted(path for path in found if "other" not in path.name)

    assert len(reports) == 8
    for path in reports:
        metrics = read(path)["metrics"]
        (row,) = (row for row in table if path.name in row[-1])
        assert row[2:4] == [f"{100 * metrics['wer']:.1f} %", f"{100 * metrics['cer']:.1f} %"], path.name


def test_other_speech() -> None:
    shown = {row[0]: row[1:] for row in rows(DOCS / "evaluation.md") if len(row) == 4}
    greedy, beam = (read(FIGURES / f"evaluation_other{kind}.json")["by_group"]["groups"] for kind in ("", "_lm"))
    names = {"an4": "AN4", "arctic_kathleen": "Arctic", "common_voice": "Common Voice", "ljspeech": "LJ Speech"}
    for corpus, rates in greedy.items():
        (cells,) = (cells for speech, cells in shown.items() if f"{names.get(corpus, corpus)})" in speech)
        wers = [f"{100 * each['wer']:.1f} %" for each in (rates, beam[corpus])]
        assert cells == [str(rates["num_utterances"]), *wers], corpus


def cells_of_recordings(paths: list[Path]) -> dict[str, list[str]]:
    """Minutes, and for each decoding error rate and points, by the kind of recordings."""
    measured: dict[str, list[str]] = {}
    known: set[tuple[str, str]] = set()
    for report in map(read, paths):
        kinds = {each["kind"] for each in report["results"]}
        for each in report["results"] if len(kinds) > 1 else []:
            points = f"{100 * each['difference']:+.1f}"
            kind = each["kind"]
            if kind == "clips one by one":
                kind += f", {report['num_clips']} clips"
            elif each["interval"] is not None:
                low, high = each["interval"]
                assert low < each["difference"] < high
                points += f" ({100 * low:+.1f} to {100 * high:+.1f})"
            if kind.startswith("c: "):
                kind += f", {each['num_recordings']} sessions"
            if (kind, each["decoding"]) in known:
                continue  # the same clips, of another report
            known.add((kind, each["decoding"]))
            cells = measured.setdefault(kind, [f"{each['audio_s'] / 60:.0f}"])
            cells += [f"{100 * each['wer']:.1f} %", points]
        for each in report["without_speech"]:
            cells = measured.setdefault(each["kind"], [f"{each['audio_s'] / 60:.0f}"])
            cells += [f"{each['num_words']} words", ""]
    return measured


def test_recordings_as_people_have_them() -> None:
    page = DOCS / "evaluation.md"
    for start, width in (("recordings_test_", 5), ("recordings_", 6)):
        shown = {row[0]: row[1:] for row in rows(page) if len(row) == width}
        paths = [path for path in sorted(FIGURES.glob(f"{start}*.json")) if width == 5 or "_test_" not in path.name]
        measured = cells_of_recordings(paths)
        assert len(measured) > 15
        for kind, cells in measured.items():
            assert shown[kind] == cells[6 - width :], kind


@pytest.mark.parametrize("page", [README, DOCS / "usage.md", DOCS / "language-model.md"], ids=page_id)
def test_error_rates_in_sentences(page: Path) -> None:
    greedy, grids, beam = (
        f"{100 * read(bundled_checkpoint() / f'evaluation_test{kind}.json')['metrics']['wer']:.1f}"
        for kind in ("", "_grids", "_lm")
    )
    text = " ".join(page.read_text(encoding="utf-8").split())

    expected = {"README.md": (greedy, beam), "usage.md": (greedy, grids), "language-model.md": (greedy, beam)}
    assert re.search(" .{0,40}".join(map(re.escape, expected[page.name])), text)


def test_calibration_errors() -> None:
    shown = {row[0]: row[1] for row in rows(DOCS / "alignment.md") if len(row) == 2}
    labels = {"": "greedy", "_grids": "greedy, 3 frame grids", "_lm": "language model, 3 frame grids"}

    for kind, label in labels.items():
        confidence = read(bundled_checkpoint() / f"evaluation_test{kind}.json")["confidence"]
        assert shown[label] == f"{100 * confidence['expected_calibration_error']:.1f} %"


def test_the_command_and_its_peers() -> None:
    report = read(FIGURES / "decoding.json")
    measured = {row["name"]: row for row in report["rows"]}
    names = {
        "this package, `accurate`": "transcribe: accurate",
        "this package, `fast`": "transcribe: fast",
        "this package, without the language model": "transcribe: greedy",
        "Whisper tiny.en, faster-whisper int8, greedy": "Whisper tiny.en, faster-whisper int8",
        "Whisper-base, faster-whisper int8, greedy": "Whisper-base, faster-whisper int8",
        "PocketSphinx en-us, two processes": "PocketSphinx en-us",
    }
    shown = {row[0]: row[1:] for row in rows(README) if len(row) == 3}
    for label, name in names.items():
        row = measured[name]
        assert shown[label] == [f"{100 * row['wer']:.1f} %", speed(row["real_time_factor"])]
    assert report["commit"] in README.read_text(encoding="utf-8")


def test_decoding_with_the_language_model() -> None:
    report = read(FIGURES / "decoding.json")
    names = {
        "`transcribe`, `accurate`": "transcribe: accurate",
        "`transcribe`, `fast`": "transcribe: fast",
        "`transcribe`, greedy": "transcribe: greedy",
        "`transcribe`, `accurate`, ONNX Runtime": "transcribe: accurate, ONNX Runtime",
        "`transcribe`, `fast`, ONNX Runtime": "transcribe: fast, ONNX Runtime",
        "`accurate`": "accurate",
        "`accurate`, 100 hotwords of these utterances": "100 hotwords",
        "`fast`": "fast",
        "greedy": "greedy",
    }
    measured = {row["name"]: row for row in report["rows"]}
    shown = {row[0]: row[1:] for row in rows(DOCS / "benchmarks.md") if len(row) == 5}
    for label, name in names.items():
        row = measured[name]
        speeds = [speed(row[key]) for key in ("real_time_factor", "cpu_real_time_factor")]
        assert shown[label] == [f"{100 * row['wer']:.1f} %", *speeds, f"{row['peak_memory_mib']:.0f} MiB"]
    presets = {row[0]: row[4:] for row in rows(DOCS / "language-model.md") if len(row) == 6}
    long = {row["name"]: row for row in report["long"]}
    for preset in ("accurate", "fast"):
        name = f"transcribe: {preset}"
        assert presets[f"`{preset}`"] == [speed(each[name]["real_time_factor"]) for each in (measured, long)]
    assert report["commit"] in (DOCS / "benchmarks.md").read_text(encoding="utf-8")


def test_start_to_text() -> None:
    page = DOCS / "benchmarks.md"
    report = read(FIGURES / "start.json")
    shown = {row[0]: row[1:] for row in rows(page) if len(row) == 4}

    assert f"`{report['commit']}`" in page.read_text(encoding="utf-8")
    for each in report["results"]:
        cells = [f"{each['wall_s']:.2f}", f"{each['cpu_s']:.2f}", f"{each['cpu_ratio']:.1f}"]
        assert shown[each["name"]] == cells


def test_every_file_of_figures_is_linked() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in [README, *DOCS.rglob("*.md")])

    assert [path.name for path in FIGURES.iterdir() if f"figures/{path.name}" not in text] == []
