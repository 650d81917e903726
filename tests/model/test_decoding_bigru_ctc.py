"""Greedy decoding."""

import math

import pytest
import torch

from hf_bigru_asr import BiGRUCTCTokenizer
from hf_bigru_asr.model.ctc_output_bigru_ctc import CTCSymbols
from hf_bigru_asr.model.decoding_bigru_ctc import GreedyDecoder
from hf_bigru_asr.runtime.recognizer import greedy_text

FRAME_S = 0.02


def test_greedy_is_the_best_class_of_every_frame() -> None:
    tokenizer = BiGRUCTCTokenizer()
    ids = [0, 10, 10, 0, 7, 14, 0, 14, 17, 0, 1, 1, 25, 0]
    frames = torch.full((1, 16, 29), 0.01 / 28)
    for frame, token in enumerate(ids):
        frames[0, frame, token] = 0.9 if frame != 2 else 0.95
    frames[0, len(ids) :] = float("nan")
    (hypothesis,) = GreedyDecoder(tokenizer, FRAME_S)(frames.log(), torch.tensor([len(ids)]))[0]
    assert hypothesis.text == "HELLO W"
    assert hypothesis.score == pytest.approx(13 * math.log(0.9) + math.log(0.95), abs=1e-4)
    hello, w = hypothesis.words
    assert (hello.text, hello.start_s, hello.end_s) == ("HELLO", pytest.approx(0.02), pytest.approx(0.18))
    assert (w.text, w.start_s, w.end_s) == ("W", pytest.approx(0.24), pytest.approx(0.26))
    assert hello.confidence == pytest.approx((0.95 * 0.9**4) ** (1 / 5), abs=1e-4)
    assert [span.char for span in hello.characters] == list("HELLO")
    assert repr(w) == "DecodedWord('W', start_s=0.24, end_s=0.26, confidence=0.9)"


@pytest.mark.parametrize(("pause_frames", "text"), [(None, "HI NOA"), (7, "HI NOA"), (6, "HI NO A")])
def test_a_pause_is_a_word_boundary(pause_frames: int | None, text: str) -> None:
    tokenizer = BiGRUCTCTokenizer(pause_frames=pause_frames)
    h, i, n, o, a, space = (tokenizer.encoder[symbol] for symbol in "HINOA|")
    ids = [0] * 9 + [h, 0, i, *[0] * 9, space, *[0] * 9, n, n, o, *[0] * 6, a, a] + [0] * 9
    log_probs = (9 * torch.nn.functional.one_hot(torch.tensor(ids), len(tokenizer)).float()).log_softmax(-1)

    (hypothesis,) = GreedyDecoder(tokenizer, FRAME_S)(log_probs[None])[0]

    assert hypothesis.text == text == tokenizer.decode(ids)
    assert [word.text for word in hypothesis.words] == text.split()
    (last,) = (span for span in hypothesis.characters if span.char == "A")
    offsets = tokenizer.decode(ids, output_char_offsets=True).char_offsets
    assert [each["char"] for each in offsets] == list(text)
    assert last.start_s == pytest.approx(offsets[-1]["start_offset"] * FRAME_S)
    if pause_frames == 6:
        boundary = offsets[-2]
        assert offsets[-3]["end_offset"] <= boundary["start_offset"] < boundary["end_offset"] <= ids.index(a)
        assert hypothesis.characters[-2].start_s == pytest.approx(boundary["start_offset"] * FRAME_S)


def frames_of(text: str, tokenizer: BiGRUCTCTokenizer) -> torch.Tensor:
    """Log-probabilities `(1, frames, classes)` that spell a text, `.` being a blank."""
    ids = [tokenizer.encoder[{" ": "|", ".": "<pad>"}.get(char, char)] for char in text]
    return (9 * torch.nn.functional.one_hot(torch.tensor(ids), len(tokenizer)).float()).log_softmax(-1)[None]


@pytest.mark.parametrize(
    ("emitted", "text"),
    [(" U . U.D  . O .", "U UD O"), (" ' 'TIS '.' A'. ", "'TIS A'"), (" . ", ""), ("'.'", ""), ("A '", "A")],
)
def test_spaces_that_separate_nothing_and_lone_apostrophes_are_left_out(emitted: str, text: str) -> None:
    tokenizer = BiGRUCTCTokenizer()
    log_probs = frames_of(emitted, tokenizer)
    ((hypothesis,),) = GreedyDecoder(tokenizer, FRAME_S)(log_probs)
    assert hypothesis.text == text == tokenizer.decode(log_probs[0].argmax(-1))
    assert text == greedy_text(log_probs[0].numpy(), list(CTCSymbols.of(tokenizer).characters))
    assert "".join(span.char for span in hypothesis.characters) == text
    assert [word.text for word in hypothesis.words] == text.split()


def test_a_word_lasts_from_where_it_is_spoken() -> None:
    tokenizer = BiGRUCTCTokenizer()
    for num_blanks, start_s in ((1, 0.0), (17, 0.0), (18, 0.38), (99, 2.0)):
        ((hypothesis,),) = GreedyDecoder(tokenizer, FRAME_S)(frames_of(f"T{'.' * num_blanks}HE", tokenizer))
        (word,) = hypothesis.words
        assert (word.text, word.start_s) == ("THE", pytest.approx(start_s))
        assert word.end_s == pytest.approx((num_blanks + 3) * FRAME_S)
        assert word.characters[0].start_s == 0.0


def test_a_tokenizer_of_an_earlier_release_has_no_pauses() -> None:
    tokenizer = BiGRUCTCTokenizer()
    del tokenizer.pause_frames

    log_probs = torch.zeros(1, 3, len(tokenizer)).log_softmax(-1)

    assert GreedyDecoder(tokenizer, FRAME_S)(log_probs)[0][0].text == ""


def test_greedy_of_no_frames_is_empty() -> None:
    tokenizer = BiGRUCTCTokenizer()
    ((found,),) = GreedyDecoder(tokenizer, FRAME_S)(torch.zeros(1, 5, len(tokenizer)), torch.tensor([0]))
    assert (found.text, found.score, found.characters, found.words) == ("", 0.0, (), ())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_greedy_takes_what_a_model_gives_outside_of_inference_mode(dtype: torch.dtype) -> None:
    frames = torch.full((1, 2, 29), -5.0, dtype=dtype)
    frames[0, :, 8] = 0.0
    (hypothesis,) = GreedyDecoder(BiGRUCTCTokenizer(), FRAME_S)(frames.requires_grad_())[0]
    assert (hypothesis.text, hypothesis.score) == ("F", 0.0)


@pytest.mark.parametrize(
    ("shape", "lengths", "message"),
    [
        ((5, 4), None, r"log_probs has the shape \(5, 4\); it must be \(batch, frames, 4\)"),
        ((1, 5, 3), None, "must be"),
        ((2, 5, 4), [5], r"lengths are \[5\]; give one of 0 to 5 frames for each of the 2"),
        ((1, 5, 4), [6], "lengths are"),
    ],
)
def test_bad_shapes(
    shape: tuple[int, ...], lengths: list[int] | None, message: str, tokenizer: BiGRUCTCTokenizer
) -> None:
    with pytest.raises(ValueError, match=message):
        GreedyDecoder(tokenizer, FRAME_S)(torch.zeros(shape), None if lengths is None else torch.tensor(lengths))
