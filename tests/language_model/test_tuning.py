import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from test_decoding import FRAME_S, folder, log_probs, tokenizer  # noqa: F401 - fixtures

from hf_bigru_asr import BiGRUCTCTokenizer
from hf_bigru_asr.evaluation import plots
from hf_bigru_asr.evaluation.plots import plot_learning_curve, plot_speed, plot_tuning
from hf_bigru_asr.language_model.tuning import mean_posteriors, outside_lexicon_figures, tune_decoding
from hf_bigru_asr.metrics import word_error_counts
from hf_bigru_asr.model.beam_search_bigru_ctc import BeamSearchDecoder, BeamSearchSettings
from hf_bigru_asr.model.confidence_bigru_ctc import FEATURES, ConfidenceModel
from hf_bigru_asr.transcription.decoding_pool import BeamSearchPool


@pytest.mark.slow
def test_processes_decode_what_one_decoder_decodes(folder: Path, tokenizer: BiGRUCTCTokenizer) -> None:  # noqa: F811
    utterances = [log_probs(seed, 5 + seed) for seed in range(6)]
    settings = BeamSearchSettings(lm_weight=1.0, nbest=2)
    decoder = BeamSearchDecoder(folder, tokenizer, FRAME_S, settings)
    alone = [decoder(utterance[None])[0] for utterance in utterances]
    references = [hypotheses[0].text for hypotheses in alone]
    with BeamSearchPool.of_decoder(decoder, num_workers=2) as pool:
        pool.start()
        batch = torch.nn.utils.rnn.pad_sequence(utterances, batch_first=True)
        assert pool(batch, torch.tensor([len(utterance) for utterance in utterances])) == alone
        decoded = list(pool.decode(utterances, settings))
        assert [hypotheses for hypotheses, _ in decoded] == alone
        assert all(time_s > 0 for _, time_s in decoded)
        trials = list(
            tune_decoding(
                pool,
                utterances,
                references,
                BeamSearchSettings(beam_size=50, class_priors=mean_posteriors(utterances)),
                lm_weights=[0.0, 1.0],
                word_scores=[0.0, -9.0],
                prior_weights=[0.0, 0.5],
                beam_sizes=[400, 50],
            )
        )
        reading = f"{references[0]} ZZ {references[0]}"
        outside = outside_lexicon_figures(pool, utterances, [reading, *references[1:]], trials[4].settings)
    names = ("lm_weight", "word_score", "prior_weight", "beam_size")
    points = [tuple(getattr(trial.settings, name) for name in names) for trial in trials]
    assert points[:8] == list(itertools.product([0.0, 1.0], [0.0, -9.0], [0.0, 0.5], [50]))
    # The references are what these weights give.
    assert points[8:] == [(1.0, 0.0, 0.0, 400)]
    assert trials[4].wer == trials[4].cer == 0
    for trial in trials:
        one = BeamSearchDecoder(folder, tokenizer, FRAME_S, trial.settings)
        texts = [one(utterance[None])[0][0].text for utterance in utterances]
        assert trial.wer == word_error_counts(references, texts).error_rate
        assert json.loads(json.dumps(trial.as_dict()))["beam_size"] == trial.settings.beam_size
    # The other readings are right, and some have words that were spelled.
    entries = {line.split()[0] for line in (folder / "lexicon.txt").read_text().splitlines()}
    foreign = [[word for word in text.split() if word not in entries] for text in (reading, *references[1:])]
    assert "ZZ" in foreign[0]
    assert outside["num_utterances"] == sum(map(bool, foreign))
    num_said = sum(map(len, foreign))
    assert (outside["num_said"], outside["num_found"]) == (num_said, num_said - 1)
    plot_tuning(trials, 50, folder / "tuning.png")
    assert (folder / "tuning.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_processes_of_a_decoder_without_confidences_have_none(
    folder: Path,  # noqa: F811
    tokenizer: BiGRUCTCTokenizer,  # noqa: F811
) -> None:
    ConfidenceModel((0.0,) * len(FEATURES), 2.0).save(folder)
    decoder = BeamSearchDecoder(folder, tokenizer, FRAME_S, confidence=None)
    utterance = log_probs(0, 9)
    alone = decoder(utterance[None])
    assert decoder.confidence is None
    with BeamSearchPool.of_decoder(decoder, num_workers=1) as pool:
        assert pool.confidence is None
        assert pool(utterance[None]) == alone
    calibrated = BeamSearchDecoder(folder, tokenizer, FRAME_S)
    assert calibrated.confidence is not None
    assert [word.confidence for word in calibrated(utterance[None])[0][0].words] != [
        word.confidence for word in alone[0][0].words
    ]


def test_mean_posteriors() -> None:
    utterances = [torch.tensor([[0.25, 0.75, 0.0]]).log(), torch.tensor([[0.5, 0.5, 0.0], [0.3, 0.7, 0.0]]).log()]
    assert mean_posteriors(utterances) == pytest.approx((0.35, 0.65, 1e-6))


def test_no_workers_are_refused(folder: Path, tokenizer: BiGRUCTCTokenizer) -> None:  # noqa: F811
    with pytest.raises(ValueError, match="num_workers is 0"):
        BeamSearchPool(folder, tokenizer, FRAME_S, num_workers=0)


def test_learning_curve(tmp_path: Path) -> None:
    log = [{"elapsed_s": 9, "loss": 2.0}, {"elapsed_s": 20, "eval_loss": 1.5, "eval_wer": 0.5, "eval_cer": 0.2}, {}]
    plot_learning_curve([log, log], tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures, with their axes, that are drawn in the test."""
    pytest.importorskip("matplotlib")
    figures = []
    draw = plots._new_figure

    def keep(num_axes: int) -> Any:  # noqa: ANN401 - matplotlib's
        figures.append(draw(num_axes))
        return figures[-1]

    monkeypatch.setattr(plots, "_new_figure", keep)
    return figures


@pytest.mark.parametrize(("lowest", "is_zero"), [(0.5, True), (-0.7, False)])
def test_a_loss_below_zero_is_in_the_picture(lowest: float, is_zero: bool, tmp_path: Path, drawn: list[Any]) -> None:
    rates = {"eval_loss": 1.5, "eval_wer": 0.5, "eval_cer": 0.2}
    log = [{"elapsed_s": 9, "loss": 2.0}, {"elapsed_s": 20, "loss": lowest, **rates}]
    plot_learning_curve([log], tmp_path / "curve.png")
    bottom, top = drawn[0][1][0].get_ylim()
    assert (bottom == 0) == is_zero
    assert bottom <= lowest < 2.0 <= top


def test_every_recogniser_is_seen_beside_the_legend(tmp_path: Path, drawn: list[Any]) -> None:
    rows = [
        ("this package, ONNX Runtime", 0.55, 230),
        ("this package, ONNX Runtime, language model", 0.23, 30),
        ("PocketSphinx en-us", 0.3, 4.4),
        ("Whisper-base, faster-whisper int8", 0.05, 4.9),
        ("Whisper-tiny, faster-whisper int8", 0.08, 9.0),
        ("another", 0.45, 20),
        ("one more", 0.4, 9.0),
    ]
    plot_speed(
        [{"name": name, "wer": wer, "real_time_factor": speed} for name, wer, speed in rows], tmp_path / "speed.png"
    )
    figure, (axes,) = drawn[0]
    legend = (figure.legends or [axes.get_legend()])[0]
    extent = legend.get_window_extent()
    assert [text.get_text() for text in legend.get_texts()] == [name for name, _, _ in rows]
    assert figure.bbox.contains(extent.x0, extent.y0)
    assert figure.bbox.contains(extent.x1, extent.y1)
    for _, wer, speed in rows:
        assert not extent.contains(*axes.transData.transform((speed, 100 * wer)))


def test_settings_of_a_folder(folder: Path, tokenizer: BiGRUCTCTokenizer) -> None:  # noqa: F811
    assert BeamSearchDecoder(folder, tokenizer, FRAME_S).settings == BeamSearchSettings()
    (folder / "decoding.json").write_text('{"lm_weight": 1.25, "beam_size": 7}')
    decoder = BeamSearchDecoder(folder, tokenizer, FRAME_S)
    assert decoder.settings == BeamSearchSettings(lm_weight=1.25, beam_size=7)
    assert torch.equal(decoder._with_end(torch.zeros(0, 4))[0, :2], torch.zeros(2))
