"""Many recordings at once, against each alone."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from small_language_model import write_language_model
from transformers import (
    AutomaticSpeechRecognitionPipeline,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    pipeline,
)

from hf_bigru_asr import BiGRUCTCProcessor, BiGRUForCTC
from hf_bigru_asr.model.decoding_bigru_ctc import Hypothesis
from hf_bigru_asr.transcription import network as network_module
from hf_bigru_asr.transcription.batches import (
    BatchRecognizer,
    Recognition,
    _batches_of_like_work,
    _windows,
)
from hf_bigru_asr.transcription.network import Network, Recording
from hf_bigru_asr.transcription.recognizer import load_recognizer, transcribe

RATE_HZ = 16_000
SECONDS = [0.5, 0.0, 2.6, 0.02, 1.3, 1.2, 0.9, 3.1, 0.4]


@pytest.fixture
def recordings(tmp_path: Path) -> list[Path]:
    """Noise of several lengths, rates and formats; the second file is empty."""
    rng = np.random.default_rng(0)
    paths = []
    for number, seconds in enumerate(SECONDS):
        path = tmp_path / f"{number}.{('wav', 'flac', 'ogg')[number % 3]}"
        rate_hz = (RATE_HZ, 48_000)[number % 2]
        if seconds:
            soundfile.write(path, 0.1 * rng.standard_normal(int(seconds * rate_hz)), rate_hz)
        else:
            path.touch()
        paths.append(path)
    return paths


class Watch:
    """A model of another runtime: it is called in the same way, shows no layers, and keeps the shapes."""

    def __init__(self, model: BiGRUForCTC) -> None:
        self.model = model
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, input_features: torch.Tensor, attention_mask: torch.Tensor) -> SimpleNamespace:
        self.shapes.append(tuple(input_features.shape))
        return SimpleNamespace(logits=self.model(input_features, attention_mask=attention_mask).logits.numpy())


@pytest.fixture
def make(tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor) -> Callable[..., BatchRecognizer]:
    def make(model: object = tiny_model, **options: float) -> BatchRecognizer:
        decoder = processor.greedy_decoder()
        return BatchRecognizer(model, processor.feature_extractor, processor.tokenizer, decoder, **options)  # type: ignore[arg-type]

    return make


def texts(results: list[Recognition]) -> list[str | None]:
    return [result.hypotheses[0].text if result.error is None else None for result in results]


@pytest.mark.parametrize("num_workers", [1, 3])
@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 1},
        {"batch_size": 3},
        {"batch_size": 100},
        {"batch_s": 2.0},
        {"batch_s": 0.01, "batch_size": 2},
        {"long_s": 1.0},
        {"long_s": 0.001},
    ],
    ids=str,
)
def test_nothing_changes_the_results(
    options: dict[str, float],
    num_workers: int,
    make: Callable[..., BatchRecognizer],
    recordings: list[Path],
    processor: BiGRUCTCProcessor,
    tiny_model: BiGRUForCTC,
) -> None:
    results = list(make(num_workers=num_workers, **options).recognize(recordings))

    assert [result.source for result in results] == recordings
    assert [result.error is None for result in results] == [seconds > 0 for seconds in SECONDS]
    assert "1.flac" in str(results[1].error)
    assert [result.duration_s for result in results] == pytest.approx(SECONDS)
    alone = next(iter(make().recognize([recordings[7]])))
    times = [
        [(span.char, span.start_s, span.end_s) for span in each.hypotheses[0].characters]
        for each in (results[7], alone)
    ]
    assert times[0] == times[1]
    waveform, _ = soundfile.read(recordings[4], dtype="float32")
    with torch.no_grad():
        ids = tiny_model(**processor(audio=waveform, sampling_rate=RATE_HZ)).logits.argmax(-1)
    assert texts(results)[4] == processor.batch_decode(ids)[0]
    assert texts(results) == [texts(list(make().recognize([path])))[0] for path in recordings]


def test_batches_are_of_like_length_and_bounded(
    make: Callable[..., BatchRecognizer], recordings: list[Path], tiny_model: BiGRUForCTC
) -> None:
    watch = Watch(tiny_model)
    results = list(make(watch, batch_s=4.0, batch_size=3, long_s=0.01).recognize(recordings))
    # Six recordings are the first window, by falling length 130, 65, 60, 25 and 1 frames, and then 155, 45 and 20
    # remain; 200 frames of a batch at the most, and none larger than it has to be.
    assert [shape[:2] for shape in watch.shapes] == [(1, 130), (2, 65), (2, 25), (1, 155), (2, 45)]
    assert texts(results) == texts(list(make().recognize(recordings)))


@pytest.mark.parametrize("num_threads", [1, 2, 3])
def test_threads_get_batches_of_like_work(num_threads: int) -> None:
    lengths = dict(enumerate(np.random.default_rng(0).integers(60, 600, 100).tolist()))
    batches = _batches_of_like_work(lengths, 32, 10_000, num_threads)
    assert sorted(key for batch in batches for key in batch) == sorted(lengths)
    work = [len(batch) * max(lengths[key] for key in batch) for batch in batches]
    assert len(batches) % num_threads == 0
    assert max(work) <= 10_000
    assert min(work) > 0.8 * max(work)
    # Two utterances of three seconds fit into one batch, which has all threads.
    assert _batches_of_like_work({0: 100, 1: 90}, 32, 10_000, num_threads) == [[0, 1]]


def test_windows_grow(recordings: list[Path]) -> None:
    found = [Recording(recordings[0], duration_s) for duration_s in [1.0] * 60 + [0.1] * 100]
    sizes = [len(window) for window in _windows(found, 2.0, 3)]
    # Two batches of two seconds, four, eight, sixteen, sixteen; and of three recordings each where they are short.
    assert sizes == [4, 8, 16, 32, 48, 48, 4]


def test_windows_bound_what_waits(
    make: Callable[..., BatchRecognizer], recordings: list[Path], tiny_model: BiGRUForCTC
) -> None:
    taken = 0

    def sources() -> Iterator[Path]:
        nonlocal taken
        for _ in range(80):
            taken += 1
            yield recordings[0]

    watch = Watch(tiny_model)
    results = make(watch, batch_size=1, batch_s=0.5).recognize(sources())
    next(results)
    # Two recordings are the first window, and the network has the next one, of four, already. Beside them what takes
    # up eight seconds is read, a second each, and what a thread has in hand.
    assert 2 <= len(watch.shapes) <= 6
    assert taken <= 2 + 4 + 9 + 1
    for number, _ in enumerate(results, 2):
        assert taken <= number + 16 + 16 + 9 + 1
    assert number == 80


def test_hypotheses_are_made_when_they_are_asked_for(
    make: Callable[..., BatchRecognizer], recordings: list[Path]
) -> None:
    recognizer = make()
    decode, num_decoded = recognizer.decoder, 0

    def count(log_probs: torch.Tensor, lengths: torch.Tensor | None = None) -> list[list[Hypothesis]]:
        nonlocal num_decoded
        num_decoded += 1
        return decode(log_probs, lengths)

    results = replace(recognizer, decoder=count).recognize(recordings[:1] * 9)  # type: ignore[arg-type]
    assert [num_decoded for _ in results] == list(range(1, 10))


def test_torch_starts_no_threads_for_those_that_read(
    make: Callable[..., BatchRecognizer], recordings: list[Path], monkeypatch: pytest.MonkeyPatch, two_threads: None
) -> None:
    threads = []
    iterate = network_module.iterate_audio

    def watched(*arguments: Any, **options: Any) -> Iterator[np.ndarray]:
        threads.append((threading.current_thread(), torch.get_num_threads()))
        return iterate(*arguments, **options)

    monkeypatch.setattr(network_module, "iterate_audio", watched)
    list(make(num_workers=2).recognize(recordings))
    assert {count for _, count in threads} == {1}
    assert threading.main_thread() not in [thread for thread, _ in threads]
    assert torch.get_num_threads() == 2


def test_long_recordings_run_when_it_is_their_turn(
    make: Callable[..., BatchRecognizer], recordings: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = 0
    run_long = Network.run_long

    def watched(*arguments: Any) -> object:
        nonlocal runs
        runs += 1
        return run_long(*arguments)

    monkeypatch.setattr(Network, "run_long", watched)
    results = make(long_s=0.1, batch_size=3).recognize(recordings[:1] * 20)
    for number, _ in enumerate(results):
        assert runs == number + 1
    assert runs == 20


def test_what_is_read_of_a_long_recording_counts(
    make: Callable[..., BatchRecognizer], recordings: list[Path], tiny_model: BiGRUForCTC
) -> None:
    taken = 0

    def sources() -> Iterator[Path]:
        nonlocal taken
        for _ in range(30):
            taken += 1
            yield recordings[7]

    next(make(long_s=2.0, batch_s=1.0).recognize(sources()))
    # Windows of two and of four seconds, sixteen seconds that are ready, and what a thread has in hand.
    assert taken <= 1 + 2 + 9 + 1


def test_a_recording_that_breaks_off_behind_its_first_blocks(
    make: Callable[..., BatchRecognizer], recordings: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hf_bigru_asr.audio.sound_files._BLOCK_FRAMES", 1_000)
    cut = recordings[0].with_name("cut.flac")
    soundfile.write(cut, 0.1 * np.random.default_rng(0).standard_normal(5 * RATE_HZ), RATE_HZ)
    cut.write_bytes(cut.read_bytes()[:100_000])
    results = list(make(long_s=0.2).recognize([recordings[0], cut, recordings[2]]))
    assert [result.error is None for result in results] == [True, False, True]
    assert "cut.flac" in str(results[1].error)
    assert results[1].duration_s == 0


@pytest.mark.parametrize("name", ["batch_size", "batch_s", "num_workers", "long_s"])
def test_impossible_numbers_are_refused(name: str, make: Callable[..., BatchRecognizer]) -> None:
    with pytest.raises(ValueError, match=f"{name} is 0; it must be positive"):
        make(**{name: 0})


# The same as the stock pipeline


@pytest.mark.parametrize("unit", ["char", "word"])
def test_the_stock_pipeline_gives_the_same(model_dir: Path, recordings: list[Path], unit: str) -> None:
    recognizer = load_recognizer(model_dir, device="cpu")
    for long_s in (100.0, 0.3):
        found = list(transcribe(recognizer, recordings, long_s=long_s, return_timestamps=unit))
        for number in (0, 2, 4):
            waveform, rate_hz = soundfile.read(recordings[number], dtype="float32")
            expected = recognizer({"raw": waveform, "sampling_rate": rate_hz}, return_timestamps=unit)
            assert found[number].text == expected["text"]
            assert [chunk["text"] for chunk in found[number].chunks] == [each["text"] for each in expected["chunks"]]
            times = np.array([chunk["timestamp"] for chunk in found[number].chunks])
            np.testing.assert_allclose(times, [each["timestamp"] for each in expected["chunks"]], atol=1e-9)


def test_a_model_of_another_make_goes_through_the_pipeline(
    recordings: list[Path], processor: BiGRUCTCProcessor
) -> None:
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    layers = {"conv_dim": (8, 8), "conv_stride": (160, 2), "conv_kernel": (400, 3), "num_conv_pos_embedding_groups": 2}
    torch.manual_seed(0)
    model = Wav2Vec2ForCTC(Wav2Vec2Config(vocab_size=29, pad_token_id=0, **sizes, **layers)).eval()
    extractor = Wav2Vec2FeatureExtractor()
    recognizer = pipeline(
        "automatic-speech-recognition", model=model, tokenizer=processor.tokenizer, feature_extractor=extractor
    )
    paths = [recordings[0], recordings[1], recordings[2]]
    found = list(transcribe(recognizer, paths, batch_size=1))
    assert [each.error is None for each in found] == [True, False, True]
    for number in (0, 2):
        waveform, rate_hz = soundfile.read(paths[number], dtype="float32")
        expected = recognizer({"raw": waveform, "sampling_rate": rate_hz})["text"]
        assert found[number].text == expected != ""


@pytest.fixture
def reader(model_dir: Path) -> AutomaticSpeechRecognitionPipeline:
    """A recogniser with a language model."""
    write_language_model(model_dir / "language_model")
    return load_recognizer(model_dir, language_model="own", device="cpu", decoding={"nbest": 2})


def test_with_a_language_model(reader: AutomaticSpeechRecognitionPipeline, recordings: list[Path]) -> None:
    recordings = recordings[:7]  # the next one has hypotheses of equal score, whose order is left to chance
    found = list(transcribe(reader, recordings, return_timestamps="word"))
    for number in (0, 2, 4):
        waveform, rate_hz = soundfile.read(recordings[number], dtype="float32")
        expected = reader({"raw": waveform, "sampling_rate": rate_hz}, return_timestamps="word")
        assert found[number].text == expected["text"]
        assert found[number].chunks == expected["chunks"]
        assert [each.text for each in found[number].hypotheses] == [each.text for each in expected["hypotheses"]]
    # What is shorter than a part is decoded as it is.
    in_chunks = list(transcribe(reader, recordings, return_timestamps="word", long_s=0.3))
    assert [each.text for each in in_chunks] == [each.text for each in found]


def test_bad_arguments(model_dir: Path, recordings: list[Path]) -> None:
    recognizer = load_recognizer(model_dir, device="cpu")
    with pytest.raises(ValueError, match="return_timestamps is 'words'; it must be 'char', 'word' or None"):
        next(transcribe(recognizer, recordings, return_timestamps="words"))
    with pytest.raises(ValueError, match="stride_length_s is 1; it needs chunk_length_s"):
        next(transcribe(recognizer, recordings, stride_length_s=1))
    with pytest.raises(ValueError, match="num_workers is 0"):
        next(transcribe(recognizer, recordings, num_workers=0))


def threads_of_a_new_thread() -> int:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(torch.get_num_threads).result()


def test_torch_has_its_threads_again_when_nobody_reads_on(
    make: Callable[..., BatchRecognizer], recordings: list[Path], two_threads: None
) -> None:
    results = make(batch_size=1).recognize(recordings)
    next(results)
    results.close()
    assert threads_of_a_new_thread() == torch.get_num_threads() == 2


def test_torch_has_its_threads_again_after_an_error(
    make: Callable[..., BatchRecognizer], recordings: list[Path], two_threads: None
) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("the network is broken")

    model = make().model
    model.forward = broken
    with pytest.raises(RuntimeError, match="the network is broken"):
        list(make(model, batch_size=1).recognize(recordings))
    assert threads_of_a_new_thread() == torch.get_num_threads() == 2


def test_the_chunks_of_the_pipeline(model_dir: Path, recordings: list[Path]) -> None:
    recognizer = load_recognizer(model_dir, device="cpu")
    (found,) = transcribe(recognizer, [recordings[7]], chunk_length_s=1.0, stride_length_s=0.2, batch_size=2)
    waveform, rate_hz = soundfile.read(recordings[7], dtype="float32")
    expected = recognizer({"raw": waveform, "sampling_rate": rate_hz}, chunk_length_s=1.0, stride_length_s=0.2)
    assert found.text == expected["text"]
