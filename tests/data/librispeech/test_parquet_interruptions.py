"""Preparation that is interrupted, repeated, or pointed at another source."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from openslr_corpus import (
    TEXTS,
    audio_file,
    contents,
    corpus,
    path_of,
    prepare,
    rows_of,
    without,
    write_archive,
    write_tree,
)

from hf_bigru_asr.data.librispeech import index as librispeech
from hf_bigru_asr.data.librispeech import parquet as librispeech_parquet
from hf_bigru_asr.data.librispeech.verification import verify_utterance
from hf_bigru_asr.storage import writing

TraceFunction = Callable[[FrameType, str, object], Any]


class Interruption(BaseException):
    pass


def interrupt_at_line(number: int, call: Callable[[], object]) -> int:
    """Run `call`, raising at the `number`-th line that it executes in the two modules; returns the lines executed."""
    num_lines = 0

    def trace(frame: FrameType, event: str, _argument: object) -> TraceFunction | None:
        nonlocal num_lines
        if frame.f_code.co_filename not in (librispeech.__file__, librispeech_parquet.__file__):
            return None
        if event == "line":
            num_lines += 1
            if num_lines == number:
                raise Interruption
        return trace

    previous = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    except Interruption:
        pass
    finally:
        sys.settrace(previous)
    return num_lines


@pytest.fixture
def damaged_corpus(tmp_path: Path) -> Path:
    """Rejects of both passes: in the middle, right after a full shard, and at the end."""
    files = corpus() | {path_of("19-227-0000"): b"broken", path_of("7312-92432-0001"): b"broken"}
    return write_archive(tmp_path / "a.tar.gz", without(files, path_of("19-198-0000")))


def test_interrupted_anywhere_and_run_again_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged_corpus: Path
) -> None:
    monkeypatch.setattr(librispeech_parquet, "ROWS_PER_GROUP", 1)
    monkeypatch.setattr(writing.os, "fsync", lambda _: None)  # nobody cuts the power here
    options = {"max_shard_size_mb": 1.5 * len(audio_file()) / 1e6}
    prepare(damaged_corpus, tmp_path / "whole", **options)
    expected = contents(tmp_path / "whole")
    assert sum(name.endswith(".parquet") for name in expected) == 3
    rejects = json.loads(expected["clean/train.100-report.json"])["rejects"]
    broken = [path_of(name) for name in ("19-198-0000", "19-227-0000", "7312-92432-0001")]
    assert [reject["path"] for reject in rejects] == broken
    num_lines = interrupt_at_line(0, lambda: prepare(damaged_corpus, tmp_path / "counted", **options))
    for number in range(1, num_lines + 1, 23):  # a sample; step 1 passes too and takes minutes
        output_dir = tmp_path / f"cut-{number}"
        interrupt_at_line(number, lambda output_dir=output_dir: prepare(damaged_corpus, output_dir, **options))
        if (output_dir / "README.md").exists():
            assert expected.items() <= contents(output_dir).items(), f"line {number}: unfinished, yet announced"
        prepare(damaged_corpus, output_dir, **options)
        assert contents(output_dir) == expected, f"interrupted at line {number} of {num_lines}"


def test_interrupted_run_does_not_repeat_its_finished_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = write_tree(tmp_path / "tree", corpus())
    verified: list[str] = []

    def verify_four(utterance: librispeech.Utterance) -> int:
        if len(verified) == 4:
            raise Interruption
        verified.append(utterance.id)
        return verify_utterance(utterance)

    monkeypatch.setattr(librispeech_parquet, "verify_utterance", verify_four)
    options = {"max_shard_size_mb": 1.5 * len(audio_file()) / 1e6}
    with pytest.raises(Interruption):
        prepare(tree, tmp_path / "out", **options)
    assert not list((tmp_path / "out").glob("clean/*"))
    monkeypatch.setattr(
        librispeech_parquet, "verify_utterance", lambda item: verified.append(item.id) or verify_utterance(item)
    )
    report = prepare(tree, tmp_path / "out", **options)
    assert verified == [*list(TEXTS)[:4], *list(TEXTS)[3:]]  # three shards were finished, the fourth was begun
    assert report.num_utterances == len(TEXTS)


def test_interruption_while_shards_get_their_names_repeats_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = write_tree(tmp_path / "tree", corpus())
    options = {"max_shard_size_mb": 1e-6}
    replace = os.replace

    def replace_until_the_third(source: Path, target: Path) -> None:
        if target.name == "train.100-00002-of-00006.parquet":
            raise Interruption
        replace(source, target)

    monkeypatch.setattr(writing.os, "replace", replace_until_the_third)
    with pytest.raises(Interruption):
        prepare(tree, tmp_path / "out", **options)
    assert len(list((tmp_path / "out/clean").iterdir())) == 2
    monkeypatch.setattr(writing.os, "replace", replace)
    monkeypatch.setattr(librispeech_parquet, "verify_utterance", lambda _: pytest.fail("verified again"))
    assert prepare(tree, tmp_path / "out", **options).num_utterances == len(TEXTS)
    assert [row["id"] for row in rows_of(tmp_path / "out")] == list(TEXTS)


KILLED_RUNS = """
import os, signal, sys
from pathlib import Path
from hf_bigru_asr.data.librispeech.parquet import prepare_parquet

source, output_dir, size_mb = sys.argv[1:]
replace, calls = os.replace, []

def replace_or_die(*paths):
    if len(calls) == num_replaced:
        os.kill(os.getpid(), signal.SIGKILL)
    calls.append(paths)
    replace(*paths)

for num_replaced in (4, 8):  # after a shard but before its JSON file; while shards get their final names
    process = os.fork()
    if process == 0:
        os.replace = replace_or_die
        prepare_parquet(source, output_dir, max_shard_size_mb=float(size_mb), progress=False)
        os._exit(0)
    status = os.waitpid(process, 0)[1]
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, status
    assert Path(output_dir, ".clean-train.100.partial").is_dir()
    assert not Path(output_dir, "README.md").exists()
    print("killed", num_replaced)
"""


def test_killed_process_is_continued(tmp_path: Path, damaged_corpus: Path, run_in_child: Callable[..., str]) -> None:
    size_mb = 1.5 * len(audio_file()) / 1e6
    prepare(damaged_corpus, tmp_path / "whole", max_shard_size_mb=size_mb)
    printed = run_in_child(KILLED_RUNS, damaged_corpus, tmp_path / "out", str(size_mb))
    assert printed.splitlines() == ["killed 4", "killed 8"]
    prepare(damaged_corpus, tmp_path / "out", max_shard_size_mb=size_mb)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_second_run_changes_nothing_and_returns_the_same_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged_corpus: Path
) -> None:
    first = prepare(damaged_corpus, tmp_path / "out")
    before = contents(tmp_path / "out")
    monkeypatch.setattr(librispeech_parquet, "_write_shards", lambda *_: pytest.fail("wrote again"))
    assert prepare(damaged_corpus, tmp_path / "out") == first
    assert contents(tmp_path / "out") == before


def test_another_source_or_setting_is_never_mixed_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged_corpus: Path
) -> None:
    tree = write_tree(tmp_path / "tree", corpus())
    prepare(damaged_corpus, tmp_path / "out")
    with pytest.raises(ValueError, match=r"report.json is of another source.*Choose another output folder, or delete"):
        prepare(tree, tmp_path / "out")
    with pytest.raises(ValueError, match="other settings"):
        prepare(damaged_corpus, tmp_path / "out", max_shard_size_mb=1)
    (tmp_path / "out/clean/train.100-report.json").unlink()
    with pytest.raises(ValueError, match=r"train\.100-00000-of-00001\.parquet exists and would be mixed"):
        prepare(tree, tmp_path / "out")

    def interrupt(*_: object) -> int:
        raise Interruption

    monkeypatch.setattr(librispeech_parquet, "verify_utterance", interrupt)
    with pytest.raises(Interruption):
        prepare(tree, tmp_path / "begun")
    with pytest.raises(ValueError, match="holds an unfinished run over another source"):
        prepare(damaged_corpus, tmp_path / "begun")
