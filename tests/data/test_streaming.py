"""Units of a stream, its rows with what is left out, and what is refused."""

from itertools import chain
from pathlib import Path

import pytest
from datasets import Dataset
from speech_rows import flac, make_waveform
from stream_processes import write_shards

from hf_bigru_asr import BiGRUCTCProcessor
from hf_bigru_asr.data.filtering import UtteranceRules, filter_utterances
from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.data.manifests.rows import BadRows
from hf_bigru_asr.data.streaming import SourceCounts, SpeechStream, Unit


@pytest.fixture
def rules(processor: BiGRUCTCProcessor) -> UtteranceRules:
    return UtteranceRules(processor, max_duration_s=0.345)


def of_files(folder: Path, rules: UtteranceRules) -> SpeechStream:
    return SpeechStream({"train": load_speech_dataset(folder, None, "train", streaming=True)}, rules)


def ids(stream: SpeechStream, units: list[Unit], by_row_groups: bool) -> list[list[str]]:
    return [[row.example["id"] for row in stream.read(unit, by_row_groups)] for unit in units]


def test_units_are_files_or_row_groups_or_parts_of_them(rules: UtteranceRules, tmp_path: Path) -> None:
    stream = of_files(write_shards(tmp_path, (1, 2, 1, 6), rows_per_group=4), rules)
    units, by_row_groups = stream.units(1)
    assert (units, by_row_groups) == ([Unit(0, shard) for shard in range(4)], False)
    assert ids(stream, units, False) == [["0"], ["1", "2"], ["3"], ["4", "5", "6", "7", "8", "9"]]
    units, by_row_groups = stream.units(2)
    assert by_row_groups
    assert ids(stream, units, True) == [["0"], ["1", "2"], ["3"], ["4", "5", "6", "7"], ["8", "9"]]
    units, by_row_groups = stream.units(6)
    assert (len(units), by_row_groups) == (10, True)
    assert ids(stream, units[2:4], True) == [["1"], ["2"]]
    assert ids(stream, units[6:8], True) == [["4", "6"], ["5", "7"]]
    assert sorted(chain(*ids(stream, units, True))) == [str(number) for number in range(10)]


def test_a_unit_goes_on_where_it_was_left(rules: UtteranceRules, tmp_path: Path) -> None:
    stream = of_files(write_shards(tmp_path, (6,)), rules)
    assert ids(stream, [Unit(0, 0, next_row=4), Unit(0, 0, 1, 2, 3)], False) == [["4", "5"], ["3", "5"]]


def test_the_same_is_left_out_as_before_training(
    rules: UtteranceRules, processor: BiGRUCTCProcessor, tmp_path: Path
) -> None:
    folder = write_shards(tmp_path, (9,))
    stream = of_files(folder, rules)
    rows = list(stream.read(Unit(0, 0), False))
    counts = SourceCounts()
    for row in rows:
        counts.add_row(row)
    kept, report = filter_utterances(load_speech_dataset(folder, None, "train"), processor, max_duration_s=0.345)
    assert [row.example["id"] for row in rows if row.is_kept] == kept["id"] != []
    assert counts.report().num_rejected == report.num_rejected == {"longer than 0.345 s": 2}
    assert (counts.num_read, counts.num_bad) == (9, 0)
    assert len({row.example["index"] for row in rows}) == 9


def test_rows_in_memory_are_taken_in_pieces(rules: UtteranceRules) -> None:
    audio = {"bytes": flac(make_waveform(0, 4800)), "path": None}
    rows = [{"audio": audio, "text": "A", "id": str(number)} for number in range(250)]
    stream = SpeechStream({"train": Dataset.from_list(rows)}, rules, [BadRows(counts={"without text": 3})])
    units, by_row_groups = stream.units(1)
    assert (len(units), by_row_groups, stream.num_shards) == (3, True, [3])
    assert list(map(str, range(250))) == list(chain(*ids(stream, units, by_row_groups)))
    assert stream.new_counts()[0].report().num_rejected == {"without text": 3}


def test_the_digest_is_of_the_data_and_not_of_their_place(rules: UtteranceRules, tmp_path: Path) -> None:
    digests = [
        of_files(write_shards(tmp_path / name, sizes), rules).digest()
        for name, sizes in (("a", (2, 3)), ("b", (2, 3)), ("c", (3, 2)), ("d", (5,)))
    ]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_a_file_that_breaks_off_is_named(rules: UtteranceRules, tmp_path: Path) -> None:
    folder = write_shards(tmp_path, (4, 4))
    stream = of_files(folder, rules)
    path = folder / "train-00001-of-00002.parquet"
    content = bytearray(path.read_bytes())
    content[4:400] = bytes(396)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"(?s)^File 1 of 2 of train cannot be read after row 0: .*make it again\.$"):
        list(stream.read(Unit(0, 1), False))


def test_a_stream_without_a_source_is_refused(rules: UtteranceRules) -> None:
    with pytest.raises(ValueError, match="A stream has no source; give at least one data set"):
        SpeechStream({}, rules)
