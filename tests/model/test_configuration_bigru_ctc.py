import json
from collections.abc import Callable
from pathlib import Path

import pytest
from transformers import AutoConfig

from hf_bigru_asr import BiGRUCTCConfig, BiGRUForCTC

# The network of the original design, under the names that transformers uses.
DESIGN = {
    "model_type": "bigru_ctc",
    "vocab_size": 29,
    "num_mel_bins": 128,
    "hidden_size": 256,
    "num_hidden_layers": 3,
    "hidden_dropout": 0.1,
    "pad_token_id": 0,
    "inputs_to_logits_ratio": 320,
}


def test_defaults_are_the_design() -> None:
    values = BiGRUCTCConfig().to_dict()
    assert {name: values[name] for name in DESIGN} == DESIGN


def test_round_trip_through_json(tmp_path: Path) -> None:
    changed = {
        "vocab_size": 31,
        "num_mel_bins": 80,
        "hidden_size": 16,
        "num_hidden_layers": 5,
        "hidden_dropout": 0.25,
        "pad_token_id": 4,
        "ctc_loss_reduction": "sum",
        "ctc_zero_infinity": False,
        "inputs_to_logits_ratio": 160,
        "apply_spec_augment": False,
        "mask_time_prob": 0.5,
        "mask_time_length": 7,
        "mask_time_min_masks": 1,
        "mask_feature_prob": 0.3,
        "mask_feature_length": 3,
        "mask_feature_min_masks": 2,
    }
    BiGRUCTCConfig(**changed).save_pretrained(tmp_path)
    written = json.loads((tmp_path / "config.json").read_text())
    loaded = BiGRUCTCConfig.from_pretrained(tmp_path)
    for name, value in changed.items():
        assert written[name] == value
        assert getattr(loaded, name) == value


def test_defaults_are_written_too(tmp_path: Path) -> None:
    BiGRUCTCConfig().save_pretrained(tmp_path)
    written = json.loads((tmp_path / "config.json").read_text())
    assert {name: written[name] for name in DESIGN} == DESIGN
    assert written["auto_map"]["AutoConfig"] == "configuration_bigru_ctc.BiGRUCTCConfig"


def test_auto_config_loads_it(tmp_path: Path) -> None:
    BiGRUCTCConfig(hidden_size=12).save_pretrained(tmp_path)
    config = AutoConfig.from_pretrained(tmp_path)
    assert type(config) is BiGRUCTCConfig
    assert config.hidden_size == 12


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param({"vocab_size": 0}, "vocab_size is 0; it must be a whole number, at least 1", id="vocab"),
        pytest.param({"num_mel_bins": 0}, "num_mel_bins is 0", id="mels"),
        pytest.param({"hidden_size": -1}, "hidden_size is -1", id="hidden"),
        pytest.param({"num_hidden_layers": 0}, "num_hidden_layers is 0", id="layers"),
        pytest.param({"inputs_to_logits_ratio": 0}, "inputs_to_logits_ratio is 0", id="ratio"),
        pytest.param({"mask_time_length": 0}, "mask_time_length is 0", id="time-length"),
        pytest.param({"mask_feature_length": 0}, "mask_feature_length is 0", id="feature-length"),
        pytest.param({"hidden_dropout": 1.5}, r"hidden_dropout is 1.5; it must be a finite number", id="dropout"),
        pytest.param({"mask_time_prob": -0.1}, r"mask_time_prob is -0.1", id="time-prob"),
        pytest.param({"mask_feature_prob": 2}, "mask_feature_prob is 2", id="feature-prob"),
        pytest.param({"pad_token_id": 29}, r"pad_token_id is 29.*29 classes \(0 to 28\)", id="blank-too-high"),
        pytest.param({"pad_token_id": -1}, "pad_token_id is -1", id="blank-negative"),
        pytest.param({"pad_token_id": None}, "pad_token_id is None", id="no-blank"),
        pytest.param({"ctc_loss_reduction": "none"}, "'none'; it must be one of 'mean', 'sum'", id="reduction"),
    ],
)
def test_bad_values_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BiGRUCTCConfig(**values)


@pytest.mark.parametrize("values", [{"hidden_size": "many"}, {"ctc_zero_infinity": 2.5}, {"mask_time_prob": "a lot"}])
def test_bad_types_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(Exception, match=next(iter(values))):
        BiGRUCTCConfig(**values)


# Settings of training that were fields once

FORMER = {
    "consistency_weight": 0.2,
    "ctc_label_smoothing": 0.05,
    "intermediate_ctc_layer": 2,
    "intermediate_ctc_weight": 0.3,
    "mmi_weight": 1.0,
    "mwer_scale": 0.5,
    "mwer_weight": 1.0,
    "word_delimiter_token_id": 1,
    "word_error_temperature": 0.5,
    "word_error_weight": 1.0,
}


@pytest.fixture
def former_dir(tiny_model: BiGRUForCTC, tmp_path: Path) -> Path:
    """A model whose file is of before 0.1.0."""
    tiny_model.save_pretrained(tmp_path / "former")
    path = tmp_path / "former" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | FORMER))
    return tmp_path / "former"


@pytest.mark.parametrize(
    "load",
    [
        BiGRUCTCConfig.from_pretrained,
        AutoConfig.from_pretrained,
        lambda folder: BiGRUCTCConfig.from_json_file(folder / "config.json"),
        lambda folder: BiGRUForCTC.from_pretrained(folder).config,
    ],
    ids=["class", "auto", "file", "model"],
)
def test_former_fields_are_left_out(load: Callable[[Path], BiGRUCTCConfig], former_dir: Path, tmp_path: Path) -> None:
    config = load(former_dir)
    assert type(config) is BiGRUCTCConfig
    assert config.hidden_size == 8
    assert not any(hasattr(config, name) for name in FORMER)
    config.save_pretrained(tmp_path / "saved")
    assert not FORMER.keys() & json.loads((tmp_path / "saved" / "config.json").read_text()).keys()


@pytest.mark.parametrize("name", FORMER)
def test_former_fields_are_refused_of_callers(name: str, former_dir: Path) -> None:
    message = f"{name} is not a field of BiGRUCTCConfig any more.*CTCTrainingArguments"
    for make in (
        lambda **values: BiGRUCTCConfig(**values),
        lambda **values: AutoConfig.from_pretrained(former_dir, **values),
        lambda **values: BiGRUForCTC.from_pretrained(former_dir, **values),
    ):
        with pytest.raises(ValueError, match=message):
            make(**{name: FORMER[name]})


def test_what_a_caller_changes_is_checked_too(former_dir: Path) -> None:
    model = BiGRUForCTC.from_pretrained(former_dir, hidden_dropout=0.4)
    assert (model.config.hidden_dropout, model.bigru.dropout.p) == (0.4, 0.4)
    with pytest.raises(ValueError, match=r"hidden_dropout is 1.5; it must be a finite number"):
        BiGRUForCTC.from_pretrained(former_dir, hidden_dropout=1.5)
    config, unused = BiGRUCTCConfig.from_pretrained(former_dir, hidden_dropout=0.4, x=1, return_unused_kwargs=True)
    assert (config.hidden_dropout, unused) == (0.4, {"x": 1})
