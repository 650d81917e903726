"""Beam search in parts, against the whole and against all combinations."""

import threading
from collections.abc import Iterator
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
import torch
from small_language_model import spelled, write_language_model

from hf_bigru_asr import BiGRUCTCTokenizer
from hf_bigru_asr.model.beam_search_bigru_ctc import BeamSearchDecoder, BeamSearchSettings
from hf_bigru_asr.model.ctc_alignment_bigru_ctc import CharacterSpan
from hf_bigru_asr.model.ctc_output_bigru_ctc import CTCSymbols, FrameArray, word_boundary
from hf_bigru_asr.model.decoding_bigru_ctc import DecodedWord, GreedyDecoder, Hypothesis
from hf_bigru_asr.runtime.parts import cut_in_pauses, decode_in_parts, decode_pieces, decoded_parts

FRAME_S = 0.02
TEXT = "IT NO A YOU I NO IT YOU A NO YOU IT I A NO"


@pytest.fixture
def tokenizer() -> BiGRUCTCTokenizer:
    return BiGRUCTCTokenizer()


def cuts_of(log_probs: torch.Tensor, tokenizer: BiGRUCTCTokenizer, max_frames: int) -> list[int]:
    """Where a recording is cut, in frames."""
    parts = list(cut_in_pauses([log_probs.numpy()], CTCSymbols.of(tokenizer), max_frames))
    assert np.array_equal(np.concatenate([part for _, part in parts]), log_probs.numpy())
    assert [start for start, _ in parts] == np.cumsum([0, *(len(part) for _, part in parts[:-1])]).tolist()
    return [start for start, _ in parts[1:]]


@pytest.mark.parametrize("max_frames", [2, 3, 20, 33, 50, 120, 10_000])
def test_parts_are_short_and_end_in_pauses(max_frames: int, tokenizer: BiGRUCTCTokenizer) -> None:
    log_probs = spelled(TEXT, tokenizer)
    cuts = cuts_of(log_probs, tokenizer, max_frames)
    edges = [0, *cuts, len(log_probs)]
    lengths = [stop - start for start, stop in pairwise(edges)]
    assert max(lengths) <= max_frames
    assert all(length >= (max_frames + 1) // 2 for length in lengths[:-1])
    assert bool(cuts) == (max_frames < len(log_probs))
    if max_frames >= 50:  # in the second half of so many frames there is a space
        greedy = GreedyDecoder(tokenizer, FRAME_S)
        parts = [greedy(part[None])[0][0].text.strip() for part in log_probs.split(lengths)]
        assert " ".join(parts) == TEXT


def test_without_pauses_the_cut_is_where_one_is_likeliest(tokenizer: BiGRUCTCTokenizer) -> None:
    scores = torch.zeros(30, len(tokenizer))
    scores[:, 5] = 9.0
    scores[17, tokenizer.encoder["|"]] = 3.0
    assert cuts_of(scores.log_softmax(-1), tokenizer, 20) == [17]


def test_parts_that_are_too_short_are_refused(tokenizer: BiGRUCTCTokenizer) -> None:
    with pytest.raises(ValueError, match="max_frames is 1; it must be at least 2"):
        cuts_of(torch.zeros(30, len(tokenizer)), tokenizer, 1)


def cuts_of_the_whole(best: list[int], symbols: CTCSymbols, max_frames: int) -> Iterator[int]:
    """The rule of `cut_in_pauses` on the best classes of a whole recording, one pause and one part at a time."""
    is_letter = [each not in (symbols.blank, symbols.delimiter) for each in best]
    letters = [frame for frame, letter in enumerate(is_letter) if letter]
    middles = (word_boundary(symbols.pause_frames, before + 1, after) for before, after in pairwise(letters))
    start = 0
    for stop in (*(middle for middle in middles if middle is not None), len(best)):
        while stop - start > max_frames:
            runs: list[tuple[bool, int, int]] = []
            frame, end = start + (max_frames + 1) // 2, start + max_frames + 1
            while frame < end:
                begin = frame
                while frame < end and not is_letter[frame]:
                    frame += 1
                if frame > begin:
                    runs.append((symbols.delimiter in best[begin:frame], frame - begin, frame))
                frame += 1
            _, count, last = max(runs)
            start = last - (count + 1) // 2
            yield start
        if stop < len(best):
            start = stop
            yield start


@pytest.mark.parametrize("pause_frames", [None, 12, 40])
@pytest.mark.parametrize("max_frames", [25, 60])
def test_pieces_are_cut_as_the_whole_is(
    max_frames: int, pause_frames: int | None, tokenizer: BiGRUCTCTokenizer
) -> None:
    symbols = CTCSymbols.of(BiGRUCTCTokenizer(pause_frames=pause_frames))
    random = np.random.default_rng(max_frames)
    num_cuts = 0
    for _ in range(40):
        # Words with pauses between them, of which some are long and some have a space.
        best: list[int] = []
        for _ in range(12):
            best += random.integers(2, 9, random.integers(1, 9)).tolist()
            best += [symbols.blank] * int(random.choice([1, 3, 11, 13, 39, 41, 90]))
            best += [symbols.delimiter] * int(random.integers(2))
        log_probs = np.log(np.eye(len(symbols), dtype=np.float32)[best] + np.float32(1e-3))
        pieces = np.split(log_probs, np.sort(random.integers(0, len(best), 9)))
        starts = [start for start, _ in cut_in_pauses(pieces, symbols, max_frames)]
        assert starts == [0, *cuts_of_the_whole(best, symbols, max_frames)]
        num_cuts += len(starts) - 1
    assert num_cuts > 200


def test_parts_come_as_soon_as_they_end(tokenizer: BiGRUCTCTokenizer) -> None:
    taken: list[int] = []

    def pieces() -> Iterator[FrameArray]:
        for number, piece in enumerate(np.split(np.tile(spelled(f"{TEXT} ", tokenizer), (20, 1)), 100)):
            taken.append(number)
            yield piece

    for start, part in cut_in_pauses(pieces(), CTCSymbols.of(tokenizer), 120):
        size = len(spelled(f"{TEXT} ", tokenizer)) * 20 // 100
        assert len(taken) * size <= start + 121 + 2 * size or start + len(part) == 100 * size


@pytest.mark.parametrize("num_threads", [1, 3])
@pytest.mark.parametrize("nbest", [1, 3])
def test_pieces_have_the_hypotheses_of_the_whole(
    nbest: int, num_threads: int, tokenizer: BiGRUCTCTokenizer, tmp_path: Path
) -> None:
    settings = BeamSearchSettings(lm_weight=0.5, beam_size=20, nbest=nbest)
    decoder = BeamSearchDecoder(write_language_model(tmp_path), BiGRUCTCTokenizer(pause_frames=40), FRAME_S, settings)
    silence = spelled("", tokenizer).expand(60, -1)
    log_probs = torch.cat([spelled(TEXT, tokenizer), silence, spelled("NO YOU", tokenizer), silence]).numpy()

    found = decode_pieces(decoder, np.array_split(log_probs, 11), decoder.symbols, FRAME_S, num_threads)

    expected = decode_in_parts(decoder, log_probs, decoder.symbols, FRAME_S, nbest=nbest)
    assert [each.text for each in found] == [each.text for each in expected]
    assert [each.score for each in found] == pytest.approx([each.score for each in expected])
    assert [each.characters for each in found] == [each.characters for each in expected]
    assert [each.text for each in found[0].words] == [*TEXT.split(), "NO", "YOU"]
    assert len(found) == nbest


@pytest.mark.parametrize("num_threads", [1, 3])
def test_what_fails_within_a_part_ends_the_others(
    num_threads: int, tokenizer: BiGRUCTCTokenizer, tmp_path: Path
) -> None:
    decoder = BeamSearchDecoder(write_language_model(tmp_path), BiGRUCTCTokenizer(pause_frames=40), FRAME_S)
    part = torch.cat([spelled(TEXT, tokenizer), spelled("", tokenizer).expand(60, -1)]).numpy()
    names: set[str] = set()
    before = set(threading.enumerate())

    def check() -> None:
        names.add(threading.current_thread().name)
        if len(names) == 1 + (num_threads > 1):
            raise KeyError("stopped")

    with pytest.raises(KeyError, match="stopped"):
        list(decoded_parts(decoder.checked(check), [part] * 50, decoder.symbols, FRAME_S, num_threads))
    assert set(threading.enumerate()) <= before


def test_a_pause_ends_a_part(tmp_path: Path) -> None:
    tokenizer = BiGRUCTCTokenizer(pause_frames=50)
    decoder = BeamSearchDecoder(write_language_model(tmp_path), tokenizer, FRAME_S)
    silence = torch.full((60, len(tokenizer)), -9.0)
    silence[:, tokenizer.pad_token_id] = 0.0
    one, other = spelled("YOU IT", tokenizer), spelled("NO", tokenizer)
    log_probs = torch.cat([silence.log_softmax(-1), one, silence.log_softmax(-1), other])
    space = tokenizer.encoder["|"]
    log_probs[log_probs.argmax(-1) != space, space] = -200.0  # so the network leaves no space in the pause

    (found,) = decode_in_parts(decoder, log_probs, tokenizer, FRAME_S)
    (glued,) = decode_in_parts(decoder, log_probs, BiGRUCTCTokenizer(), FRAME_S)

    assert (found.text, glued.text) == ("YOU IT NO", "YOU ITNO")
    assert cuts_of(log_probs, tokenizer, 10_000) == [60 + len(one) + 30]
    assert cuts_of(log_probs, BiGRUCTCTokenizer(pause_frames=63), 10_000) == []
    assert found.words[-1].start_s == pytest.approx((120 + len(one)) * FRAME_S, abs=2 * FRAME_S)


def test_no_letter_no_words(tmp_path: Path) -> None:
    tokenizer = BiGRUCTCTokenizer()
    decoder = BeamSearchDecoder(write_language_model(tmp_path), tokenizer, FRAME_S)
    scores = torch.zeros(50, len(tokenizer))
    scores[:, tokenizer.pad_token_id] = 0.1
    scores[20, tokenizer.encoder["|"]] = 0.2

    (found,) = decode_in_parts(decoder, scores.log_softmax(-1), tokenizer, FRAME_S)

    assert (found.text, found.words) == ("", ())
    assert decoder.search(scores.log_softmax(-1)[None]) == [[((), 0.0)]]


@pytest.mark.parametrize("max_part_s", [1.0, 2.5, 60.0])
def test_beam_search_in_parts(max_part_s: float, tokenizer: BiGRUCTCTokenizer, tmp_path: Path) -> None:
    folder = write_language_model(tmp_path / "lm")
    decoder = BeamSearchDecoder(folder, tokenizer, FRAME_S, BeamSearchSettings(lm_weight=0.5, beam_size=50))
    log_probs = spelled(TEXT, tokenizer)
    (whole,) = decoder(log_probs[None])[0]
    (found,) = decode_in_parts(decoder, log_probs, tokenizer, FRAME_S, max_part_s=max_part_s)
    assert found.text == whole.text == TEXT
    assert "".join(span.char for span in found.characters) == TEXT
    assert len(found.words) == len(whole.words)
    for word, expected in zip(found.words, whole.words, strict=True):
        assert word.text == expected.text
        assert abs(word.start_s - expected.start_s) <= FRAME_S + 1e-9
        assert abs(word.end_s - expected.end_s) <= FRAME_S + 1e-9
    ends = [span.end_s for span in found.characters]
    assert ends == sorted(ends)


def words_of(spans: tuple[CharacterSpan, ...]) -> tuple[DecodedWord, ...]:
    return (DecodedWord(spans, 0.5, ()),) if spans else ()


def test_the_best_combinations_of_hypotheses(tokenizer: BiGRUCTCTokenizer) -> None:
    scores = torch.Generator().manual_seed(0)
    given: list[list[Hypothesis]] = []

    def decoder(log_probs: torch.Tensor, lengths: torch.Tensor | None = None) -> list[list[Hypothesis]]:
        assert (len(log_probs), lengths) == (1, None)
        values = sorted(torch.rand(3, generator=scores).tolist(), reverse=True)
        spans = [(CharacterSpan("ABC"[each], 0.0, 0.1, 0.5),) if each or len(given) != 1 else () for each in range(3)]
        given.append(
            [
                Hypothesis("".join(s.char for s in span), value, span, words_of(span))
                for value, span in zip(values, spans, strict=True)
            ]
        )
        return given[-1:]

    log_probs = spelled(TEXT, tokenizer)
    found = decode_in_parts(decoder, log_probs, tokenizer, FRAME_S, nbest=5, max_part_s=2.0)
    assert len(given) >= 3
    combinations = sorted(product(*given), key=lambda parts: -sum(part.score for part in parts))[:5]
    assert [hypothesis.score for hypothesis in found] == pytest.approx([sum(p.score for p in c) for c in combinations])
    assert [hypothesis.text for hypothesis in found] == [" ".join(p.text for p in c if p.text) for c in combinations]
    for hypothesis in found:
        assert "".join(span.char for span in hypothesis.characters) == hypothesis.text
        assert [word.text for word in hypothesis.words] == hypothesis.text.split()
        assert [word.start_s for word in hypothesis.words] == [
            s.start_s for s in hypothesis.characters if s.char != " "
        ]
