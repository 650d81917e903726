"""What the benchmarks report."""

import json
from pathlib import Path

from benchmarks.report import speed_ratios, write_report


def rows(speeds: dict[str, float]) -> list[dict[str, object]]:
    return [{"name": name, "batch_size": 16, "duration_s": 15.0, "real_time_factor": x} for name, x in speeds.items()]


def test_each_number_format_is_set_against_its_own_product() -> None:
    speeds = {"torch, packed nn.GRU": 100.0, "torch float32": 200.0, "a float32": 300.0, "a bfloat16": 400.0}
    products = {"torch float32": 500.0, "a float32": 250.0, "a bfloat16": 1600.0}
    found = speed_ratios({"network": rows(speeds), "ceilings": rows(products)})
    size = "network, batch 16 of 15 s: best"
    assert found == {
        f"{size} to packed nn.GRU": 4.0,
        f"{size} float32 to matrix product": 0.6,
        f"{size} bfloat16 to matrix product": 0.25,
    }


def test_files_are_set_against_peers_and_the_network() -> None:
    speeds = {"torch, packed nn.GRU": 100.0, "torch float32": 200.0}
    files = {"this package, torch": 50.0, "this package, onnx": 80.0, "PocketSphinx en-us": 4.0}
    found = speed_ratios({"network": rows(speeds), "ceilings": [], "files": rows(files), "long": rows({"a": 100.0})})
    assert found["file to text: best to PocketSphinx en-us"] == 20
    assert found["file to text: best to network alone"] == 0.4
    assert found["one long file, a: to network alone"] == 0.5


def test_a_report_says_where_its_figures_are_from(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "figures.json"
    write_report(path, {"speed": 3.5}, "cuda")
    report = json.loads(path.read_text())
    assert report["speed"] == 3.5
    assert report["machine"]["device"] == "cuda"
    assert {"versions", "command", "commit"} <= report.keys()
