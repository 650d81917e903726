"""The decoder of the page in JavaScript, in Node, against that of the package."""

import base64
import json
import random
import subprocess
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ctc_frames import SYMBOLS, framed
from repository import REPOSITORY
from static_page import NODE, STATIC, needs_node

from hf_bigru_asr.bundled import CHECKPOINT_DIR
from hf_bigru_asr.model.beam_search_bigru_ctc import join_units
from hf_bigru_asr.model.ctc_output_bigru_ctc import CTCSymbols
from hf_bigru_asr.model.decoding_bigru_ctc import Decoder, Hypothesis
from hf_bigru_asr.model.lexicon_bigru_ctc import lexicon_words
from hf_bigru_asr.model.search_settings_bigru_ctc import BeamSearchSettings
from hf_bigru_asr.model.word_search_bigru_ctc import load_word_search
from hf_bigru_asr.runtime.decoding import load_decoder
from hf_bigru_asr.runtime.model_files import ModelFiles
from hf_bigru_asr.runtime.parts import cut_in_pauses
from hf_bigru_asr.runtime.recognizer import OnnxRecognizer

pytestmark = needs_node

LM = CHECKPOINT_DIR / "language_model"
SAMPLES = REPOSITORY / "tests" / "data" / "samples"
NUM_FOUND = 5
SENTENCES = [
    "THEREFORE HER MAJESTY PAID NO ATTENTION TO ANYONE AND NO ONE PAID ANY ATTENTION TO HER",
    "AND THE OLD MAN WENT OUT OF THE HOUSE",
    "THE NOSUCHWORD OF THE THE THE",
    "Q~ U$",
]
SETTINGS = [
    {"beam_size": 100, "beam_threshold": 11.0, "lm_weight": 2.25},
    {"beam_size": 7, "beam_threshold": 30.0, "beam_size_token": 3},
    {"beam_size": 50, "log_add": False, "word_score": 1.0, "beam_size_token": None},
]
FRAME_COUNTS = [1, 14_285, 14_286, 30_000, 171_429]
WORDS = [
    ("IN", 0.1, 0.25),
    ("THE", 0.3, 0.4),
    ("NOTWITHSTANDING", 0.5, 1.5),
    ("AUTHORITY", 1.6, 2.0),
    ("OF", 4.0, 4.2),
]


def encoded(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode()


def log_probs(text: str, seed: int, pause: int = 0) -> np.ndarray:
    """Log-probabilities of a network that is unsure of a text.

    Args:
        text: Over the alphabet.
        seed: Of the noise.
        pause: Frames of blanks in its middle.
    """
    labels = [SYMBOLS.index("|" if char == " " else char) for char in text]
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    frames = framed(labels[: len(labels) // 2], draw) + [0] * pause + framed(labels[len(labels) // 2 :], draw)
    logits = rng.gumbel(size=(len(frames), len(SYMBOLS))).astype(np.float32)
    logits[np.arange(len(frames)), frames] += 6.0
    logits -= np.log(np.exp(logits).sum(-1, keepdims=True))
    return logits


def cases_of_cuts() -> list[dict[str, Any]]:
    """Recordings of few letters, in pieces."""
    cases = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        frames = rng.gumbel(size=(300, len(SYMBOLS))).astype(np.float32)
        frames[:, 0] += 4 if seed % 2 else 0
        frames[:, 1] += 2
        frames[100:130, 0] += 20 * (seed % 3)
        edges = [0, *sorted(rng.integers(0, 300, 4).tolist()), 300]
        pieces = [frames[begin:end] for begin, end in pairwise(edges)]
        cases.append({"pieces": pieces, "pause_frames": (3, 12, None)[seed % 3], "max_frames": (2, 25, 90)[seed % 3]})
    return cases


@pytest.fixture(scope="module")
def files() -> ModelFiles:
    return ModelFiles(CHECKPOINT_DIR)


@pytest.fixture(scope="module")
def searches() -> list[tuple[dict[str, Any], np.ndarray]]:
    draw = random.Random(0)
    words = sorted(word for word in lexicon_words(LM) if word.isalpha())
    spelled = ["Q", "UITZ", *draw.sample(words, 2)]
    texts = [*SENTENCES[:2], " ".join(draw.sample(words, 6)), " ".join(spelled)]
    found = []
    for number, text in enumerate(texts):
        scores = log_probs(f"{text} ", number)
        found += [(SETTINGS[(number + 1) % 3], scores), (SETTINGS[0], scores)]
    return found


@pytest.fixture(scope="module")
def utterances() -> list[np.ndarray]:
    """Real speech, spelled text with a pause, and what has no speech."""
    recognizer = OnnxRecognizer(num_threads=1)
    blank = np.full((60, len(SYMBOLS)), -20.0, dtype=np.float32)
    blank[:, 0] = 0.0
    weak = blank.copy()
    weak[[20, 22, 24], [22, 10, 7]] = 3.0  # THE, which the language model would take
    real = [next(iter(recognizer.log_probs_of_blocks([_samples(name)]))) for name in ("easy.flac", "hard.flac")]
    return [*real, log_probs(SENTENCES[0], 3, pause=200), log_probs("'", 4), blank, weak]


def _samples(name: str) -> np.ndarray:
    import soundfile

    samples: np.ndarray = soundfile.read(SAMPLES / name, dtype="float32")[0]
    return samples


@pytest.fixture(scope="module")
def answers(searches: list[tuple[dict[str, Any], np.ndarray]], utterances: list[np.ndarray]) -> dict[str, Any]:
    questions = {
        "model": str(CHECKPOINT_DIR),
        "ngrams": SENTENCES,
        "searches": [
            {"changes": asdict(BeamSearchSettings(**changes)), "scores": encoded(scores)}
            for changes, scores in searches
        ],
        "utterances": [encoded(each) for each in utterances],
        "cuts": [
            {
                "pieces": [encoded(piece) for piece in case["pieces"]],
                "pauseFrames": case["pause_frames"] or 1e9,
                "maxFrames": case["max_frames"],
            }
            for case in cases_of_cuts()
        ],
        "windows": FRAME_COUNTS,
        "words": [{"text": text, "startS": start_s, "endS": end_s} for text, start_s, end_s in WORDS],
    }
    command = [str(NODE), str(Path(__file__).parents[1] / "support" / "static_decoder.mjs"), str(STATIC / "src")]
    child = subprocess.run(command, input=json.dumps(questions), capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr
    found: dict[str, Any] = json.loads(child.stdout)
    return found


def test_the_n_gram_scores_as_kenlm_does(answers: dict[str, Any]) -> None:
    kenlm = pytest.importorskip("kenlm")
    model = kenlm.Model(str(LM / "lm.binary"))
    for sentence, scores in zip(SENTENCES, answers["ngrams"], strict=True):
        assert scores == [score for score, _, _ in model.full_scores(sentence)]


def test_the_search_finds_the_paths_of_the_package(
    answers: dict[str, Any], searches: list[tuple[dict[str, Any], np.ndarray]], files: ModelFiles
) -> None:
    for (changes, scores), paths in zip(searches, answers["searches"], strict=True):
        find = load_word_search(LM, files.ctc_symbols, BeamSearchSettings(**changes), NUM_FOUND)
        expected = find(scores)
        assert len(paths) == len(expected) > 0
        for (text, score, classes), path in zip(paths, expected, strict=True):
            assert score == pytest.approx(path.score, abs=1e-4)
            assert (text, classes) == (join_units(path.words), path.classes.tolist())


def assert_same(words: list[dict[str, Any]], hypothesis: Hypothesis) -> None:
    assert " ".join(word["text"] for word in words) == hypothesis.text
    for word, expected in zip(words, hypothesis.words, strict=True):
        assert (word["startS"], word["endS"]) == pytest.approx((expected.start_s, expected.end_s))
        assert word["confidence"] == pytest.approx(expected.confidence, abs=1e-5)


@pytest.mark.parametrize("language_model", [None, "own"], ids=["greedy", "with the language model"])
def test_words_times_and_confidences_are_those_of_the_package(
    answers: dict[str, Any], utterances: list[np.ndarray], files: ModelFiles, language_model: str | None
) -> None:
    preset = "fast" if language_model else None
    decoder: Decoder = load_decoder(files, language_model, preset=preset)
    found = answers["decoded" if language_model else "greedy"]
    texts = []
    for words, each in zip(found, utterances, strict=True):
        (hypothesis,) = decoder(each[None])[0]
        assert_same(words, hypothesis)
        texts.append(hypothesis.text)
    assert "ATTENTION TO HER" in texts[0]
    assert texts[4] == ""


def test_recordings_are_cut_where_the_package_cuts_them(answers: dict[str, Any], files: ModelFiles) -> None:
    symbols = files.ctc_symbols
    for case, parts in zip(cases_of_cuts(), answers["cuts"], strict=True):
        given = CTCSymbols(symbols.symbols, symbols.blank, symbols.delimiter, case["pause_frames"])
        expected = [[start, len(frames)] for start, frames in cut_in_pauses(case["pieces"], given, case["max_frames"])]
        assert parts == expected
        assert len(parts) > 1


def test_windows_keep_every_frame_once_and_far_from_their_edges(answers: dict[str, Any]) -> None:
    margin, size = 60 / 0.021, 300 / 0.021
    for num_frames, windows in zip(FRAME_COUNTS, answers["windows"], strict=True):
        kept = [frame for each in windows for frame in range(each["keptStart"], each["keptEnd"])]
        assert kept == list(range(num_frames))
        for each in windows:
            assert 0 <= each["start"] < each["end"] <= num_frames
            assert each["end"] - each["start"] <= size
            assert each["start"] == 0 or each["keptStart"] - each["start"] >= margin
            assert each["end"] == num_frames or each["end"] - each["keptEnd"] >= margin


def test_subtitles_have_few_characters_and_end_in_pauses(answers: dict[str, Any]) -> None:
    assert answers["subtitles"] == (
        "1\n00:00:00,100 --> 00:00:02,000\nIN THE NOTWITHSTANDING AUTHORITY\n\n2\n00:00:04,000 --> 00:00:04,200\nOF\n"
    )


def test_files_of_other_kinds_are_refused(answers: dict[str, Any]) -> None:
    no_model, other_kind, unknown, twice = answers["refusals"]
    assert no_model == other_kind
    assert "build_binary -a 22 -q 8 -b 8 trie" in no_model
    assert "no spelling from the alphabet: NAÏVE" in unknown
    assert "has a word twice" in twice
