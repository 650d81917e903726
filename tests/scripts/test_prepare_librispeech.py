"""`scripts/prepare_librispeech.py`: what it prints and writes, what it refuses, and its exit status."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from openslr_corpus import BAD, corpus, path_of, transcript_path_of, without, write_archive
from openslr_server import serve_openslr
from repository import SCRIPTS


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = SCRIPTS / "prepare_librispeech.py"
    specification = importlib.util.spec_from_file_location("prepare_librispeech", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["prepare_librispeech"] = module
    specification.loader.exec_module(module)
    return module


def test_the_script_prepares_and_its_exit_status_tells(
    tmp_path: Path, script: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    good = write_archive(tmp_path / "good.tar.gz", corpus())
    assert script.main(["--source", str(good), "--output_dir", str(tmp_path / "good")]) == 0
    assert "clean/train.100 from train-clean-100: 6 utterances" in capsys.readouterr().out
    some = write_archive(tmp_path / "some.tar.gz", corpus() | {path_of(BAD): b"broken"})
    assert script.main(["--source", str(some), "--output_dir", str(tmp_path / "some"), "--split", "mini"]) == 3
    printed = capsys.readouterr().out
    assert f"rejected {path_of(BAD)}: audio does not decode completely" in printed
    assert "Written, but 1 rejected." in printed
    assert (tmp_path / "some/clean/mini-00000-of-00001.parquet").exists()
    none = write_archive(tmp_path / "none.tar.gz", without(corpus({BAD: "A"}), transcript_path_of(BAD)))
    assert script.main(["--source", str(none), "--output_dir", str(tmp_path / "none")]) == 1
    assert "Failed: nothing was usable." in capsys.readouterr().out


def test_the_script_downloads(tmp_path: Path, script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    root, out = str(tmp_path / "root"), str(tmp_path / "out")
    arguments = ["--download", "train-clean-100", "--root", root, "--output_dir", out]
    with serve_openslr() as openslr:
        archive = write_archive(tmp_path / "payload.tar.gz", corpus()).read_bytes()
        published = openslr.publish(archive, monkeypatch)
        assert script.main([*arguments, "--max_shard_size_mb", "0.000001"]) == 0
    assert (tmp_path / "root/train-clean-100.tar.gz").read_bytes() == published
    assert len(list((tmp_path / "out/clean").glob("train.100-*-of-00006.parquet"))) == 6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give either --source PATH or --download SUBSET"),
        (["--source", "a", "--download", "b"], "give either --source PATH or --download SUBSET"),
        (["--source", "/nowhere"], "There is no /nowhere"),
        (["--download", "nothing"], "no LibriSpeech subset 'nothing'"),
    ],
)
def test_the_script_refuses(
    tmp_path: Path, script: ModuleType, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        script.main([*arguments, "--output_dir", str(tmp_path / "out")])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err
