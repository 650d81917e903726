"""Beam search in parts, against the whole and against all combinations."""

from itertools import pairwise, product
from pathlib import Path

import pytest
import torch
from small_language_model import spelled, write_language_model

from hf_bigru_asr import BiGRUCTCTokenizer
from hf_bigru_asr.model.beam_search_bigru_ctc import BeamSearchDecoder, BeamSearchSettings
from hf_bigru_asr.model.ctc_alignment_bigru_ctc import CharacterSpan
from hf_bigru_asr.model.decoding_bigru_ctc import DecodedWord, GreedyDecoder, Hypothesis
from hf_bigru_asr.runtime.parts import decode_in_parts, find_pauses, find_word_boundaries

FRAME_S = 0.02
TEXT = "IT NO A YOU I NO IT YOU A NO YOU IT I A NO"


@pytest.fixture
def tokenizer() -> BiGRUCTCTokenizer:
    return BiGRUCTCTokenizer()


@pytest.mark.parametrize("max_frames", [2, 3, 20, 33, 50, 120, 10_000])
def test_parts_are_short_and_end_in_pauses(max_frames: int, tokenizer: BiGRUCTCTokenizer) -> None:
    log_probs = spelled(TEXT, tokenizer)
    cuts = find_pauses(log_probs, tokenizer, max_frames)
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
    assert find_pauses(scores.log_softmax(-1), tokenizer, 20) == [17]


def test_parts_that_are_too_short_are_refused(tokenizer: BiGRUCTCTokenizer) -> None:
    with pytest.raises(ValueError, match="max_frames is 1; it must be at least 2"):
        find_pauses(torch.zeros(30, len(tokenizer)), tokenizer, 1)


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
    assert find_word_boundaries(log_probs, tokenizer) == [60 + len(one) + 30]
    assert find_word_boundaries(log_probs, BiGRUCTCTokenizer(pause_frames=63)) == []
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
