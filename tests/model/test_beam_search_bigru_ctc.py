"""Beam search against brute force over all paths and all ways through the lexicon."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from brute_force_search import LEXICON, brute_force, write_language_model
from searches import without_the_compiled_search
from small_network import SMALL_VOCABULARY, random_log_probs

from hf_bigru_asr import BiGRUCTCTokenizer
from hf_bigru_asr.model import array_search_bigru_ctc
from hf_bigru_asr.model.beam_search_bigru_ctc import (
    BeamSearchDecoder,
    BeamSearchSettings,
    join_units,
    surplus_blanks,
)
from hf_bigru_asr.model.compiled_search_bigru_ctc import STEP_FRAMES
from hf_bigru_asr.model.confidence_bigru_ctc import ConfidenceModel

FRAME_S = 0.02


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The small language model."""
    return write_language_model(tmp_path)


@pytest.fixture(params=["compiled", "array"])
def search(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each of the two searches."""
    if request.param == "array":
        without_the_compiled_search(monkeypatch)
    return request.param


@pytest.mark.parametrize("log_add", [True, False], ids=["sum", "best"])
@pytest.mark.parametrize(
    "weights",
    [
        {"lm_weight": 0.1},
        {"lm_weight": 1.0},
        {"lm_weight": 3.0, "word_score": 0.5, "prior_weight": 0.5, "class_priors": (0.7, 0.1, 0.15, 0.05)},
        {"lm_weight": 1.0, "word_score": -2.0},
        {"lm_weight": 0.5, "hotwords": {"A BB": 1.5, "AB": 2.0, "BA": 3.0}},
    ],
)
@pytest.mark.parametrize("seed", range(4))
def test_beam_search_finds_what_brute_force_finds(
    seed: int,
    weights: dict[str, Any],
    log_add: bool,
    folder: Path,
    tokenizer: BiGRUCTCTokenizer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frames = random_log_probs(seed, 6)
    settings = BeamSearchSettings(**weights, log_add=log_add, beam_size=5000, beam_threshold=1e4, nbest=3)
    found = [BeamSearchDecoder(folder, tokenizer, FRAME_S, settings)(frames[None])[0]]
    without_the_compiled_search(monkeypatch)
    found.append(BeamSearchDecoder(folder, tokenizer, FRAME_S, settings)(frames[None])[0])
    lexicon = LEXICON | ({"BA": "BA|"} if settings.hotwords else {})
    expected = sorted(brute_force(frames, settings, lexicon).items(), key=lambda item: -item[1])[:3]
    for hypotheses in found:
        assert [hypothesis.text for hypothesis in hypotheses] == [text for text, _ in expected]
        for hypothesis, (_, score) in zip(hypotheses, expected, strict=True):
            assert hypothesis.score == pytest.approx(score, abs=1e-3)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"prior_weight": 0.5}, ValueError, "there are 0 class_priors; give one for each of the 4 classes"),
        ({"class_priors": (0.5, 0.5, 0.0, 0.0)}, ValueError, "above 0 and at most 1"),
        ({"hotwords": ["A", " "]}, ValueError, "A hotword is ' '"),
        ({"hotwords": "A"}, TypeError, "give a list of phrases"),
        ({"hotwords": ["A"], "lm_weight": 0.0}, ValueError, "lm_weight is 0; hotwords need"),
    ],
)
def test_bad_settings(
    changes: dict[str, Any], error: type[Exception], message: str, folder: Path, tokenizer: BiGRUCTCTokenizer
) -> None:
    with pytest.raises(error, match=message):
        BeamSearchDecoder(folder, tokenizer, FRAME_S, BeamSearchSettings(**changes))


def test_a_hotword_outside_the_lexicon_is_found(folder: Path, tokenizer: BiGRUCTCTokenizer) -> None:
    frames = torch.full((7, 4), -9.0)
    for frame, symbol in enumerate([3, 2, 0, 2, 1, 2, 3]):  # BAA AB
        frames[frame, symbol] = 0.0
    frames[1, 3] = -2.0  # rather BBA, of which BB and A are words
    assert "BAA" not in BeamSearchDecoder(folder, tokenizer, FRAME_S)(frames[None])[0][0].text.split()
    settings = BeamSearchSettings(hotwords={"baa": 20.0})
    (best,) = BeamSearchDecoder(folder, tokenizer, FRAME_S, settings)(frames[None])[0]
    assert best.text == "BAA AB"


def test_confidences_of_a_beam_search_follow_its_hypotheses(folder: Path, tokenizer: BiGRUCTCTokenizer) -> None:
    frames = torch.full((6, 4), -9.0)
    for frame, symbol in enumerate([2, 0, 1, 3, 0, 3]):  # A BB, the last B as likely as A
        frames[frame, symbol] = 0.0
    frames[0, 3] = -0.5
    model = ConfidenceModel((0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0), 0.0)
    decoder = BeamSearchDecoder(folder, tokenizer, FRAME_S, BeamSearchSettings(lm_weight=0.1), model)
    (best,) = decoder(frames[None])[0]
    first, second = (word.confidence for word in best.words)  # p / (1 + p) of the posterior p
    assert best.text == "A BB"
    assert 0.25 < first < second <= 0.5


@pytest.mark.usefixtures("search")
def test_beam_search_ignores_batch_and_padding(folder: Path, tokenizer: BiGRUCTCTokenizer) -> None:
    decoder = BeamSearchDecoder(folder, tokenizer, FRAME_S, BeamSearchSettings(nbest=2))
    lengths = [12, 7, 0, 9]
    alone = [decoder(random_log_probs(seed, length)[None])[0] for seed, length in enumerate(lengths)]
    batch = torch.full((4, 12, len(SMALL_VOCABULARY)), float("nan"))
    for seed, length in enumerate(lengths):
        batch[seed, :length] = random_log_probs(seed, length)
    assert decoder(batch, torch.tensor(lengths)) == alone
    assert alone[2][0].text == ""
    assert all(hypotheses[0].text for hypotheses in (alone[0], alone[1], alone[3]))


def test_search_finds_the_same_hypotheses_without_their_times(folder: Path, tokenizer: BiGRUCTCTokenizer) -> None:
    decoder = BeamSearchDecoder(folder, tokenizer, FRAME_S, BeamSearchSettings(nbest=3))
    lengths = torch.tensor([12, 7, 0])
    batch = torch.stack([random_log_probs(seed, 12) for seed in range(3)])
    found = [
        [(tokenizer(hypothesis.text).input_ids, hypothesis.score) for hypothesis in hypotheses]
        for hypotheses in decoder(batch, lengths)
    ]
    searched = decoder.search(batch, lengths)
    assert [[(list(ids), score) for ids, score in hypotheses] for hypotheses in searched] == found
    assert [len(hypotheses) for hypotheses in searched] == [3, 3, 1]
    impossible = torch.full((1, 5, 4), -9.0)
    impossible[..., 1] = 0.0  # nothing but delimiters
    assert [tuple(ids) for ids, _ in decoder.search(impossible)[0]][:1] == [()]


@pytest.mark.usefixtures("search")
def test_search_gives_a_word_that_is_spelled_too_once_with_its_better_score(
    folder: Path, tokenizer: BiGRUCTCTokenizer
) -> None:
    with (folder / "lexicon.txt").open("a") as lexicon:
        lexicon.write("A~ A\n")
    frames = torch.full((1, 3, 4), -9.0)
    frames[0, [0, 1, 2], [2, 0, 3]] = 0.0  # AB, as a word and as A~ B$
    hypotheses = BeamSearchDecoder(folder, tokenizer, FRAME_S, BeamSearchSettings(nbest=5)).search(frames)[0]
    texts = [tuple(ids) for ids, _ in hypotheses]
    assert len(set(texts)) == len(texts) > 1
    (folder / "lexicon.txt").write_text("AB A B |\n")
    (alone,) = BeamSearchDecoder(folder, tokenizer, FRAME_S).search(frames)[0]
    assert hypotheses[0] == alone


@pytest.mark.usefixtures("search")
def test_words_that_are_not_in_the_lexicon_are_spelled(folder: Path, tokenizer: BiGRUCTCTokenizer) -> None:
    # The decoder holds the letter of a unit for one frame only: see BeamSearchDecoder.
    (folder / "lexicon.txt").write_text("BB B B |\nA~ A\nB$ B |\n")
    frames = torch.full((6, 4), -9.0)
    for frame, symbol in enumerate([2, 3, 1, 3, 0, 3]):  # AB BB
        frames[frame, symbol] = 0.0
    decoder = BeamSearchDecoder(folder, tokenizer, FRAME_S)
    (best,) = decoder(frames[None])[0]
    assert best.text == "AB BB"


@pytest.mark.parametrize("seed", range(6))
def test_both_searches_drop_the_same_hypotheses(
    seed: int, folder: Path, tokenizer: BiGRUCTCTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of words with one spelling, what is expected of both decides what is dropped before they end.
    (folder / "lexicon.txt").write_text("A A |\nAB A B |\nBB B B |\nBB A B |\nA~ A\nB~ B\nA$ A |\nB$ B |\n")
    frames = random_log_probs(seed, 40)[None]
    settings = BeamSearchSettings(
        lm_weight=2.0, word_score=-0.5, beam_size=30, beam_size_token=3, beam_threshold=3.0, nbest=8
    )
    expected = BeamSearchDecoder(folder, tokenizer, FRAME_S, settings).search(frames)[0]
    without_the_compiled_search(monkeypatch)
    monkeypatch.setattr(array_search_bigru_ctc, "_MANY_HISTORIES", 20 * (seed % 2))  # some searches forget often
    found = BeamSearchDecoder(folder, tokenizer, FRAME_S, settings).search(frames)[0]
    assert [ids for ids, _ in found] == [ids for ids, _ in expected]
    assert [score for _, score in found] == pytest.approx([score for _, score in expected], abs=1e-9)


@pytest.mark.usefixtures("search")
def test_surplus_blanks_are_left_out_of_the_search(
    folder: Path, tokenizer: BiGRUCTCTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = torch.full((14, 4), -9.0)
    for frame, symbol in enumerate([0, 0, 3, 0, 0, 0, 3, 1, 0, 0, 2, 0, 0, 0]):  # BB A
        frames[frame, symbol] = 0.0
    frames[4, 3] = -2.0  # a blank that is not sure
    decoder = BeamSearchDecoder(folder, tokenizer, FRAME_S, BeamSearchSettings(blank_margin=5.0))
    lengths = []
    find = decoder._find
    monkeypatch.setattr(decoder, "_find", lambda scores, check: (lengths.append(len(scores)), find(scores, check))[1])
    (best,) = decoder(frames[None])[0]
    (expected,) = BeamSearchDecoder(folder, tokenizer, FRAME_S)(frames[None])[0]
    assert lengths == [15 - 1 - 1 - 2]  # the second blank of two, the last two of three
    assert (best.text, best.characters) == (expected.text, expected.characters)
    assert best.text == "BB A"


@pytest.mark.usefixtures("search")
def test_a_search_ends_where_it_is_told_to(folder: Path, tokenizer: BiGRUCTCTokenizer) -> None:
    frames = random_log_probs(0, 4 * STEP_FRAMES)
    decoder = BeamSearchDecoder(folder, tokenizer, FRAME_S, BeamSearchSettings(beam_size=5))
    calls = []
    found = decoder.checked(lambda: calls.append(1))(frames[None])
    assert found == decoder(frames[None])
    assert len(calls) > 4

    def check() -> None:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt

    for decode in (decoder.checked(check), decoder.checked(check).search):
        calls.clear()
        with pytest.raises(KeyboardInterrupt):
            decode(frames[None])
        assert len(calls) == 2


def test_surplus_blanks() -> None:
    scores = np.full((6, 3), -4.0, dtype=np.float32)
    scores[[0, 1, 2, 4, 5], 0] = [0.0, 0.0, -1.5, 0.0, 0.0]
    assert surplus_blanks(scores, 0, 3.0).tolist() == [False, True, False, False, False, True, False]
    assert not surplus_blanks(scores, 0, 5.0).any()


@pytest.mark.parametrize("hotwords", [{}, {"AB A": 1.5}], ids=["plain", "hotwords"])
def test_threads_share_a_decoder(
    hotwords: dict[str, float], folder: Path, tokenizer: BiGRUCTCTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = BeamSearchSettings(lm_weight=0.5, nbest=3, hotwords=hotwords)
    decoder = BeamSearchDecoder(folder, tokenizer, FRAME_S, settings)
    batches = [random_log_probs(seed, 20)[None] for seed in range(4)]
    expected = [decoder(batch) for batch in batches]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            found = list(threads.map(decoder, batches * 3))
    finally:
        sys.setswitchinterval(interval)
    assert found == expected * 3


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        ([], ""),
        (["HELLO", "YOU"], "HELLO YOU"),
        (["A~", "B$"], "AB"),
        (["HI", "A~", "B~", "C$", "YOU", "D$"], "HI ABC YOU D"),
        (["A$", "B$"], "A B"),
        (["A~", "B~"], "AB"),
    ],
)
def test_units_are_joined(tokens: list[str], text: str) -> None:
    assert join_units(tokens) == text


@pytest.mark.parametrize("name", ["lm.binary", "lexicon.txt"])
def test_a_missing_file_is_named(name: str, folder: Path, tokenizer: BiGRUCTCTokenizer) -> None:
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=rf"{name} does not exist; scripts/build_lm.py"):
        BeamSearchDecoder(folder, tokenizer, FRAME_S)


@pytest.mark.parametrize("content", [b"", b"not a model\n", b"\0" * 100])
def test_a_broken_model_is_refused(content: bytes, folder: Path, tokenizer: BiGRUCTCTokenizer) -> None:
    (folder / "lm.binary").write_bytes(content)
    with pytest.raises(ValueError, match=r"lm.binary is no language model that KenLM reads"):
        BeamSearchDecoder(folder, tokenizer, FRAME_S)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ABC A B C |", r"Line 5 of .*'ABC A B C \|', has symbols outside the alphabet: C\."),
        ("AB", "has a word and no spelling"),
        ("AB A <pad> |", "outside the alphabet: <pad>"),
        ("aB A B |", r"'aB A B \|', has symbols outside the alphabet: a\."),
        ("AB A | B |", r"outside the alphabet: \|"),
        ("AB A B", r"has no \| at its end"),
        ("A~ A |", r"has \| at its end, and is a letter inside a word"),
    ],
)
def test_a_lexicon_of_another_alphabet_is_refused(
    line: str, message: str, folder: Path, tokenizer: BiGRUCTCTokenizer
) -> None:
    path = folder / "lexicon.txt"
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(ValueError, match=message):
        BeamSearchDecoder(folder, tokenizer, FRAME_S)


def test_a_lexicon_without_words_is_refused(folder: Path, tokenizer: BiGRUCTCTokenizer) -> None:
    (folder / "lexicon.txt").write_text("")
    with pytest.raises(ValueError, match=r"lexicon\.txt has no words; scripts/build_lm\.py"):
        BeamSearchDecoder(folder, tokenizer, FRAME_S)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"decoding\.json is broken: Expecting"),
        ("[1]", r"decoding\.json is broken: it holds a JSON list instead of an object"),
        ('{"beam_size": 0}', "beam_size is 0; it must be a whole number, at least 1"),
    ],
)
def test_broken_settings_are_named(content: str, message: str, folder: Path, tokenizer: BiGRUCTCTokenizer) -> None:
    (folder / "decoding.json").write_text(content)
    with pytest.raises(ValueError, match=message):
        BeamSearchDecoder(folder, tokenizer, FRAME_S)


def test_what_is_missing_is_named(folder: Path, tokenizer: BiGRUCTCTokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kenlm", None)
    assert BeamSearchDecoder(folder, tokenizer, FRAME_S).shares_time, "the compiled part needs no KenLM"
    without_the_compiled_search(monkeypatch)
    with pytest.raises(ImportError, match=r"pip install kenlm-ex.*Greedy decoding works without it"):
        BeamSearchDecoder(folder, tokenizer, FRAME_S)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"beam_size": 0}, "beam_size is 0"),
        ({"nbest": 0}, "nbest is 0"),
        ({"beam_size_token": 0}, "beam_size_token is 0"),
        ({"beam_threshold": 0}, "beam_threshold is 0"),
        ({"lm_weight": -1.0}, "lm_weight is -1"),
    ],
)
def test_settings_out_of_range(values: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BeamSearchSettings(**values)
