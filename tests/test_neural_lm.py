"""The neural language model against the equations of its layer, in numpy."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from hf_bigru_asr.neural_lm import NeuralLanguageModel, train_tokenizer
from hf_bigru_asr.neural_lm_data import PieceDataset, join_sentences

SENTENCES = ["THE CAT SAT ON THE MAT", "THE DOG'S ON THE MAT", "A CAT", "THE CAT AND THE DOG", "A MAT AND A DOG"]
State = tuple[np.ndarray, np.ndarray]


@pytest.fixture
def model() -> NeuralLanguageModel:
    torch.manual_seed(1)
    model = NeuralLanguageModel(train_tokenizer(SENTENCES, 66), embedding_size=5, hidden_size=7)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()  # far from each other, so that an error shows
    return model.eval()


def ids_of(model: NeuralLanguageModel, text: str) -> list[int]:
    return list(model.tokenizer.encode(text, add_special_tokens=False).ids)


def equations(model: NeuralLanguageModel) -> tuple[Callable[[int, State], State], Callable[[State], np.ndarray]]:
    """One step of the layer, and log-probabilities after it, as the papers write them."""
    weights = {name: tensor.numpy().astype(np.float64) for name, tensor in model.state_dict().items()}

    def sigmoid(values: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-values))

    def step(piece: int, state: State) -> State:
        hidden, cell = state
        gates = weights["lstm.weight_ih_l0"] @ weights["embedding.weight"][piece] + weights["lstm.bias_ih_l0"]
        gates += weights["lstm.weight_hh_l0"] @ hidden + weights["lstm.bias_hh_l0"]
        enter, forget, new, leave = gates.reshape(4, -1)
        cell = sigmoid(forget) * cell + sigmoid(enter) * np.tanh(new)
        return weights["lstm.weight_hr_l0"] @ (sigmoid(leave) * np.tanh(cell)), cell

    def log_probs(state: State) -> np.ndarray:
        logits = weights["embedding.weight"] @ state[0] + weights["bias"]
        return np.asarray(logits - np.log(np.exp(logits).sum()))

    return step, log_probs


def by_equations(model: NeuralLanguageModel, rows: Sequence[Sequence[int]], history: int = 99) -> list[float]:
    step, log_probs = equations(model)
    states: dict[tuple[int, ...], State] = {}
    scores = []
    for row in rows:
        state = step(0, (np.zeros(5), np.zeros(7)))
        total = 0.0
        for length, piece in enumerate(row, start=1):
            total += log_probs(state)[piece]
            # The first text with these last pieces decides for all.
            state = states.setdefault(tuple(row[max(length - history, 0) : length]), step(piece, state))
        scores.append(total + log_probs(state)[0])
    return scores


def test_scores_are_those_of_the_equations(model: NeuralLanguageModel) -> None:
    texts = ["THE CAT SAT", "THE CAT", "", "QUEEQUEG'S DOG", "THE CAT SAT", "A DOG AND A CAT AND A DOG"]
    expected = by_equations(model, [ids_of(model, text) for text in texts])
    assert model.score(texts) == pytest.approx(expected, rel=1e-4)
    assert [model.score([text])[0] for text in texts] == pytest.approx(expected, rel=1e-4)
    assert model.score([]) == []


@pytest.mark.parametrize("history", [1, 2, 4])
def test_texts_with_the_same_last_pieces_go_on_from_one_state(model: NeuralLanguageModel, history: int) -> None:
    texts = ["THE CAT SAT ON THE MAT", "A CAT SAT ON THE MAT", "A CAT SAT ON A MAT AND ON THE MAT"]
    rows = [ids_of(model, text) for text in texts]
    scores = model.score(texts, history_pieces=history)
    assert scores == pytest.approx(by_equations(model, rows, history), rel=1e-4)
    exact = model.score(texts)
    assert abs(scores[1] - exact[1]) > 1e-3
    # Nothing is shared that is not the same.
    assert model.score(texts, history_pieces=99) == pytest.approx(exact)


def test_perplexity_is_per_word_and_end(model: NeuralLanguageModel) -> None:
    total = sum(by_equations(model, [ids_of(model, text) for text in SENTENCES[:2]]))
    assert model.perplexity(SENTENCES[:2]) == pytest.approx(np.exp(-total / (6 + 5 + 2)), rel=1e-4)


def test_loss_is_the_mean_over_pieces_and_ends(model: NeuralLanguageModel) -> None:
    dataset = PieceDataset.of_sentences(SENTENCES, model.tokenizer)
    rows = [dataset[number]["input_ids"].tolist() for number in range(len(dataset))]
    assert rows == [ids_of(model, text) for text in SENTENCES]
    loss = model(**model.collate([dataset[number] for number in range(len(dataset))]))["loss"]
    assert loss.item() == pytest.approx(-sum(by_equations(model, rows)) / sum(len(row) + 1 for row in rows), rel=1e-4)


def test_the_tokenizer_can_write_every_word(model: NeuralLanguageModel) -> None:
    text = "THE QUICK BROWN FOX'S JUMP OVER LAZY DOGS ZEPHYR VEX"
    encoding = model.tokenizer.encode(text, add_special_tokens=False)
    assert "".join(encoding.tokens).replace("_", " ").strip() == text
    assert 0 not in encoding.ids
    assert "_THE" in encoding.tokens
    with pytest.raises(ValueError, match="vocab_size is 30; it must be above 56"):
        train_tokenizer(SENTENCES, 30)


def test_it_is_written_in_eight_bits_and_read_again(model: NeuralLanguageModel, tmp_path: Path) -> None:
    model.record = {"loss": 1.5}
    model.save(tmp_path / "lm.safetensors")
    again = NeuralLanguageModel.from_file(tmp_path / "lm.safetensors")
    assert again.record == {"loss": 1.5}
    for name, tensor in model.state_dict().items():
        steps = tensor.abs().amax(-1, keepdim=True) / 127 if tensor.dim() > 1 else torch.zeros(())
        assert ((again.state_dict()[name] - tensor).abs() <= 0.5001 * steps).all(), name
    assert load_file(tmp_path / "lm.safetensors")["lstm.weight_ih_l0"].dtype == torch.int8
    again.save(tmp_path / "again.safetensors")
    once_more = NeuralLanguageModel.from_file(tmp_path / "again.safetensors")
    assert once_more.score(SENTENCES) == again.score(SENTENCES)
    assert again.score(SENTENCES) == pytest.approx(model.score(SENTENCES), rel=0.05)


def test_what_is_no_such_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "neural_lm.safetensors"
    with pytest.raises(FileNotFoundError, match=r"does not exist; scripts/train_neural_lm\.py writes"):
        NeuralLanguageModel.from_file(path)
    path.write_bytes(b"something else")
    with pytest.raises(ValueError, match="is broken: "):
        NeuralLanguageModel.from_file(path)
    save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match=r"is not a neural language model; scripts/train_neural_lm\.py"):
        NeuralLanguageModel.from_file(path)


def test_sentences_are_joined_to_the_next_ones() -> None:
    sentences = [f"S{number}" for number in range(2000)]
    joined = list(join_sentences(sentences, 0.4, np.random.default_rng(1)))
    assert " ".join(joined).split() == sentences
    assert len(joined) == pytest.approx(1200, abs=60)
    assert joined == list(join_sentences(iter(sentences), 0.4, np.random.default_rng(1)))
    assert list(join_sentences(sentences, 0.0, np.random.default_rng(1))) == sentences
    with pytest.raises(ValueError, match=r"probability is 1\.0; it must be from 0 to below 1"):
        join_sentences(sentences, 1.0, np.random.default_rng(1))


def test_long_sentences_stand_in_several_rows(model: NeuralLanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hf_bigru_asr.neural_lm_data._MAX_PIECES", 4)
    monkeypatch.setattr("hf_bigru_asr.neural_lm_data._SENTENCES_AT_ONCE", 2)
    dataset = PieceDataset.of_sentences(iter(SENTENCES), model.tokenizer)
    rows = [dataset[number]["input_ids"].tolist() for number in range(len(dataset))]
    expected = [ids_of(model, text) for text in SENTENCES]
    assert rows == [row[start : start + 4] for row in expected for start in range(0, len(row), 4)]
    assert dataset.num_pieces == sum(map(len, expected))
    assert max(map(len, expected)) > 4
