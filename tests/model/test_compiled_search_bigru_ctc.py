"""The compiled search, against brute force, the search in NumPy and that of flashlight-text."""

from pathlib import Path

import numpy as np
import pytest
import torch
from brute_force_search import LEXICON, brute_force, write_language_model
from searches import without_the_compiled_search
from small_network import random_log_probs

from hf_bigru_asr import BiGRUCTCTokenizer, bundled_checkpoint
from hf_bigru_asr.audio import load_audio
from hf_bigru_asr.model import language_model_bigru_ctc
from hf_bigru_asr.model.beam_search_bigru_ctc import BeamSearchDecoder, BeamSearchSettings
from hf_bigru_asr.model.compiled_search_bigru_ctc import CompiledSearch
from hf_bigru_asr.model.ctc_output_bigru_ctc import CTCSymbols, FrameArray
from hf_bigru_asr.model.hotwords_bigru_ctc import HotwordPhrases
from hf_bigru_asr.runtime.recognizer import OnnxRecognizer

FRAME_S = 0.021
SAMPLES = Path(__file__).parents[1] / "data" / "samples"
SHIPPED = Path(bundled_checkpoint()) / "language_model"


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


@pytest.fixture(scope="module")
def spoken() -> tuple[FrameArray, CTCSymbols]:
    """Log-probabilities of a recording on the shipped model, and its symbols."""
    recognizer = OnnxRecognizer(num_threads=1)
    return recognizer.log_probs([load_audio(SAMPLES / "easy.flac")])[0], CTCSymbols.of(recognizer.decoder.symbols)


@pytest.mark.parametrize(
    "hotwords", [{}, {"ANY ONE": 6.0, "PAYED": 3.0, "NO ONE PAID": 2.0, "QUEEQUEG": 4.0}], ids=str
)
@pytest.mark.parametrize("preset", ["accurate", "fast"])
def test_the_search_in_numpy_finds_the_same_words_of_the_shipped_model(
    preset: str, hotwords: dict[str, float], spoken: tuple[FrameArray, CTCSymbols], monkeypatch: pytest.MonkeyPatch
) -> None:
    frames, symbols = spoken
    settings = BeamSearchSettings.from_folder(SHIPPED, preset=preset, hotwords=hotwords, nbest=5)
    compiled = BeamSearchDecoder(SHIPPED, symbols, FRAME_S, settings)
    assert compiled.shares_time
    found = compiled(frames[None])[0]
    without_the_compiled_search(monkeypatch)
    in_numpy = BeamSearchDecoder(SHIPPED, symbols, FRAME_S, settings)
    assert not in_numpy.shares_time
    expected = in_numpy(frames[None])[0]
    assert [each.text for each in found] == [each.text for each in expected]
    assert [each.score for each in found] == pytest.approx([each.score for each in expected], abs=1e-4)
    for one, other in zip(found[0].words, expected[0].words, strict=True):
        assert (one.text, one.start_s, one.end_s) == (other.text, other.start_s, other.end_s)
        assert one.confidence == pytest.approx(other.confidence, abs=1e-4)


def test_flashlight_text_finds_the_same(spoken: tuple[FrameArray, CTCSymbols]) -> None:
    decoder = pytest.importorskip("flashlight.lib.text.decoder", reason="it has no wheels for this Python")
    from flashlight.lib.text.decoder.kenlm import KenLM
    from flashlight.lib.text.dictionary import Dictionary

    frames, symbols = spoken
    settings = BeamSearchSettings.from_folder(SHIPPED)
    model = language_model_bigru_ctc.LanguageModel.load(SHIPPED, symbols)
    words, lexicon = model.lexicon.words, model.lexicon
    dictionary = Dictionary([*words, "<unk>"])
    dictionary.set_default_index(len(words))
    trie = decoder.Trie(len(symbols), symbols.delimiter)
    begin = 0
    for number, end in zip(lexicon.numbers.tolist(), lexicon.ends.tolist(), strict=True):
        trie.insert(lexicon.classes[begin:end].tolist(), number, float(model.unigram_scores[number]))
        begin = end
    trie.smear(decoder.SmearingMode.MAX)
    options = decoder.LexiconDecoderOptions(
        beam_size=settings.beam_size,
        beam_size_token=settings.beam_size_token,
        beam_threshold=settings.beam_threshold,
        lm_weight=settings.lm_weight,
        word_score=settings.word_score,
        unk_score=-np.inf,
        sil_score=0.0,
        log_add=settings.log_add,
        criterion_type=decoder.CriterionType.CTC,
    )
    n_gram = KenLM(str(SHIPPED / "lm.binary"), dictionary)
    theirs = decoder.LexiconDecoder(options, trie, n_gram, symbols.delimiter, symbols.blank, len(words), [], False)
    scores = BeamSearchDecoder(SHIPPED, symbols, FRAME_S, settings)._with_end(frames).astype(np.float32)
    expected = theirs.decode(scores.ctypes.data, *scores.shape)[:20]
    found = CompiledSearch(model, HotwordPhrases({}, symbols), settings, 20)(scores)
    assert [path.words for path in found] == [
        [words[label] for label in each.words if 0 <= label < len(words)] for each in expected
    ]
    assert [path.score for path in found] == pytest.approx([each.score for each in expected], abs=1e-4)
    for path, each in zip(found, expected, strict=True):
        assert path.classes.tolist() == list(each.tokens)


def test_many_words_of_one_spelling_are_not_pruned_too_early(
    folder: Path, tokenizer: BiGRUCTCTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Their scores are added, which makes the first letter more probable than 1.
    words = ["".join("AB"[int(bit)] for bit in f"{number:b}") for number in range(512, 912)]
    (folder / "lexicon.txt").write_text("".join(f"{word} A B |\n" for word in words) + "BB B B |\n")
    settings = BeamSearchSettings(lm_weight=1.0, beam_size=2000, beam_threshold=2.0)
    frames = [random_log_probs(seed, 12)[None] for seed in range(20)]
    found = [BeamSearchDecoder(folder, tokenizer, FRAME_S, settings).search(each)[0][0][1] for each in frames]
    without_the_compiled_search(monkeypatch)
    expected = [BeamSearchDecoder(folder, tokenizer, FRAME_S, settings).search(each)[0][0][1] for each in frames]
    assert found == pytest.approx(expected, abs=1e-4)
