"""The compiled search, against brute force, the search in NumPy and that of flashlight-text."""

from pathlib import Path

import pytest
import torch
from brute_force_search import LEXICON, brute_force, write_language_model
from searches import without_the_compiled_search
from small_network import random_log_probs

from hf_bigru_asr import BiGRUCTCTokenizer
from hf_bigru_asr.model import language_model_bigru_ctc
from hf_bigru_asr.model.beam_search_bigru_ctc import BeamSearchDecoder, BeamSearchSettings

FRAME_S = 0.02


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The small language model."""
    return write_language_model(tmp_path)


@pytest.mark.parametrize("hotwords", [{"AB": 2.0}, {"AB": 2.0, "BA": -1.0, "ABA": 3.0}], ids=["one", "weights"])
@pytest.mark.parametrize("seed", range(3))
def test_both_searches_find_the_same_hotwords(
    seed: int,
    hotwords: dict[str, float],
    folder: Path,
    tokenizer: BiGRUCTCTokenizer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (folder / "lexicon.txt").write_text("A A |\nAB A B |\nABB A B B |\nBB B B |\nA~ A\nB$ B |\n")
    frames = random_log_probs(seed, 12)[None]
    settings = BeamSearchSettings(lm_weight=2.0, beam_size=5000, beam_threshold=1e4, nbest=8, hotwords=hotwords)
    expected = BeamSearchDecoder(folder, tokenizer, FRAME_S, settings).search(frames)[0]
    without_the_compiled_search(monkeypatch)
    found = BeamSearchDecoder(folder, tokenizer, FRAME_S, settings).search(frames)[0]
    assert [ids for ids, _ in found] == [ids for ids, _ in expected]
    assert [score for _, score in found] == pytest.approx([score for _, score in expected], abs=1e-3)


def test_phrases_with_many_bonuses_have_right_scores(folder: Path, tokenizer: BiGRUCTCTokenizer) -> None:
    hotwords = {" ".join(["BA", *["A"] * count]): 1.0 + count / 7 for count in range(12)}
    frames = torch.full((8, 4), -9.0)
    for frame, symbol in enumerate([3, 2, 1, 2, 1, 0, 2, 1]):  # BA A A
        frames[frame, symbol] = 0.0
    settings = BeamSearchSettings(lm_weight=1.0, beam_size=5000, beam_threshold=1e4, hotwords=hotwords)
    (best,) = BeamSearchDecoder(folder, tokenizer, FRAME_S, settings)(frames[None])[0]
    assert best.text == "BA A A"
    expected = brute_force(frames, settings, LEXICON | {"BA": "BA|"})
    assert best.score == pytest.approx(max(expected.values()), abs=1e-3)


def test_hotwords_change_without_reading_the_language_model_again(
    folder: Path, tokenizer: BiGRUCTCTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = random_log_probs(3, 20)[None]
    plain = BeamSearchDecoder(folder, tokenizer, FRAME_S, BeamSearchSettings(lm_weight=0.5, nbest=3))
    before = plain(frames)
    monkeypatch.setattr(language_model_bigru_ctc.Lexicon, "read", lambda *_: pytest.fail("It was read again."))
    changed = plain.with_settings(hotwords={"AB A": 4.0, "BA": 9.0})
    again = BeamSearchDecoder(folder, tokenizer, FRAME_S, BeamSearchSettings(lm_weight=0.5, nbest=3))
    assert changed(frames)[0][0].text != before[0][0].text
    assert plain(frames) == again(frames) == before
    monkeypatch.undo()
    (folder / "lexicon.txt").write_text("A A |\n")
    assert BeamSearchDecoder(folder, tokenizer, FRAME_S)(frames)[0][0].text.replace(" A", "A").strip("A") == ""
