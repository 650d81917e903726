"""What is left out of training data and counted, and epochs of several data sets."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Dataset
from speech_rows import RATE_HZ, flac, make_rows, make_waveform

from hf_bigru_asr import BiGRUCTCProcessor
from hf_bigru_asr.data.filtering import FilterReport, filter_utterances, join_training_sets
from hf_bigru_asr.data.teacher_features import pack_features
from hf_bigru_asr.data.utterances import load_utterance
from hf_bigru_asr.training.collator import DataCollatorForCTC


@pytest.fixture
def mixed() -> Dataset:
    """Six usable utterances and one of every kind that is not."""
    audio = {number: {"bytes": flac(make_waveform(number, 8000)), "path": None} for number in range(6)}
    second = {"bytes": flac(make_waveform(9, 16_000)), "path": None}
    short = {"bytes": flac(make_waveform(8, 1600)), "path": None}
    rows = [
        *((audio[number], f"TEXT {'ABCDEF'[number]}") for number in range(3)),
        (short, "A"),
        (audio[3], "HELLO"),
        (second, "TOO LONG"),
        ({"bytes": b"this is no audio", "path": None}, "BROKEN"),
        (audio[4], "X" * 13),  # 13 letters and 12 blanks between them: as many as half a second has frames
        (audio[4], "X" * 14),
        (audio[5], "ΩΩ"),
        (audio[5], ""),
    ]
    return Dataset.from_list([{"audio": each, "text": text, "id": str(row)} for row, (each, text) in enumerate(rows)])


def test_filter(mixed: Dataset, processor: BiGRUCTCProcessor) -> None:
    kept, report = filter_utterances(mixed, processor, min_duration_s=0.2, max_duration_s=0.9)
    assert kept["id"] == ["0", "1", "2", "4", "7"]
    assert kept["length"] == [25] * 5
    assert "index" not in kept.column_names
    assert (report.num_utterances, report.hours) == (5, pytest.approx(2.5 / 3600))
    assert report.num_rejected == {
        "with unusable audio": 1,
        "with unusable text": 1,
        "shorter than 0.2 s": 1,
        "longer than 0.9 s": 1,
        "with more text than frames": 1,
        "without text": 1,
    }
    assert all(f"1 {reason}" in str(report) for reason in report.num_rejected)


def test_empty_cells_are_left_out_and_counted(processor: BiGRUCTCProcessor) -> None:
    audio = {"bytes": flac(make_waveform(0)), "path": None}
    cells = [(audio, "A"), (None, "A"), ({"bytes": None, "path": None}, "A"), (audio, None)]
    dataset = Dataset.from_list([{"audio": each, "text": text} for each, text in cells])
    kept, report = filter_utterances(dataset, processor)
    assert kept["text"] == ["A"]
    assert report.num_rejected == {"with unusable audio": 2, "with unusable text": 1}


def flac_of_unstated_length(waveform: np.ndarray) -> bytes:
    """As an encoder writes it into a pipe: the 36 bits of the number of samples, from byte 21, are zero."""
    encoded = bytearray(flac(waveform))
    encoded[21] &= 0xF0
    encoded[22:26] = bytes(4)
    return bytes(encoded)


def test_a_length_that_no_header_says_is_found_by_decoding(processor: BiGRUCTCProcessor) -> None:
    audio = {"bytes": flac_of_unstated_length(make_waveform(0, 8000)), "path": None}
    kept, report = filter_utterances(Dataset.from_list([{"audio": audio, "text": "A"}]), processor)
    assert (kept["length"], report.hours) == ([25], pytest.approx(0.5 / 3600))


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs the program ffmpeg to write and read M4A")
def test_what_ffmpeg_alone_reads_is_kept(processor: BiGRUCTCProcessor, tmp_path: Path) -> None:
    (tmp_path / "a.flac").write_bytes(flac(make_waveform(0, 16_000)))
    command = ["ffmpeg", "-v", "error", "-i", tmp_path / "a.flac", tmp_path / "a.m4a"]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    audio = {"bytes": None, "path": str(tmp_path / "a.m4a")}
    kept, report = filter_utterances(Dataset.from_list([{"audio": audio, "text": "A"}]), processor)
    assert len(kept) == 1
    assert report.hours * 3600 == pytest.approx(1.0, abs=0.1)  # AAC pads to whole frames


def test_filter_keeps_the_place_in_the_data_set(mixed: Dataset, processor: BiGRUCTCProcessor) -> None:
    kept, _ = filter_utterances(mixed, processor, with_index=True)
    assert kept["index"] == [int(number) for number in kept["id"]] == [0, 1, 2, 3, 4, 5, 7]
    assert kept["length"] == [
        len(processor(audio=load_utterance(row["audio"], RATE_HZ), sampling_rate=RATE_HZ)["input_features"][0])
        for row in kept
    ]


def test_filter_leaves_room_for_the_fastest_speed(mixed: Dataset, processor: BiGRUCTCProcessor) -> None:
    """Thirteen equal letters need all 25 frames of half a second, and have 22 of them at speed 1.1."""
    kept, report = filter_utterances(mixed, processor, max_speed=1.1, with_index=True)
    assert "7" not in kept["id"]
    assert report.num_rejected["with more text than frames"] == 2
    DataCollatorForCTC(processor, speed_factors=[1.1])(list(kept))
    unaware, _ = filter_utterances(mixed, processor, with_index=True)
    with pytest.raises(ValueError, match=r"needs 25 frames.*has 23"):
        DataCollatorForCTC(processor, speed_factors=[1.1])(list(unaware))


def test_frames_of_another_sampling_rate(processor: BiGRUCTCProcessor) -> None:
    dataset = Dataset.from_list([{"audio": {"bytes": flac(make_waveform(0, 8000), 8000), "path": None}, "text": "A"}])
    assert filter_utterances(dataset, processor)[0]["length"] == [50]


def test_report_of_nothing_left_out() -> None:
    assert str(FilterReport(3, 0.5, {})) == "3 utterances, 0.50 hours; left out: none"


def test_an_epoch_of_several_sets(processor: BiGRUCTCProcessor) -> None:
    dataset, _ = filter_utterances(Dataset.from_list(make_rows()), processor, with_index=True)
    extra = dataset.select([0, 1]).add_column("note", ["not", "needed"])
    joined = join_training_sets(dataset, [extra, dataset.select([2])], repeats=2)
    number = len(dataset)
    texts = list(dataset["text"])
    assert list(joined["text"]) == texts * 2 + texts[:2] + texts[2:3]
    assert list(joined["index"]) == list(range(2 * number + 3))
    # Only repetitions share audio.
    audio = list(joined["audio_index"])
    assert audio[:number] == audio[number : 2 * number]
    assert len(set(audio)) == number + 3
    collator = DataCollatorForCTC(processor, cache_audio=True)
    first = collator([joined[0]])
    again = collator([{**joined[number], "audio": {"bytes": b"not read again", "path": None}}])
    assert torch.equal(first["input_features"], again["input_features"])


def test_a_set_without_a_teacher_joins_one_with(processor: BiGRUCTCProcessor) -> None:
    dataset, _ = filter_utterances(Dataset.from_list(make_rows()), processor, with_index=True)
    packed = [pack_features(np.full((30, 2), number)) for number in range(len(dataset))]
    taught = dataset.add_column("teacher_features", packed)
    nothing = [None] * len(dataset)
    assert list(join_training_sets(dataset, [taught])["teacher_features"]) == nothing + packed
    assert list(join_training_sets(taught, [dataset], repeats=2)["teacher_features"]) == packed * 2 + nothing


def test_no_repetition_at_all_is_refused(processor: BiGRUCTCProcessor) -> None:
    dataset, _ = filter_utterances(Dataset.from_list(make_rows()), processor, with_index=True)
    with pytest.raises(ValueError, match="repeats is 0"):
        join_training_sets(dataset, repeats=0)
