"""What a pool of processes decodes, without the processes: their functions run here."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
import torch
from small_language_model import spelled, write_language_model

from hf_bigru_asr import BiGRUCTCTokenizer
from hf_bigru_asr.model.beam_search_bigru_ctc import BeamSearchDecoder, BeamSearchSettings
from hf_bigru_asr.model.ctc_alignment_bigru_ctc import CharacterSpan
from hf_bigru_asr.model.decoding_bigru_ctc import Hypothesis
from hf_bigru_asr.processes.worker_pool import WorkerPool
from hf_bigru_asr.runtime.decoding_pool import BeamSearchPool, LazyHypotheses, start_decoding
from hf_bigru_asr.runtime.parts import decode_in_parts, decoded_parts

FRAME_S = 0.02


@pytest.fixture
def decoder(tmp_path: Path) -> BeamSearchDecoder:
    folder = write_language_model(tmp_path / "lm")
    settings = BeamSearchSettings(lm_weight=0.5, beam_size=30, nbest=2)
    return BeamSearchDecoder(folder, BiGRUCTCTokenizer(), FRAME_S, settings)


@pytest.fixture
def pool(decoder: BeamSearchDecoder, monkeypatch: pytest.MonkeyPatch) -> Iterator[BeamSearchPool]:
    def submit(_: WorkerPool, function: Callable[..., object], *arguments: object) -> "Future[object]":
        future: Future[object] = Future()
        future.set_result(function(*arguments))
        return future

    monkeypatch.setattr(WorkerPool, "submit", submit)
    with BeamSearchPool.of_decoder(decoder, 3) as pool:
        yield pool


def utterances() -> list[torch.Tensor]:
    tokenizer = BiGRUCTCTokenizer()
    texts = ["IT NO", "IT NO A YOU I NO IT YOU A NO", "A", "I NO IT YOU A"]
    return [*(spelled(text, tokenizer) for text in texts), torch.zeros(0, len(tokenizer))]


def essence(hypotheses: list[Hypothesis]) -> list[tuple[str, float, tuple[CharacterSpan, ...]]]:
    """All but the confidences, which hang on hypotheses of equal score, not all of which are kept."""
    return [(each.text, each.score, each.characters) for each in hypotheses]


def test_long_utterances_are_decoded_in_parts(
    pool: BeamSearchPool, decoder: BeamSearchDecoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hf_bigru_asr.runtime.parts.MAX_PART_S", 1.0)
    expected = [
        essence(
            decode_in_parts(decoder, each, decoder.tokenizer, FRAME_S, nbest=2)
            if len(each)
            else decoder(each[None])[0]
        )
        for each in utterances()
    ]
    decoded = list(pool.decode(utterances()))
    assert [essence(hypotheses) for hypotheses, _ in decoded] == expected
    assert all(time_s > 0 for _, time_s in decoded)
    assert len(pool.submit(utterances()[1]).futures) > 2
    in_one = decoder(utterances()[1][None])[0]
    assert decoded[1][0][0].score != pytest.approx(in_one[0].score, abs=0.1)


def test_parts_are_decoded_while_a_recording_comes(
    pool: BeamSearchPool, decoder: BeamSearchDecoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In order, each with its first second, and with few of them waiting."""
    monkeypatch.setattr("hf_bigru_asr.runtime.parts.MAX_PART_S", 1.0)
    log_probs = torch.cat([utterances()[1]] * 30).numpy()
    pieces = np.array_split(log_probs, 50)
    expected = list(decoded_parts(decoder, pieces, pool._symbols, FRAME_S))
    found = list(pool.decoded_parts(iter(pieces)))
    assert [start_s for start_s, _ in found] == [start_s for start_s, _ in expected]
    assert [each[0].text for _, each in found] == [each[0].text for _, each in expected]

    submitted: list[Future[object]] = []

    def submit_slowly(_: WorkerPool, function: Callable[..., object], *arguments: object) -> "Future[object]":
        assert sum(not future.done() for future in submitted) <= pool._max_ahead
        submitted.append(Future())
        if len(submitted) > 5:
            submitted[len(submitted) - 6].set_result(([Hypothesis("", 0.0, (), ())], 0.0))
        return submitted[-1]

    def stop_at_the_end() -> None:
        if len(submitted) == len(expected):
            raise InterruptedError

    monkeypatch.setattr(WorkerPool, "submit", submit_slowly)
    with pytest.raises(InterruptedError):
        list(pool.decoded_parts(iter(pieces), check=stop_at_the_end))
    assert len(submitted) == len(expected) > 40


def test_settings_of_a_call(pool: BeamSearchPool, decoder: BeamSearchDecoder) -> None:
    settings = BeamSearchSettings(lm_weight=1.0, beam_size=5)
    other = BeamSearchDecoder(decoder.folder, decoder.tokenizer, FRAME_S, settings)
    ((hypotheses, _),) = pool.decode(utterances()[:1], settings)
    assert essence(hypotheses) == essence(other(utterances()[0][None])[0])
    assert len(hypotheses) == 1
    ((hypotheses, _),) = pool.decode(utterances()[:1])
    assert essence(hypotheses) == essence(decoder(utterances()[0][None])[0])
    assert len(hypotheses) == 2


def test_a_pool_starts_at_once_and_a_decoder_when_it_is_asked(
    pool: BeamSearchPool, decoder: BeamSearchDecoder
) -> None:
    pending = start_decoding(pool, utterances()[0], decoder.tokenizer, FRAME_S)
    lazy = start_decoding(decoder, utterances()[0], decoder.tokenizer, FRAME_S)
    assert isinstance(lazy, LazyHypotheses)
    assert pending.is_done
    assert lazy.is_done
    assert essence(pending.result()) == essence(lazy.result())


def test_no_workers_are_refused(decoder: BeamSearchDecoder) -> None:
    with pytest.raises(ValueError, match="num_workers is 0; it must be at least 1"):
        BeamSearchPool.of_decoder(decoder, 0)
