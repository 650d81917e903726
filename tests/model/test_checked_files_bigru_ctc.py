"""JSON files of a model: refused by name when they are broken, out of range, or of different models."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hf_bigru_asr import BiGRUCTCProcessor, bundled_checkpoint
from hf_bigru_asr.model.checked_files_bigru_ctc import check_model_files, library_errors_named, read_model_json
from hf_bigru_asr.runtime.model_files import ModelFiles

NAMES = ("config.json", "processor_config.json", "tokenizer_config.json", "vocab.json")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The JSON files of the model that ships."""
    for name in NAMES:
        (tmp_path / name).write_bytes((bundled_checkpoint() / name).read_bytes())
    return tmp_path


def change(path: Path, value: object, *keys: str) -> None:
    values = json.loads(path.read_text())
    holder = values
    for key in keys[:-1]:
        holder = holder[key]
    holder[keys[-1]] = value
    path.write_text(json.dumps(values))


def test_the_model_that_ships_is_whole(folder: Path) -> None:
    check_model_files(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "Expecting value"),
        (b'{"a": 1', "Expecting ',' delimiter"),
        (b"\xff{}", "codec can't decode"),
        (b'{"a": NaN}', "NaN is no number of JSON"),
        (b'{"a": -Infinity}', "-Infinity is no number of JSON"),
        (b"[1]", "holds a JSON list instead of an object"),
        (b'{"a": ' + b"[" * 100_000, "nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "4300 digits"),
    ],
    ids=["empty", "cut", "bytes", "nan", "infinity", "list", "deep", "long number"],
)
def test_broken_json_is_refused_with_its_file(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "some.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"some\.json is broken: .*{message}"):
        read_model_json(path)


@pytest.mark.parametrize(
    ("name", "keys", "value", "message"),
    [
        ("config.json", ("num_hidden_layers",), 2**63, "num_hidden_layers is a whole number of 64 bits"),
        ("config.json", ("hidden_size",), "256", "hidden_size is '256'; it must be a whole number"),
        ("config.json", ("pad_token_id",), 29, "pad_token_id is 29; it is the CTC blank"),
        ("processor_config.json", ("feature_extractor",), None, "feature_extractor is None; it must be an object"),
        ("processor_config.json", ("feature_extractor", "mel_floor"), 1e999, "Infinity is no number"),
        ("processor_config.json", ("feature_extractor", "prior_std"), [1, None], r"prior_std\[1\] is None"),
        ("processor_config.json", ("feature_extractor", "hop_length"), 2000, "neither may exceed n_fft"),
        ("processor_config.json", ("feature_extractor", "fmax"), 9000, "half the sampling rate"),
        ("tokenizer_config.json", ("word_delimiter_token",), "_", "word_delimiter_token is '_'"),
        ("tokenizer_config.json", ("pad_token",), "|", "are both '|'"),
        ("tokenizer_config.json", ("added_tokens_decoder",), [1], r"added_tokens_decoder is \[1\]"),
        ("tokenizer_config.json", ("pause_frames",), 0.5, "pause_frames is 0.5"),
        ("vocab.json", ("A",), "3", "the id of the symbol A is '3'"),
        ("vocab.json", ("A",), 4, "they must count from 0"),
        # What belongs to another model.
        ("config.json", ("inputs_to_logits_ratio",), 160, "samples per frame 160 against 336"),
        ("config.json", ("num_mel_bins",), 80, "mel bins 80 against 128"),
        ("config.json", ("vocab_size",), 30, "classes 30 against 29"),
        ("config.json", ("pad_token_id",), 1, "class of the blank 1 against 0"),
    ],
)
def test_what_is_wrong_is_named_by_every_door(
    name: str, keys: tuple[str, ...], value: object, message: str, folder: Path
) -> None:
    change(folder / name, value, *keys)

    def light() -> object:
        files = ModelFiles(folder)
        return files.feature_settings, files.ctc_symbols

    doors: list[Callable[[], object]] = [
        lambda: check_model_files(folder),
        light,
        lambda: BiGRUCTCProcessor.from_pretrained(folder),
    ]
    for door in doors:
        with pytest.raises(ValueError, match=message) as caught:
            door()
        assert name in str(caught.value)


def test_symbols_that_were_added_count(folder: Path) -> None:
    token = json.loads((folder / "tokenizer_config.json").read_text())["added_tokens_decoder"]["1"]
    change(folder / "tokenizer_config.json", {**token, "content": "Ä"}, "added_tokens_decoder", "29")
    with pytest.raises(ValueError, match="classes 29 against 30"):
        check_model_files(folder)
    change(folder / "config.json", 30, "vocab_size")
    check_model_files(folder)
    assert ModelFiles(folder).symbols[-2:] == ["Z", "Ä"]


def test_a_model_of_another_type_is_not_looked_at(folder: Path) -> None:
    change(folder / "config.json", "wav2vec2", "model_type")
    change(folder / "config.json", "many", "hidden_size")
    check_model_files(folder)


def test_errors_of_the_library_get_a_name() -> None:
    with (
        pytest.raises(ValueError, match=r"^MODEL cannot be loaded: TypeError: unhashable"),
        library_errors_named("MODEL"),
    ):
        raise TypeError("unhashable type: 'list'")
    for error in (OSError("disk"), RuntimeError("CUDA out of memory"), MemoryError()):
        with pytest.raises(type(error)) as caught, library_errors_named("MODEL"):
            raise error
        assert caught.value is error
