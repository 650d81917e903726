import itertools
import sys

import numpy as np
import pytest

from hf_bigru_asr.grammar import Grammar, GrammarDecoder
from hf_bigru_asr.grammar.graph import MISSING_SPACE_COST

pytest.importorskip("kaldi_decoder")

SYMBOLS = ("", " ", "'", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
FRAME_S = 0.02


def spoken(*parts: str | float, certainty: float = 0.9) -> np.ndarray:
    """Log-probabilities `(frames, classes)` of texts, two frames and a blank a letter, and of seconds of silence."""
    classes: list[int] = []
    for part in parts:
        if isinstance(part, str):
            classes += [class_id for char in part for class_id in (SYMBOLS.index(char), SYMBOLS.index(char), 0)]
        else:
            classes += [0] * round(part / FRAME_S)
    probs = np.full((len(classes), len(SYMBOLS)), (1 - certainty) / (len(SYMBOLS) - 1))
    probs[np.arange(len(classes)), classes] = certainty
    return np.log(probs).astype(np.float32)


def decoder(*phrases: str, **settings: float) -> GrammarDecoder:
    return GrammarDecoder(Grammar.from_phrases(phrases), SYMBOLS, frame_s=FRAME_S, **settings)


def test_one_phrase_with_its_times() -> None:
    (result,) = decoder("go", "go home", "stop")(spoken(0.2, "GO", 0.3))

    assert result.text == "GO"
    assert (result.start_s, result.end_s) == (0.2, 0.3)  # G G - O O -
    assert result.is_accepted


def test_pauses_part_utterances() -> None:
    log_probs = spoken(5.0, "GO HOME", 0.8, "STOP", 0.4, "NOW", 3.0, "GO", 0.1)

    results = decoder("go", "go home", "stop now", "stop")(log_probs)

    assert [result.text for result in results] == ["GO HOME", "STOP NOW", "GO"]
    starts = [5.0, 5.0 + 7 * 0.06 + 0.8, 5.0 + 7 * 0.06 + 0.8 + 4 * 0.06 + 0.4 + 3 * 0.06 + 3.0]
    assert [result.start_s for result in results] == pytest.approx(starts)
    assert [result.end_s for result in results] == pytest.approx([5.4, 7.02, 10.14], abs=0.021)
    assert all(result.is_accepted for result in results)


def test_a_longer_pause_is_part_of_a_phrase_on_request() -> None:
    log_probs = spoken("STOP", 0.8, "NOW")

    assert [each.text for each in decoder("stop", "stop now", "now")(log_probs)] == ["STOP", "NOW"]
    assert [each.text for each in decoder("stop", "stop now", "now", pause_s=1.0)(log_probs)] == ["STOP NOW"]


def test_utterances_are_decoded_as_if_they_were_alone() -> None:
    """Margins never reach into the next utterance."""
    decode = decoder("go", "stop", pause_s=0.1)
    alone = [decode(spoken(text))[0] for text in ("GO", "STOP", "GO")]

    together = decode(spoken("GO", 0.16, "STOP", 0.16, "GO"))

    assert [each.text for each in together] == ["GO", "STOP", "GO"]
    assert [each.confidence for each in together] == pytest.approx([each.confidence for each in alone], rel=0.8)


def test_long_speech_is_cut_at_its_longest_pause() -> None:
    go_on = GrammarDecoder(Grammar.from_jsgf("#JSGF V1.0; public <r> = go+ | stop+;"), SYMBOLS, frame_s=FRAME_S)
    going, stopping = " ".join(["GO"] * 120), " ".join(["STOP"] * 60)  # 21 and 18 s

    results = go_on(spoken(going, 0.3, stopping))

    assert [each.text for each in results] == [going, stopping]


@pytest.mark.parametrize("char", ["A", "AB", "A B "])
def test_speech_without_an_end_is_cut_all_the_same(char: str) -> None:
    log_probs = spoken(*[char] * round(100 / 0.06 / len(char)))
    log_probs[:, 0] = log_probs.min()  # no blanks

    results = decoder("a b")(log_probs)

    assert 4 <= len(results) <= 16
    assert all(each.end_s - each.start_s <= 30 for each in results)


def test_letters_far_apart_are_cut_too() -> None:
    results = decoder("a b", "ab", pause_s=100.0)(spoken("A", "B", 40.0, "A", 20.0, "B"))

    assert [(round(each.start_s), round(each.end_s)) for each in results] == [(0, 0), (40, 60)]


def test_what_is_not_in_the_grammar_is_rejected_with_the_nearest_phrase() -> None:
    (near, far) = decoder("turn on the light")(spoken("TURN ON THE LIGHTS", 1.0, "HE WAS A SAILOR ONCE"))

    assert near.is_accepted
    assert near.text == far.text == "TURN ON THE LIGHT"
    assert not far.is_accepted
    assert far.confidence < 1e-3 < near.confidence


def test_the_confidence_that_suffices_is_a_setting() -> None:
    log_probs = spoken("GO", certainty=0.6)

    (result,) = decoder("go")(log_probs)

    assert decoder("go", min_confidence=result.confidence)(log_probs)[0].is_accepted
    assert not decoder("go", min_confidence=result.confidence + 1e-6)(log_probs)[0].is_accepted


@pytest.mark.parametrize("frames", [0, 50])
def test_silence_has_no_utterance(frames: int) -> None:
    assert decoder("go")(spoken(frames * FRAME_S)) == []


def test_an_utterance_shorter_than_every_phrase_has_no_text() -> None:
    (result,) = decoder("set a timer")(spoken("A")[:2])

    assert (result.text, result.confidence, result.is_accepted) == ("", 0.0, False)
    assert (result.start_s, result.end_s) == (0.0, 0.04)


def test_the_best_path_is_the_best_of_all() -> None:
    """All paths of five frames over four classes, scored one by one."""
    symbols = ("", " ", "A", "B")
    phrases = ["A", "AB", "A B", "BA A", "BB"]
    decode = GrammarDecoder(Grammar.from_phrases(phrases), symbols, frame_s=FRAME_S)
    written: list[tuple[tuple[int, ...], str]] = []
    for path in itertools.product(range(4), repeat=5):
        text = " ".join("".join(symbols[char] for char, _ in itertools.groupby(path)).split())
        written.append((path, text))
    for seed in range(10):
        log_probs = np.log(np.random.default_rng(seed).dirichlet(np.ones(4), 5)).astype(np.float32)
        scores = {}
        for path, text in written:
            score = float(log_probs[np.arange(5), path].sum())
            for phrase in phrases:
                num_missing = phrase.count(" ") - text.count(" ")
                if text == phrase or (num_missing > 0 and text == phrase.replace(" ", "")):
                    scores[score - num_missing * MISSING_SPACE_COST] = (phrase, path)
        classes, text = decode._best_path(log_probs)
        assert (text, tuple(classes)) == scores[max(scores)], seed


def test_a_phrase_that_falls_out_of_the_first_beam_is_found_in_the_second() -> None:
    """The path of the longer phrase is far better until the last frames, and can then not end."""
    log_probs = spoken("STOPPINGAND", certainty=0.99)

    classes, text = decoder("stop", "stopping and go on and on and on")._best_path(log_probs)

    assert text == "STOP"
    assert len(classes) == len(log_probs)


@pytest.mark.parametrize("shape", [(5, 28), (5,), (1, 5, 29)])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"it must be \(frames, 29\)"):
        decoder("go")(np.zeros(shape, dtype=np.float32))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min_confidence": 1.5}, "min_confidence is 1.5; it must be between 0 and 1"),
        ({"pause_s": 0.0}, "pause_s is 0.0; it must be a positive number of seconds"),
        ({"pause_s": float("nan")}, "pause_s is nan"),
        ({"frame_s": -1.0}, "frame_s is -1.0"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GrammarDecoder(Grammar.from_phrases(["go"]), SYMBOLS, **{"frame_s": FRAME_S, **settings})


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kaldi_decoder", None)

    with pytest.raises(ImportError, match="A grammar needs the extra `grammar`: pip install kaldi-decoder kaldifst"):
        decoder("go")
