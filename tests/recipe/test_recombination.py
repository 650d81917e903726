import io
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from datasets import load_dataset
from repository import SAMPLE

from hf_bigru_asr.alignment.aligner import Aligner
from hf_bigru_asr.audio.loading import load_audio, to_int16
from hf_bigru_asr.data.teacher_features import FRAME_S, pack_features, unpack_features
from recipe.recombination import Piece, join_pieces, recombine_utterances
from recipe.segmentation import SegmentationSettings, segment_utterances, write_segments

RATE_HZ = 16_000
WORDS = "THEREFORE HER MAJESTY PAID NO ATTENTION TO ANYONE AND NO ONE PAID ANY ATTENTION TO HER"


def numbered_pieces(*lengths_s: float) -> list[Piece]:
    """Pieces that say their number, and whose samples are that number."""
    return [
        Piece(np.full(round(length_s * RATE_HZ), number, dtype=np.int16), f"N{number}")
        for number, length_s in enumerate(lengths_s)
    ]


def order_of_samples(piece: Piece) -> list[str]:
    changes = np.flatnonzero(np.diff(piece.samples)) + 1
    return [f"N{value}" for value in piece.samples[np.concatenate([[0], changes])]]


def test_every_piece_comes_once_with_its_own_words() -> None:
    pieces = numbered_pieces(*np.random.default_rng(0).uniform(0.5, 3.0, 40))
    joined = list(join_pieces(pieces, (1.0, 10.0), np.random.default_rng(1), RATE_HZ))
    said = [word for result in joined for word in result.text.split()]
    assert sorted(said) == sorted(piece.text for piece in pieces)
    assert said != [piece.text for piece in pieces]
    assert [order_of_samples(result) for result in joined] == [result.text.split() for result in joined]
    assert sum(len(result.samples) for result in joined) == sum(len(piece.samples) for piece in pieces)


def test_joined_pieces_reach_the_wanted_length_and_end_with_the_piece_that_does() -> None:
    joined = list(join_pieces(numbered_pieces(*[1.0] * 10), (2.5, 2.5), np.random.default_rng(0), RATE_HZ))
    assert [len(result.samples) for result in joined] == [3 * RATE_HZ, 3 * RATE_HZ, 3 * RATE_HZ, RATE_HZ]


def test_order_depends_on_the_generator() -> None:
    def said(seed: int) -> list[str]:
        rng = np.random.default_rng(seed)
        return [result.text for result in join_pieces(numbered_pieces(*[1.0] * 20), (1.0, 9.0), rng, RATE_HZ)]

    assert said(0) == said(0)
    assert said(0) != said(1)


def test_no_pieces_give_nothing() -> None:
    assert list(join_pieces([], (1.0, 2.0), np.random.default_rng(0), RATE_HZ)) == []


def test_features_of_a_teacher_stay_with_their_speech() -> None:
    """Features that are the time in seconds in the recording that a piece comes from, and samples that say it too."""
    seconds = np.arange(0, 60, 1 / RATE_HZ)
    features = (FRAME_S * np.arange(3000, dtype=np.float32))[:, None]
    # The lengths are no multiples of a frame, so no piece but the first begins on one.
    bounds = np.cumsum([0.0, *np.random.default_rng(0).uniform(0.3, 2.0, 40)])
    pieces = [
        Piece(
            np.round(seconds[round(start * RATE_HZ) : round(end * RATE_HZ)] * 500).astype(np.int16),
            "A",
            features,
            round(start * RATE_HZ) / RATE_HZ,
        )
        for start, end in pairwise(bounds)
    ]
    for joined in join_pieces(pieces, (1.0, 10.0), np.random.default_rng(1), RATE_HZ):
        assert joined.teacher_features is not None
        said = joined.samples[:: round(FRAME_S * RATE_HZ)] / 500
        assert joined.teacher_features.shape == (len(said), 1)
        assert np.abs(joined.teacher_features[:, 0] - said).max() < 2e-3


def test_pieces_without_features_give_none() -> None:
    (joined,) = join_pieces(numbered_pieces(1.0, 1.0), (9.0, 9.0), np.random.default_rng(0), RATE_HZ)
    assert joined.teacher_features is None


@pytest.fixture(scope="module")
def example() -> dict[str, object]:
    """The sample, whose reader pauses after `anyone`."""
    return {"audio": {"bytes": SAMPLE.read_bytes(), "path": None}, "text": WORDS, "speaker_id": 7, "id": "a"}


def samples_of(row: dict[str, object]) -> np.ndarray:
    return soundfile.read(io.BytesIO(row["audio"]["bytes"]), dtype="int16")[0]


def test_real_speech_is_recombined_speaker_by_speaker(aligner: Aligner, example: dict[str, object]) -> None:
    """Each speaker's samples are all there, in whole pieces, as often as there are passes, and nobody else's."""
    quieter = {"array": load_audio(SAMPLE) / 2, "sampling_rate": RATE_HZ}
    examples = [example, example | {"speaker_id": "bob", "audio": quieter, "id": "b"}]
    settings = SegmentationSettings(duration_s=(1.0, 2.0), num_passes=5)
    first, second = recombine_utterances(examples, aligner, settings)
    for rows, original, speaker in (
        (first, to_int16(load_audio(SAMPLE)), 7),
        (second, to_int16(quieter["array"]), None),
    ):
        assert {row["speaker_id"] for row in rows} == {speaker}
        said = " ".join(row["text"] for row in rows).split()
        assert sorted(said) == sorted(WORDS.split() * 5)
        together = np.concatenate([samples_of(row) for row in rows])
        assert np.array_equal(np.sort(together), np.sort(np.tile(original, 5)))
    # In one pass at least the order of the pieces is another one.
    assert " ".join(row["text"] for row in first) != " ".join([WORDS] * 5)
    assert len({row["id"] for row in first + second}) == len(first + second)
    assert list(recombine_utterances(examples, aligner, settings)) == [first, second]


def test_groups_are_recombined_among_themselves(aligner: Aligner, example: dict[str, object]) -> None:
    settings = SegmentationSettings(duration_s=(60.0, 60.0))
    together = list(recombine_utterances([example] * 3, aligner, settings))
    apart = list(recombine_utterances([example] * 3, aligner, settings, group_size=2))
    assert [[len(row["text"].split()) for row in rows] for rows in together] == [[48]]
    assert [[len(row["text"].split()) for row in rows] for rows in apart] == [[32], [16]]
    assert apart[0][0]["id"] != apart[1][0]["id"]


def test_what_cannot_be_aligned_is_left_out(
    aligner: Aligner, example: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    broken = example | {"id": "broken", "audio": {"bytes": b"no audio", "path": None}}
    (rows,) = recombine_utterances([broken, example], aligner, SegmentationSettings())
    assert sorted(" ".join(row["text"] for row in rows).split()) == sorted(WORDS.split())
    assert "Utterance 'broken' is left out" in caplog.text


def test_an_unknown_speaker_is_an_error(aligner: Aligner, example: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"Utterance 'a' has no reader; .* every row has to say who speaks"):
        list(recombine_utterances([example], aligner, SegmentationSettings(), speaker_column="reader"))


def test_recombined_utterances_are_a_data_set(aligner: Aligner, example: dict[str, object], tmp_path: Path) -> None:
    rows = list(recombine_utterances([example], aligner, SegmentationSettings(num_passes=3)))
    write_segments(rows, tmp_path / "recombined")
    dataset = load_dataset(str(tmp_path / "recombined"), split="train", cache_dir=str(tmp_path / "cache"))
    assert dataset["text"] == [row["text"] for row in rows[0]]


def test_a_data_set_keeps_the_features_of_a_teacher(
    aligner: Aligner, example: dict[str, object], tmp_path: Path
) -> None:
    """Cut and recombined; the features are the time in seconds."""
    seconds = FRAME_S * np.arange(len(load_audio(SAMPLE)) // 320 + 1, dtype=np.float32)
    taught = example | {"teacher_features": pack_features(seconds[:, None])}
    settings = SegmentationSettings(duration_s=(1.0, 2.0))
    times_s = {}
    for name, rows in (
        ("cut", segment_utterances([taught], aligner, settings)),
        ("recombined", recombine_utterances([taught], aligner, replace(settings, num_passes=5))),
    ):
        write_segments(list(rows), tmp_path / name)
        dataset = load_dataset(str(tmp_path / name), split="train", cache_dir=str(tmp_path / "cache"))
        times_s[name] = np.concatenate([unpack_features(packed)[:, 0] for packed in dataset["teacher_features"]])
    # Cut, the times go on from segment to segment, with a frame that begins anew in each.
    np.testing.assert_allclose(times_s["cut"][:: len(times_s["cut"]) - 1], [0, seconds[-1]], atol=0.03)
    assert np.all((np.diff(times_s["cut"]) > -0.01) & (np.diff(times_s["cut"]) < 0.03))
    # Recombined, they are the same five times, and jump.
    steps = np.linspace(0, len(seconds) - 2, 50)
    for place in steps:
        nearby = np.abs(times_s["recombined"] - 0.02 * place) < 0.1
        assert 5 * 6 <= nearby.sum() <= 5 * 12
    assert np.any(np.abs(np.diff(times_s["recombined"])) > 0.5)
