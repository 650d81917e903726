"""Processes share out a stream: every utterance once an epoch, as many steps for all, and any number after a stop."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from stream_processes import Crowd, write_shards

from hf_bigru_asr import BiGRUCTCFeatureExtractor, BiGRUCTCProcessor, BiGRUCTCTokenizer
from hf_bigru_asr.data.filtering import UtteranceRules
from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.data.manifests.rows import BadRows, TooManyBadRowsError
from hf_bigru_asr.data.streaming import SpeechStream
from hf_bigru_asr.training.stream_plan import StreamState
from hf_bigru_asr.training.stream_reading import ReadingSettings, StreamReader

SHARDS = (1, 7, 20)
SETTINGS = ReadingSettings(batch_size=2, buffer_size=6, num_accumulated=2, seed=1)
Heard = list[list[tuple[str, float]]]
"""Of every step of a process, the ids of its utterances with the factor of their loss."""


def open_stream(folder: Path, bad_rows: BadRows | None = None, max_duration_s: float = 9.0) -> SpeechStream:
    processor = BiGRUCTCProcessor(BiGRUCTCFeatureExtractor(), BiGRUCTCTokenizer())
    dataset = load_speech_dataset(folder, None, "train", streaming=True)
    rules = UtteranceRules(processor, max_duration_s=max_duration_s)
    return SpeechStream({"data": dataset}, rules, [bad_rows or BadRows()])


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> SpeechStream:
    return open_stream(write_shards(tmp_path_factory.mktemp("shards"), SHARDS, rows_per_group=5))


class Run:
    """A run of several processes, epoch by epoch.

    Args:
        stream: Its data.
        num_processes: Processes.
        state: Where it goes on.
        settings: How it reads.
        ahead: Steps that a process asks for before it has trained on the one before.
    """

    def __init__(
        self,
        stream: SpeechStream,
        num_processes: int,
        *,
        state: StreamState | None = None,
        settings: ReadingSettings = SETTINGS,
        ahead: int = 0,
    ) -> None:
        self.crowd = Crowd(num_processes)
        self.ahead = ahead
        self.readers = [
            StreamReader(stream, settings, self.crowd.exchange_of(process), process, num_processes)
            for process in range(num_processes)
        ]
        for reader in self.readers:
            if state is not None:
                reader.restore(StreamState.of_json(json.loads(json.dumps(asdict(state)))))

    def errors(self) -> list[Exception]:
        """How every process ends its epoch."""

        def work(process: int) -> Exception:
            try:
                for _ in self.readers[process]:
                    self.readers[process].finish_step()
            except ValueError as error:
                return error
            raise AssertionError("There was no error.")

        return self.crowd.run(work)

    def epoch(self, num_steps: int | None = None) -> tuple[list[Heard], StreamState]:
        """The steps of every process in an epoch, or of the first of them; and the state after them."""

        def work(process: int) -> tuple[Heard, StreamState]:
            reader, heard, given = self.readers[process], [], []
            for step in reader:
                given.append([(example["id"], step.loss_scale) for example in step.own.examples])
                if len(given) > self.ahead:
                    reader.finish_step()
                    heard.append(given[len(heard)])
                if len(heard) == num_steps:
                    return heard, reader.gather_state()
            while len(heard) < len(given):
                reader.finish_step()
                heard.append(given[len(heard)])
            assert reader.state.is_done
            return heard, reader.gather_state()

        results = self.crowd.run(work)
        assert len({json.dumps(asdict(state)) for _, state in results}) == 1
        return [heard for heard, _ in results], results[0][1]


def ids_of(runs: Iterable[Heard]) -> Counter[str]:
    return Counter(name for heard in runs for step in heard for name, _ in step)


EVERY_ID_ONCE = Counter(str(number) for number in range(sum(SHARDS)))


@pytest.mark.parametrize(("num_processes", "ahead"), [(1, 0), (2, 3), (4, 0), (7, 1)])
def test_every_utterance_comes_once_an_epoch(num_processes: int, ahead: int, stream: SpeechStream) -> None:
    run = Run(stream, num_processes, ahead=ahead)
    orders = []
    for epoch in range(2):
        heard, state = run.epoch()
        assert ids_of(heard) == EVERY_ID_ONCE
        (num_steps,) = {len(each) for each in heard}
        assert num_steps % SETTINGS.num_accumulated == 0
        assert all(len(step) <= SETTINGS.batch_size for each in heard for step in each)
        assert state.is_done
        assert (state.counts[0].num_utterances, state.heard[0].num_utterances) == (28, 28 * (epoch + 1))
        orders.append(heard)
    assert orders[0] != orders[1]
    # The factors of an optimizer step are the shares of its utterances, times what the Trainer divides by.
    for first in range(0, num_steps, 2):
        steps = [each[step] for each in heard for step in (first, first + 1)]
        num_utterances = sum(map(len, steps))
        for step in steps:
            assert all(scale == 2 * num_processes * len(step) / num_utterances for _, scale in step)


@pytest.mark.parametrize(
    ("before", "after", "num_steps"), [(1, 2, 2), (2, 1, 4), (2, 4, 2), (4, 2, 2), (4, 3, 2), (3, 3, 4)]
)
def test_a_stopped_epoch_goes_on_with_any_number_of_processes(
    before: int, after: int, num_steps: int, stream: SpeechStream
) -> None:
    heard, state = Run(stream, before, ahead=2).epoch(num_steps)
    assert 0 < ids_of(heard).total() < 28
    run = Run(stream, after, state=state)
    rest, state = run.epoch()
    assert ids_of(heard) + ids_of(rest) == EVERY_ID_ONCE
    assert state.heard[0].num_utterances == 28
    assert ids_of(run.epoch()[0]) == EVERY_ID_ONCE


@pytest.mark.parametrize("num_processes", [1, 3])
def test_as_many_processes_go_on_with_the_very_steps(num_processes: int, stream: SpeechStream) -> None:
    whole, _ = Run(stream, num_processes).epoch()
    first, state = Run(stream, num_processes, ahead=1).epoch(2)
    rest, end = Run(stream, num_processes, state=state).epoch()
    assert [before + after for before, after in zip(first, rest, strict=True)] == whole
    assert end.counts[0].seconds == pytest.approx(sum(0.3 + 0.01 * (number % 7) for number in range(28)))


def test_after_the_last_step_comes_the_next_epoch(stream: SpeechStream) -> None:
    heard, _ = Run(stream, 2).epoch()
    _, state = Run(stream, 2).epoch(len(heard[0]))
    assert (state.is_done, state.last_counts) == (True, state.counts)
    heard, state = Run(stream, 3, state=state).epoch()
    assert ids_of(heard) == EVERY_ID_ONCE
    assert (state.epoch, state.last_counts[0].num_utterances) == (1, 28)


def test_when_only_bad_rows_were_left_comes_the_next_epoch(tmp_path: Path) -> None:
    stream = open_stream(write_shards(tmp_path, (3,)), max_duration_s=0.305)
    settings = replace(SETTINGS, batch_size=1, buffer_size=1, num_accumulated=1)
    heard, state = Run(stream, 1, settings=settings).epoch(1)
    assert (ids_of(heard), state.is_done) == (Counter("0"), False)
    heard, state = Run(stream, 1, state=state, settings=settings).epoch()
    assert (ids_of(heard), state.epoch) == (Counter("0"), 1)
    assert state.last_counts[0].num_rejected == {"longer than 0.305 s": 2}


def damaged(folder: Path) -> Path:
    """A text that cannot be used in one of the files, and a file that breaks off."""
    rows = pq.read_table(write_shards(folder, (9, 9)) / "train-00001-of-00002.parquet").to_pylist()
    rows[3]["text"] = rows[5]["text"] = "ΩΩ"
    pq.write_table(pa.Table.from_pylist(rows), folder / "train-00001-of-00002.parquet")
    return folder


@pytest.mark.parametrize("limit", [0, 1, 0.1])
def test_too_many_bad_rows_end_all_processes(limit: float, tmp_path: Path) -> None:
    stream = open_stream(damaged(tmp_path), bad_rows=BadRows(limit))
    errors = Run(stream, 2).errors()
    assert all(isinstance(error, TooManyBadRowsError) for error in errors)
    assert "of data cannot be used; max_bad_rows allows" in str(errors[0]) == str(errors[1])


def test_as_many_bad_rows_as_are_allowed_are_left_out(tmp_path: Path) -> None:
    _, state = Run(open_stream(damaged(tmp_path), bad_rows=BadRows(2)), 2).epoch()
    assert (state.counts[0].num_utterances, state.counts[0].num_rejected) == (16, {"with unusable text": 2})


def test_a_file_that_one_process_cannot_read_ends_all(tmp_path: Path) -> None:
    stream = open_stream(write_shards(tmp_path, (9, 9), rows_per_group=3))
    path = tmp_path / "train-00001-of-00002.parquet"
    content = bytearray(path.read_bytes())
    content[4:400] = bytes(396)
    path.write_bytes(content)
    messages = sorted(map(str, Run(stream, 2).errors()))
    assert re.match("Process [01] of 2 cannot go on: Row group 3 of 6 of data cannot be read after row 0", messages[0])
    assert messages[1].startswith("Row group 3 of 6 of data cannot be read after row 0")


@pytest.mark.parametrize("sizes", [(1,), (2, 1)])
def test_fewer_utterances_than_processes(sizes: tuple[int, ...], tmp_path: Path) -> None:
    heard, _ = Run(open_stream(write_shards(tmp_path, sizes)), 4).epoch()
    assert ids_of(heard) == Counter(str(number) for number in range(sum(sizes)))


def test_batches_of_like_seconds(stream: SpeechStream) -> None:
    settings = replace(SETTINGS, batch_seconds=1.0, buffer_size=14, num_accumulated=1)
    heard, _ = Run(stream, 2, settings=settings).epoch()
    assert ids_of(heard) == EVERY_ID_ONCE
    seconds = [sum(0.3 + 0.01 * (int(name) % 7) for name, _ in step) for each in heard for step in each]
    assert max(seconds) < 1.4
    assert sum(each > 0.6 for each in seconds) >= len(seconds) - 2
