"""Objects that threads share give each thread what it would get alone."""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import soundfile
from small_language_model import spelled, write_language_model
from tone_speech import RATE_HZ, speak

from hf_bigru_asr import BiGRUCTCProcessor, BiGRUCTCTokenizer, load_audio, load_recognizer
from hf_bigru_asr.alignment.aligner import Aligner
from hf_bigru_asr.grammar.decoder import GrammarDecoder
from hf_bigru_asr.grammar.grammars import Grammar
from hf_bigru_asr.runtime.recognizer import OnnxRecognizer

TEXTS = ("IT NO", "YOU A", "NO", "A IT I")
HOTWORDS = {"IT NO": 2.0, "YOU A": 1.0, "NO YOU IT": 3.0}
NUM_THREADS = 6

Call = Callable[[Any], object]


@pytest.fixture
def quick_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def runtime(folder: Path, lm: Path) -> Call:
    pytest.importorskip("onnxruntime")
    recognizer = OnnxRecognizer(folder, num_threads=1)
    return lambda text: recognizer.recognize(speak(text)[0])


def runtime_with_hotwords(folder: Path, lm: Path) -> Call:
    pytest.importorskip("onnxruntime")
    # The second half goes layer by layer: it is longer.
    recognizer = OnnxRecognizer(folder, num_threads=1, language_model=lm, hotwords=HOTWORDS, long_s=1.0)
    return lambda text: [each.text for each in recognizer.recognize(speak(text)[0])]


def pipeline(folder: Path, lm: Path) -> Call:
    recognizer = load_recognizer(folder)
    return lambda text: recognizer(speak(text)[0], return_timestamps="word")


def pipeline_with_hotwords(folder: Path, lm: Path) -> Call:
    recognizer = load_recognizer(folder, language_model=lm, decoding={"hotwords": HOTWORDS})
    return lambda text: recognizer(speak(text)[0], return_timestamps="char")


def aligner(folder: Path, lm: Path) -> Call:
    shared = Aligner.from_pretrained(folder)
    return lambda text: shared.align(speak(text)[0], text, sampling_rate=RATE_HZ).words


def processor(folder: Path, lm: Path) -> Call:
    shared = BiGRUCTCProcessor.from_pretrained(folder)

    def call(text: str) -> object:
        batch = shared(audio=speak(text)[0], text=text, sampling_rate=RATE_HZ)
        short = shared.tokenizer(text, truncation=True, max_length=len(text) - 1).input_ids
        longer = shared.tokenizer(text, padding="max_length", max_length=20).input_ids
        return (
            batch["input_features"].tolist(),
            batch["labels"].tolist(),
            shared.decode(batch["labels"][0]),
            short,
            longer,
        )

    return call


def grammar(folder: Path, lm: Path) -> Call:
    pytest.importorskip("kaldi_decoder")
    tokenizer = BiGRUCTCTokenizer()
    symbols = ["" if each == tokenizer.pad_token else each.replace("|", " ") for each in tokenizer.get_vocab()]
    decoder = GrammarDecoder(Grammar.from_phrases(TEXTS), symbols, frame_s=0.02)
    return lambda text: decoder(spelled(text, tokenizer).numpy())


def files(folder: Path, lm: Path) -> Call:
    for text in TEXTS:
        soundfile.write(lm / f"{text}.flac", speak(text)[0], RATE_HZ)
    return lambda text: load_audio(lm / f"{text}.flac").tolist()


@pytest.mark.parametrize(
    "door",
    [runtime, runtime_with_hotwords, pipeline, pipeline_with_hotwords, aligner, processor, grammar, files],
    ids=lambda door: door.__name__,
)
def test_threads_get_what_each_would_get_alone(
    door: Callable[[Path, Path], Call], listener_dir: Path, tmp_path: Path, quick_switches: None
) -> None:
    lm = write_language_model(tmp_path / "lm")
    alone = door(listener_dir, lm)
    expected = [alone(text) for text in TEXTS]
    assert len(set(map(str, expected))) == len(TEXTS)
    shared = door(listener_dir, lm)
    with ThreadPoolExecutor(NUM_THREADS) as threads:
        found = list(threads.map(shared, TEXTS * NUM_THREADS))
    assert found == expected * NUM_THREADS
