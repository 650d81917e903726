"""Frames far from any sound: what is left out, in torch and in every runtime, short and long."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from runtime_support import RUNTIME_CASES, needs_onnx, run_graph, weights_of
from sounds import changing_sound
from speech_prior import set_normalization

from hf_bigru_asr import BiGRUCTCProcessor, BiGRUForCTC, OnnxBiGRUForCTC
from hf_bigru_asr.long_audio.network import log_probs_of_long_audio
from hf_bigru_asr.model.silence_bigru_ctc import heard_frames, in_places, moved_to_places, places_of_frames
from hf_bigru_asr.runtime.export import export_onnx, load_graph
from hf_bigru_asr.runtime.long_audio import log_probs_in_pieces
from hf_bigru_asr.runtime.model_files import ModelFiles
from hf_bigru_asr.runtime.onnx_graph import recognizer_graph
from hf_bigru_asr.runtime.recognizer import OnnxRecognizer
from hf_bigru_asr.runtime.silence import HeardFrames, SilenceRule

TOLERANCE = 1e-4
MAX_FRAMES = 4
SOUNDS = [
    "....................",
    "xxxxxxxxxxxxxxxxxxxx",
    ".........x..........",
    "x..................x",
    "..........xx........",
    "xx.......x.x........",
    "...........xxxx",
    "x",
    ".",
]


def heard_one_by_one(sounds: str, max_frames: int) -> list[bool]:
    """The rule, frame by frame."""
    return ["x" in sounds[max(place - max_frames, 0) : place + max_frames + 1] for place in range(len(sounds))]


def batch_of(sounds: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """Features `(batch, frames, 128)` with silent frames, and their mask; padding is neither."""
    longest = max(map(len, sounds))
    features = torch.randn(len(sounds), longest, 128, generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(len(sounds), longest, dtype=torch.long)
    for row, each in enumerate(sounds):
        mask[row, : len(each)] = 1
        for place, letter in enumerate(each):
            if letter == ".":
                features[row, place] = 0
    return features, mask


@pytest.fixture
def reading_all(tiny_model: BiGRUForCTC) -> Callable[[torch.Tensor], torch.Tensor]:
    """Log-probabilities of the network that leaves out nothing."""

    @torch.inference_mode()
    def run(features: torch.Tensor) -> torch.Tensor:
        limit, tiny_model.config.max_silence_frames = tiny_model.config.max_silence_frames, None
        logits = tiny_model(features[None]).logits[0]
        tiny_model.config.max_silence_frames = limit
        return logits

    return run


@pytest.fixture
def model(tiny_model: BiGRUForCTC) -> BiGRUForCTC:
    tiny_model.config.max_silence_frames = MAX_FRAMES
    return tiny_model


def expected_of(
    reading_all: Callable[[torch.Tensor], torch.Tensor], features: torch.Tensor, sounds: str
) -> torch.Tensor:
    """What the network says of the frames that are heard, next to each other, and the blank on all others."""
    heard = torch.tensor(heard_one_by_one(sounds, MAX_FRAMES))
    expected = torch.full((len(sounds), 29), -1e4)
    expected[:, 0] = 0
    if heard.any():
        expected[heard] = reading_all(features[: len(sounds)][heard])
    return expected


@pytest.mark.parametrize("max_frames", [1, 4, 30])
def test_what_is_heard(max_frames: int) -> None:
    features, mask = batch_of(SOUNDS)
    heard = heard_frames(features, mask.bool(), max_frames)
    for row, each in zip(heard, SOUNDS, strict=True):
        expected = heard_one_by_one(each, max_frames)
        assert row.tolist() == expected + [False] * (len(row) - len(each))
        sounds = np.array([letter == "x" for letter in each])
        assert SilenceRule(max_frames, 0).heard(sounds).tolist() == expected
    assert heard_frames(features, mask.bool(), None).equal(mask.bool())


def test_frames_go_to_their_places_and_come_back() -> None:
    heard = torch.tensor([[False, True, True, False, True], [False] * 5])
    places = places_of_frames(heard)
    assert places.tolist() == [[3, 0, 1, 4, 2], [0, 1, 2, 3, 4]]
    values = torch.arange(20.0).view(2, 5, 2)
    moved = moved_to_places(values, places)
    assert moved[0, :, 0].tolist() == [2.0, 4.0, 8.0, 0.0, 6.0]
    assert in_places(moved, places).equal(values)


def test_the_model_reads_what_is_heard_alone(
    model: BiGRUForCTC, reading_all: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    features, mask = batch_of(SOUNDS)
    with torch.inference_mode():
        outputs = model(features, attention_mask=mask, output_hidden_states=True)
    for row, each in enumerate(SOUNDS):
        expected = expected_of(reading_all, features[row], each)
        torch.testing.assert_close(outputs.logits[row, : len(each)], expected, atol=TOLERANCE, rtol=0)
        assert (outputs.logits[row, len(each) :, 0] == 0).all()
        silent = ~torch.tensor(heard_one_by_one(each, MAX_FRAMES))
        if not silent.all():
            assert (outputs.hidden_states[-1][row, : len(each)][silent] == 0).all()
    assert [tuple(each.shape[:2]) for each in outputs.hidden_states] == [tuple(mask.shape)] * 3


def test_frame_grids_leave_out_their_own(
    model: BiGRUForCTC, reading_all: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    sounds = ["....x...............", "..........x........."]
    features, _ = batch_of(sounds)
    with torch.inference_mode():
        found = model(torch.cat([features[:1], features[1:]], dim=-1)).logits[0]
    grids = [expected_of(reading_all, each, of_grid) for each, of_grid in zip(features, sounds, strict=True)]
    expected = (grids[0] / 2 + grids[1] / 2).log_softmax(-1)
    torch.testing.assert_close(found, expected, atol=TOLERANCE, rtol=0)


def test_a_loss_has_gradients(model: BiGRUForCTC) -> None:
    features, mask = batch_of(["xxxxxxxx............", "...................."])
    loss = model.train()(features, attention_mask=mask, labels=torch.tensor([[5, 6], [-100, -100]])).loss
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(each.grad).all() for each in model.parameters())


@pytest.mark.parametrize("runtime", RUNTIME_CASES)
@pytest.mark.parametrize("order", [list(range(len(SOUNDS))), [0], [3, 8]], ids=str)
def test_graphs_read_what_is_heard_alone(
    runtime: str, order: list[int], model: BiGRUForCTC, reading_all: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    sounds = [SOUNDS[index] for index in order]
    features, _ = batch_of(sounds)
    graph = recognizer_graph(weights_of(model), max_silence_frames=MAX_FRAMES)
    lengths = np.array([len(each) for each in sounds])
    (logits,) = run_graph(runtime, graph, input_features=features.numpy(), lengths=lengths)
    for row, each in enumerate(sounds):
        expected = expected_of(reading_all, features[row], each)
        np.testing.assert_allclose(logits[row, : len(each)], expected.numpy(), atol=TOLERANCE)
        assert (logits[row, len(each) :, 0] == 0).all()


@needs_onnx
def test_directions_that_run_in_two_threads(
    model: BiGRUForCTC, reading_all: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    graph = OnnxBiGRUForCTC.from_model(model, num_threads=2)
    for sounds in ("xxxxxxxx", "xx..................", "...................."):
        features, _ = batch_of([sounds])
        expected = expected_of(reading_all, features[0], sounds)
        torch.testing.assert_close(graph(features).logits[0], expected, atol=TOLERANCE, rtol=0)


# Long recordings


@pytest.mark.parametrize("max_frames", [1, 7])
def test_pieces_of_what_is_heard_come_back_to_their_places(max_frames: int) -> None:
    sounds = np.array([letter == "x" for letter in "......x.........xx..x......"])
    rule = SilenceRule(2, blank_id=3)
    heard = rule.heard(sounds)
    log_probs = np.random.default_rng(0).normal(size=(len(sounds), 5)).astype(np.float32)
    log_probs[~heard] = rule.blanks(int((~heard).sum()), 5)

    class Rows:
        width = 5

        def read(self, start: int, stop: int, target: np.ndarray) -> None:
            target[:] = log_probs[start:stop]

    frames = HeardFrames(Rows(), np.flatnonzero(heard))
    read = np.empty((int(heard.sum()), 5), np.float32)
    frames.read(0, 3, read[:3])
    frames.read(3, len(read), read[3:])
    np.testing.assert_array_equal(read, log_probs[heard])
    for num_pieces in (1, 3, 20):
        pieces = frames.in_places(np.array_split(read, num_pieces), rule, len(sounds), max_frames)
        np.testing.assert_array_equal(np.concatenate(list(pieces)), log_probs)


@pytest.fixture
def quiet_dir(model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path) -> tuple[Path, np.ndarray]:
    """A model whose extractor makes silence, and a recording with sounds between long silences."""
    sound = changing_sound(12_000)
    silence = np.zeros(48_000, np.float32)
    audio = np.concatenate([silence, sound, silence, sound, silence])
    sound[5000:7000] /= 100  # so that the rest is speech
    set_normalization(processor.feature_extractor, "speech")
    model.save_pretrained(tmp_path / "model")
    processor.save_pretrained(tmp_path / "model")
    return tmp_path / "model", audio


@needs_onnx
@pytest.mark.parametrize("num_offsets", [1, 3])
def test_long_equals_short(
    num_offsets: int, quiet_dir: tuple[Path, np.ndarray], model: BiGRUForCTC, processor: BiGRUCTCProcessor
) -> None:
    folder, audio = quiet_dir
    processor.feature_extractor.set_num_offsets(num_offsets)
    with torch.inference_mode():
        expected = model(**processor(audio=audio, sampling_rate=16_000)).logits[0].numpy()
    num_blank = int((expected[:, 0] == 0).sum())
    assert len(expected) / 3 < num_blank < len(expected)
    recognizer = OnnxRecognizer(folder, num_threads=1, num_offsets=num_offsets)
    np.testing.assert_allclose(recognizer.log_probs([audio])[0], expected, atol=TOLERANCE)
    for num_segments in (1, 3):
        pieces = log_probs_in_pieces(
            recognizer.layer_runner(),
            np.array_split(audio, 7),
            recognizer.feature_settings,
            chunk_s=0.3,
            num_segments=num_segments,
        )
        np.testing.assert_allclose(np.concatenate(list(pieces)), expected, atol=TOLERANCE)
    in_torch = log_probs_of_long_audio(
        model, processor.feature_extractor, audio, sampling_rate=16_000, chunk_s=0.3, num_segments=2
    )
    np.testing.assert_allclose(in_torch.numpy(), expected, atol=TOLERANCE)


@needs_onnx
def test_a_long_recording_without_a_sound_is_blank(quiet_dir: tuple[Path, np.ndarray]) -> None:
    recognizer = OnnxRecognizer(quiet_dir[0], num_threads=1, long_s=0.5)
    log_probs = np.concatenate(list(recognizer.log_probs_of_blocks([np.zeros(40_000, np.float32)] * 2)))
    assert log_probs.shape == (250, 29)
    assert (log_probs[:, 0] == 0).all()


@needs_onnx
def test_an_exported_graph_says_what_it_leaves_out(quiet_dir: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    folder, audio = quiet_dir
    expected = OnnxRecognizer(folder, num_threads=1).log_probs([audio])[0]
    exported = export_onnx(folder, tmp_path / "exported").parent
    np.testing.assert_array_equal(OnnxRecognizer(exported, num_threads=1).log_probs([audio])[0], expected)
    config = exported / "config.json"
    config.write_text(config.read_text().replace('"max_silence_frames": 4', '"max_silence_frames": 5'))
    with pytest.raises(ValueError, match=r"max_silence_frames"):
        load_graph(ModelFiles(exported))


def test_a_number_below_one_is_refused(model: BiGRUForCTC) -> None:
    with pytest.raises(ValueError, match="max_silence_frames is 0"):
        type(model.config)(max_silence_frames=0)
