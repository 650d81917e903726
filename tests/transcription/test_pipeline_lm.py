"""The processor with a language model, and the pipeline that decodes with it."""

import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from runtime_support import RUNTIME_CASES
from small_language_model import write_language_model
from tone_speech import speak
from transformers import pipeline

from hf_bigru_asr import BiGRUCTCProcessor, BiGRUForCTC
from hf_bigru_asr.evaluation.evaluating import evaluate_utterances
from hf_bigru_asr.model.beam_search_bigru_ctc import BeamSearchDecoder, BeamSearchSettings
from hf_bigru_asr.model.confidence_bigru_ctc import FEATURES, ConfidenceModel
from hf_bigru_asr.model.ctc_output_bigru_ctc import CTCSymbols
from hf_bigru_asr.model.decoding_bigru_ctc import Hypothesis
from hf_bigru_asr.runtime.decoding_pool import BeamSearchPool
from hf_bigru_asr.runtime.parts import cut_in_parts
from hf_bigru_asr.transcription.pipeline import BeamSearchPipeline
from hf_bigru_asr.transcription.recognizer import Transcript, load_recognizer, transcribe


@pytest.fixture
def model_dir(tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path) -> Path:
    tiny_model.save_pretrained(tmp_path / "model")
    processor.save_pretrained(tmp_path / "model")
    write_language_model(tmp_path / "model" / "language_model")
    return tmp_path / "model"


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(int(16_000 * seconds))).astype(np.float32)


def test_the_language_model_travels_with_the_processor(model_dir: Path, tmp_path: Path) -> None:
    processor = BiGRUCTCProcessor.from_pretrained(model_dir)
    assert processor.language_model == model_dir / "language_model"
    processor.save_pretrained(tmp_path / "copy")
    processor.save_pretrained(model_dir)  # where it already is
    for folder in (tmp_path / "copy", model_dir):
        again = BiGRUCTCProcessor.from_pretrained(folder)
        assert again.language_model == folder / "language_model"
        decoder = again.beam_search_decoder(nbest=3)
        assert decoder.settings == BeamSearchSettings(lm_weight=0.5, beam_size=200, nbest=3)
    for path in (model_dir / "language_model").iterdir():
        assert (tmp_path / "copy" / "language_model" / path.name).read_bytes() == path.read_bytes()


def test_without_a_language_model_the_error_says_so(processor: BiGRUCTCProcessor, model_dir: Path) -> None:
    assert processor.language_model is None
    with pytest.raises(ValueError, match=r"came without a language model; name the folder of one that"):
        processor.beam_search_decoder()
    assert processor.beam_search_decoder(model_dir / "language_model").settings.lm_weight == 0.5


def test_decoders_of_the_processor(model_dir: Path, tiny_model: BiGRUForCTC) -> None:
    processor = BiGRUCTCProcessor.from_pretrained(model_dir)
    inputs = processor(audio=[noise(2), noise(1, 1)], sampling_rate=16_000)
    with torch.inference_mode():
        log_probs = tiny_model(**inputs).logits
    lengths = inputs["attention_mask"].sum(-1)
    greedy = [hypotheses[0].text for hypotheses in processor.greedy_decoder()(log_probs, lengths)]
    assert greedy == processor.batch_decode(log_probs.argmax(-1))
    beam = processor.beam_search_decoder()
    assert beam.frame_s == 0.02
    for hypotheses, row, length in zip(beam(log_probs, lengths), log_probs, lengths.tolist(), strict=True):
        (alone,) = beam(row[None, :length])[
            0
        ]  # confidences hang on hypotheses of equal score, not all of which are kept
        assert (hypotheses[0].text, hypotheses[0].characters) == (alone.text, alone.characters)
        assert all(word.start_s < word.end_s <= length * 0.02 for word in hypotheses[0].words)


def test_the_pipeline_decodes_with_it(model_dir: Path, tiny_model: BiGRUForCTC) -> None:
    recognizer = pipeline("automatic-speech-recognition", str(model_dir), pipeline_class=BeamSearchPipeline)
    processor = BiGRUCTCProcessor.from_pretrained(model_dir)
    audio = [noise(3), noise(1, 1), noise(2, 2)]
    outputs = recognizer([{"raw": each, "sampling_rate": 16_000} for each in audio], batch_size=3)
    beam = processor.beam_search_decoder()
    for each, output in zip(audio, outputs, strict=True):
        inputs = processor(audio=each, sampling_rate=16_000)
        with torch.inference_mode():
            (hypothesis,) = beam(tiny_model(**inputs).logits)[0]
        assert output == {"text": hypothesis.text}
        timed = recognizer({"raw": each, "sampling_rate": 16_000}, return_timestamps="word")
        expected = [{"text": word.text, "timestamp": (word.start_s, word.end_s)} for word in hypothesis.words]
        assert timed == {"text": hypothesis.text, "chunks": expected}
    chars = recognizer({"raw": audio[0], "sampling_rate": 16_000}, return_timestamps="char")
    assert "".join(chunk["text"] for chunk in chars["chunks"]) == chars["text"]


def test_chunks_of_a_long_recording(model_dir: Path) -> None:
    recognizer = pipeline("automatic-speech-recognition", str(model_dir), pipeline_class=BeamSearchPipeline)
    pieces = list(recognizer.preprocess({"raw": noise(7), "sampling_rate": 16_000}, chunk_length_s=3))
    frames = 0
    for piece in pieces:
        total, left, right = piece["stride"]
        frames += (total - left - right) // 320
    assert len(pieces) > 2
    assert frames == 350
    text = recognizer({"raw": noise(7), "sampling_rate": 16_000}, chunk_length_s=3, return_timestamps="word")
    assert text["chunks"][-1]["timestamp"][1] <= 7.0
    assert text["chunks"][-1]["timestamp"][1] > 5.0


def test_hypotheses_beside_the_best_one(listener_dir: Path, tmp_path: Path) -> None:
    """With a network that is sure of what it hears: of a random one's hypotheses several score alike by chance."""
    model_dir = shutil.copytree(listener_dir, tmp_path / "model")
    lm = write_language_model(model_dir / "language_model")
    soundfile.write(tmp_path / "a.wav", speak("IT NO YOU")[0], 16_000, subtype="FLOAT")
    found = []
    for language_model in ("own", lm):
        recognizer = load_recognizer(model_dir, language_model=language_model, decoding={"nbest": 3})
        (transcript,) = transcribe(recognizer, [tmp_path / "a.wav"])
        found.append([(hypothesis.text, hypothesis.score) for hypothesis in transcript.hypotheses])
    assert transcript.text == transcript.hypotheses[0].text == "IT NO YOU"
    scores = [score for _, score in found[0]]
    assert len(scores) == 3
    assert scores == sorted(scores, reverse=True)
    assert len({text for text, _ in found[0]}) == 3
    assert [text for text, _ in found[1]] == [text for text, _ in found[0]]
    assert [score for _, score in found[1]] == pytest.approx(scores)


def test_a_calibrated_language_model_gives_confidences(model_dir: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", noise(1.0), 16_000)
    for calibrate in (False, True):
        if calibrate:
            ConfidenceModel((0.0,) * len(FEATURES), 2.0).save(model_dir / "language_model")
            ConfidenceModel((0.0,) * len(FEATURES), -2.0).save(model_dir)
        for language_model, expected in (("own", 1 / (1 + math.exp(-2))), (None, 1 / (1 + math.exp(2)))):
            recognizer = load_recognizer(model_dir, language_model=language_model, device="cpu")
            (transcript,) = transcribe(recognizer, [tmp_path / "a.wav"], return_timestamps="word")
            assert transcript.chunks
            for chunk in transcript.chunks:
                assert chunk.get("confidence") == (pytest.approx(expected) if calibrate else None)


def test_confidence_files_travel_with_the_processor(model_dir: Path, tmp_path: Path) -> None:
    ConfidenceModel((1.0,) * len(FEATURES), 2.0).save(model_dir)
    ConfidenceModel((2.0,) * len(FEATURES), 3.0).save(model_dir / "language_model")
    BiGRUCTCProcessor.from_pretrained(model_dir).save_pretrained(tmp_path / "copy")
    copy = BiGRUCTCProcessor.from_pretrained(tmp_path / "copy")
    assert copy.greedy_decoder().confidence == ConfidenceModel((1.0,) * len(FEATURES), 2.0)
    assert copy.beam_search_decoder().confidence == ConfidenceModel((2.0,) * len(FEATURES), 3.0)


def test_forgotten_confidences_are_neither_used_nor_saved(model_dir: Path, tmp_path: Path) -> None:
    ConfidenceModel((1.0,) * len(FEATURES), 2.0).save(model_dir)
    ConfidenceModel((2.0,) * len(FEATURES), 3.0).save(model_dir / "language_model")
    processor = BiGRUCTCProcessor.from_pretrained(model_dir)
    processor.forget_confidences()
    processor.save_pretrained(tmp_path / "copy")
    for each in (processor, BiGRUCTCProcessor.from_pretrained(tmp_path / "copy")):
        assert each.greedy_decoder().confidence is None
        assert each.beam_search_decoder().confidence is None


@pytest.mark.parametrize("language_model", [None, "own"], ids=["greedy", "language model"])
def test_every_door_has_the_confidences_of_the_processor(
    model_dir: Path, tmp_path: Path, language_model: str | None
) -> None:
    for folder in (model_dir, model_dir / "language_model"):
        ConfidenceModel((0.0,) * len(FEATURES), 2.0).save(folder)
    soundfile.write(tmp_path / "a.wav", noise(1.0), 16_000)
    recognizer = load_recognizer(model_dir, language_model=language_model, device="cpu")
    processor = recognizer.processor
    rows = [{"audio": str(tmp_path / "a.wav"), "text": "A"}]

    def confidences() -> list[list[float | None]]:
        """By `transcribe`, by an evaluation, and with a language model by the pipeline and by processes."""
        decoder = processor.greedy_decoder() if language_model is None else processor.beam_search_decoder()
        (transcript,) = transcribe(recognizer, [tmp_path / "a.wav"], return_timestamps="word")
        (result,) = evaluate_utterances(recognizer.model, processor, rows, decoder=decoder)
        found = [[chunk.get("confidence") for chunk in transcript.chunks], list(result.confidences)]
        if language_model is not None:
            piped = recognizer({"raw": noise(1.0), "sampling_rate": 16_000}, return_timestamps="word")
            found.append([chunk.get("confidence") for chunk in piped["chunks"]])
            found.append([BeamSearchPool.of_decoder(decoder, 2).confidence and 1 / (1 + math.exp(-2))])
        return found

    for each in confidences():
        assert each == [pytest.approx(1 / (1 + math.exp(-2)))] * len(each) != []
    processor.forget_confidences()
    by_transcribe, by_evaluation, *others = confidences()
    assert all(each == [None] * len(each) != [] for each in (by_transcribe, *others))
    # What an evaluation has instead is the network's own certainty.
    assert all(abs(each - 1 / (1 + math.exp(-2))) > 0.01 for each in by_evaluation)


def test_a_pipeline_without_a_processor_knows_no_confidences(model_dir: Path, tmp_path: Path) -> None:
    """Its weights may be others than those that lie where its model once came from."""
    ConfidenceModel((0.0,) * len(FEATURES), 2.0).save(model_dir)
    soundfile.write(tmp_path / "a.wav", noise(1.0), 16_000)
    recognizer = pipeline("automatic-speech-recognition", model=str(model_dir), device="cpu")
    (found,) = transcribe(recognizer, [tmp_path / "a.wav"], return_timestamps="word")
    assert found.chunks
    assert not any("confidence" in chunk for chunk in found.chunks)


class Watch:
    """A beam search that remembers the lengths of what it decodes."""

    def __init__(self, decoder: BeamSearchDecoder) -> None:
        self.decode, self.settings, self.confidence = decoder, decoder.settings, None
        self.tokenizer, self.frame_s = decoder.tokenizer, decoder.frame_s
        self.lengths: list[int] = []

    def __call__(self, log_probs: np.ndarray, lengths: np.ndarray | None = None) -> list[list[Hypothesis]]:
        self.lengths += [len(utterance) for utterance in log_probs]
        return self.decode(log_probs, lengths)


def test_the_pipeline_decodes_a_long_recording_in_parts(model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recognizer = pipeline("automatic-speech-recognition", str(model_dir), pipeline_class=BeamSearchPipeline)
    watch = Watch(recognizer.beam_search)
    monkeypatch.setattr("hf_bigru_asr.runtime.parts.MAX_PART_S", 6.0)
    monkeypatch.setattr(recognizer, "beam_search", watch)
    found = recognizer({"raw": noise(13), "sampling_rate": 16_000}, return_timestamps="word")
    parts = watch.lengths
    assert sum(parts) == 13 / watch.frame_s
    assert len(parts) > 2
    assert max(parts) <= 6 / watch.frame_s
    assert " ".join(chunk["text"] for chunk in found["chunks"]) == found["text"]
    assert found["chunks"][-1]["timestamp"][1] > 6


def test_an_evaluation_decodes_a_long_recording_in_the_same_parts(
    model_dir: Path, tiny_model: BiGRUForCTC, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hf_bigru_asr.runtime.parts.MAX_PART_S", 6.0)
    processor = BiGRUCTCProcessor.from_pretrained(model_dir)
    waveforms = [noise(2), noise(7)]
    watch = Watch(processor.beam_search_decoder(beam_size=5))
    rows = [{"audio": {"array": each, "sampling_rate": 16_000}, "text": "A"} for each in waveforms]
    results = list(evaluate_utterances(tiny_model, processor, rows, batch_size=2, decoder=watch))
    assert [result.error for result in results] == [None, None]
    with torch.inference_mode():
        log_probs = tiny_model(**processor(audio=waveforms[1], sampling_rate=16_000)).logits[0]
    symbols = CTCSymbols.of(processor.tokenizer)
    parts = [part for _, part in cut_in_parts([log_probs.numpy()], symbols, processor.frame_s)]
    assert watch.lengths == [100, *map(len, parts)]
    assert len(parts) > 1


def test_settings_of_a_beam_search_need_a_language_model(model_dir: Path) -> None:
    with pytest.raises(ValueError, match=r"decoding has hotwords, beam_size, .* give language_model= too"):
        load_recognizer(model_dir, decoding={"hotwords": ("A",), "beam_size": 5})


@pytest.mark.parametrize("runtime", RUNTIME_CASES)
def test_every_runtime_decodes_with_it(model_dir: Path, tmp_path: Path, runtime: str) -> None:
    path = tmp_path / "noise.wav"
    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal(16_000), 16_000)

    def transcript_of(name: str) -> Transcript:
        recognizer = load_recognizer(model_dir, language_model="own", runtime=name, device="cpu")
        assert isinstance(recognizer, BeamSearchPipeline)
        return next(transcribe(recognizer, [path], return_timestamps="word"))

    transcript = transcript_of(runtime)

    assert transcript.text
    assert transcript == transcript_of("torch")
