"""Decoders of a model folder, without torch."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from small_language_model import spelled, write_language_model

from hf_bigru_asr import BiGRUCTCProcessor
from hf_bigru_asr.bundled import bundled_checkpoint
from hf_bigru_asr.model.beam_search_bigru_ctc import BeamSearchDecoder
from hf_bigru_asr.model.ctc_alignment_bigru_ctc import CharacterSpan
from hf_bigru_asr.model.ctc_output_bigru_ctc import CTCSymbols
from hf_bigru_asr.model.decoding_bigru_ctc import GreedyDecoder, Hypothesis
from hf_bigru_asr.runtime.decoding import choose_language_model, load_decoder
from hf_bigru_asr.runtime.model_files import ModelFiles


@pytest.fixture(scope="module")
def folder(listener_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with a language model of its own."""
    folder = tmp_path_factory.mktemp("model") / "listener"
    shutil.copytree(listener_dir, folder)
    write_language_model(folder / "language_model")
    return folder


def essence(hypotheses: list[Hypothesis]) -> list[tuple[str, float, tuple[CharacterSpan, ...]]]:
    """All but the confidences, which hang on hypotheses of equal score, not all of which are kept."""
    return [(each.text, each.score, each.characters) for each in hypotheses]


def test_the_decoders_are_those_of_the_processor(folder: Path) -> None:
    files, processor = ModelFiles(folder), BiGRUCTCProcessor.from_pretrained(folder)
    log_probs = spelled("NO YOU IT A", processor.tokenizer)
    cases: list[tuple[Any, Any]] = [
        (load_decoder(files), processor.greedy_decoder()),
        (load_decoder(files, "own"), processor.beam_search_decoder()),
        (
            load_decoder(files, "own", {"nbest": 3}, ["no you"]),
            processor.beam_search_decoder(nbest=3, hotwords=["NO YOU"]),
        ),
        (load_decoder(files, "own", preset="accurate"), processor.beam_search_decoder(preset="accurate")),
        (load_decoder(files, "own", hotwords={"IT": 2.0}), processor.beam_search_decoder(hotwords={"IT": 2.0})),
    ]
    assert files.ctc_symbols == CTCSymbols.of(processor.tokenizer)
    for decoder, expected in cases:
        assert getattr(decoder, "settings", None) == getattr(expected, "settings", None)
        assert essence(decoder(log_probs.numpy()[None])[0]) == essence(expected(log_probs[None])[0])


def test_a_folder_of_its_own(folder: Path, tmp_path: Path) -> None:
    other = write_language_model(tmp_path / "lm")
    decoder = load_decoder(ModelFiles(folder), other, {"beam_size": 7})
    assert isinstance(decoder, BeamSearchDecoder)
    assert (decoder.folder, decoder.settings.beam_size) == (other, 7)
    assert isinstance(load_decoder(ModelFiles(folder)), GreedyDecoder)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"decoding": {"nbest": 2}},
            ValueError,
            "decoding has nbest, which belong to beam search; give language_model=",
        ),
        ({"preset": "fast"}, ValueError, "decoding has preset, which belong to beam search"),
        ({"language_model": "own", "preset": "fast"}, ValueError, "There is no preset 'fast'"),
        ({"hotwords": ["no"]}, ValueError, "decoding has hotwords, which belong to beam search"),
        (
            {"language_model": "own", "hotwords": "no"},
            TypeError,
            "hotwords is the string 'no'; give a list of phrases",
        ),
        ({"language_model": "own", "decoding": {"beam": 2}}, ValueError, "There is no setting beam of beam search"),
        ({"language_model": "./nowhere"}, FileNotFoundError, r"nowhere/lm\.binary does not exist; give the folder"),
        ({"language_model": 3}, ValueError, "language_model is 3; give the folder of a language model"),
    ],
)
def test_what_is_refused(arguments: dict[str, Any], error: type[Exception], message: str, folder: Path) -> None:
    with pytest.raises(error, match=message):
        load_decoder(ModelFiles(folder), **arguments)


def test_a_model_without_a_language_model_is_named(listener_dir: Path) -> None:
    with pytest.raises(ValueError, match=r"listener.* came without a language model; name the folder of one"):
        load_decoder(ModelFiles(listener_dir), "own")


def test_a_vocabulary_without_the_delimiter_is_refused(listener_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(listener_dir, tmp_path / "model")
    path = tmp_path / "model" / "vocab.json"
    path.write_text(path.read_text().replace('"|"', '"_"'))
    settings = tmp_path / "model" / "tokenizer_config.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"added_tokens_decoder": {}}))
    with pytest.raises(
        ValueError, match=r"word_delimiter_token is '\|', which is not one of the vocabulary's symbols"
    ):
        load_decoder(ModelFiles(tmp_path / "model"))


def test_a_model_is_decoded_with_its_own_language_model_unless_told_otherwise(listener_dir: Path) -> None:
    with_one, without = ModelFiles(bundled_checkpoint()), ModelFiles(listener_dir)
    assert [choose_language_model(with_one, name) for name in (None, "own", "none", "a folder")] == [
        "own",
        "own",
        None,
        "a folder",
    ]
    assert [choose_language_model(without, name) for name in (None, "own", "none")] == [None, "own", None]
