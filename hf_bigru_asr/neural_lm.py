"""A small recurrent language model of word pieces, which tells how likely whole readings are.

An n-gram knows the last few words; what a beam search with one has found, this model weighs anew by all that is said.

Source: T. Mikolov et al., "Recurrent neural network based language model", Interspeech 2010 (with N-best lists); the
projection: H. Sak, A. Senior, F. Beaufays, Interspeech 2014; one matrix for pieces in and out: O. Press, L. Wolf,
"Using the output embedding to improve language models", EACL 2017; texts with the same last words going on from one
state: X. Liu et al., "Efficient lattice rescoring using recurrent neural network language models", ICASSP 2014.
"""

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from torch import nn
from torch.nn.functional import cross_entropy, linear

from .text import ALPHABET

__all__ = ["NeuralLanguageModel", "train_tokenizer"]

_END_TOKEN = "</s>"
_END_ID = 0
_IGNORED_LABEL = -100
_SCALE_SUFFIX = ".scale"
_ROOT = -1
"""Parent of the empty beginning."""


def train_tokenizer(sentences: Iterable[str], vocab_size: int) -> Tokenizer:
    """Word pieces by byte-pair encoding, of normalised text.

    Args:
        sentences: Text to count pairs in.
        vocab_size: Pieces, the end of a sentence (0) counted as one.

    Raises:
        ValueError: If there are not more pieces than characters, all of which are pieces.
    """
    letters = [*sorted(set(ALPHABET) - {" "}), "_"]
    if vocab_size <= 2 * len(letters):
        raise ValueError(f"vocab_size is {vocab_size}; it must be above {2 * len(letters)}.")
    tokenizer = Tokenizer(models.BPE())
    # Every word begins with `_`, which no normalised text has.
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="_", prepend_scheme="always")
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=[_END_TOKEN], initial_alphabet=letters, show_progress=False
    )
    tokenizer.train_from_iterator(sentences, trainer)
    return tokenizer


class NeuralLanguageModel(nn.Module):
    """One LSTM layer with a projection, over the pieces of a tokenizer.

    Args:
        tokenizer: As [`train_tokenizer`] gives it.
        embedding_size: Size of the vectors of the pieces, and of the projection.
        hidden_size: Size of the state, larger than that.

    Raises:
        ValueError: If it is not.
    """

    def __init__(self, tokenizer: Tokenizer, embedding_size: int = 256, hidden_size: int = 512) -> None:
        super().__init__()
        if hidden_size <= embedding_size:
            raise ValueError(f"hidden_size is {hidden_size}; it must be above embedding_size, {embedding_size}.")
        self.tokenizer = tokenizer
        self.embedding = nn.Embedding(tokenizer.get_vocab_size(), embedding_size)
        self.lstm = nn.LSTM(embedding_size, hidden_size, proj_size=embedding_size, batch_first=True)
        self.bias = nn.Parameter(torch.zeros(tokenizer.get_vocab_size()))
        self.record: dict[str, Any] = {}
        nn.init.normal_(self.embedding.weight, std=0.1)

    def forward(self, input_ids: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        """Mean cross-entropy per piece.

        Args:
            input_ids: `(batch, pieces)`, each row as [`collate`] makes it.
            labels: `(batch, pieces)`, what follows each; -100 on padding.

        Returns:
            `loss`, a scalar in nats.
        """
        states, _ = self.lstm(self.embedding(input_ids))
        # Padding is left out before the widest product.
        is_said = labels != _IGNORED_LABEL
        return {"loss": cross_entropy(self._logits(states[is_said]), labels[is_said])}

    @staticmethod
    def collate(examples: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """A batch of the `input_ids` of sentences: the end of a sentence comes before and after each."""
        rows = [torch.as_tensor(example["input_ids"], dtype=torch.long) for example in examples]
        end = torch.tensor([_END_ID])
        inputs = [torch.cat([end, row]) for row in rows]
        labels = [torch.cat([row, end]) for row in rows]
        pad = nn.utils.rnn.pad_sequence
        return {
            "input_ids": pad(inputs, batch_first=True, padding_value=_END_ID),
            "labels": pad(labels, batch_first=True, padding_value=_IGNORED_LABEL),
        }

    @torch.inference_mode()
    def score(self, texts: Sequence[str], history_pieces: int | None = None) -> list[float]:
        """Logarithms of the probabilities of texts, their ends counted.

        Args:
            texts: Normalised transcripts. What they have in common at their beginning is computed once.
            history_pieces: With it, texts whose last pieces, so many of them, are the same go on from the state of the
                first of these texts: much less to compute for the readings of one utterance, and nearly the same.
        """
        rows = [encoding.ids for encoding in self._encode(texts)]
        tree = _Tree(history_pieces)
        paths = [tree.add(row) for row in rows]
        log_probs = self._after_nodes(tree)
        return [
            float(log_probs[path, [*row, _END_ID]].sum(dtype=torch.float64))
            for path, row in zip(paths, rows, strict=True)
        ]

    def _after_nodes(self, tree: "_Tree") -> torch.Tensor:
        """Log-probabilities `(nodes, pieces)` of what follows each node of a tree."""
        input_weight, hidden_weight, input_bias, hidden_bias, projection = self.lstm.all_weights[0]
        entering = linear(self.embedding.weight[tree.pieces], input_weight, input_bias)
        outputs = entering.new_empty(len(tree.pieces), self.lstm.proj_size)
        hidden, cell = entering.new_zeros(1, self.lstm.proj_size), entering.new_zeros(1, self.lstm.hidden_size)
        place_of = {_ROOT: 0}
        for level in tree.levels:
            # All nodes as far from the root are one batch. Step by step, nn.LSTM would take longer.
            places = [place_of[tree.parents[node]] for node in level]
            gates = entering[level] + linear(hidden[places], hidden_weight, hidden_bias)
            enter, forget, new, leave = gates.chunk(4, -1)
            cell = forget.sigmoid() * cell[places] + enter.sigmoid() * new.tanh()
            hidden = linear(leave.sigmoid() * cell.tanh(), projection)
            outputs[level] = hidden
            place_of = {node: place for place, node in enumerate(level)}
        return self._logits(outputs).log_softmax(-1)

    def perplexity(self, sentences: Sequence[str]) -> float:
        """Perplexity per word, the end of each sentence counted as one.

        Args:
            sentences: Normalised transcripts, at least one.
        """
        num_events = sum(len(sentence.split()) + 1 for sentence in sentences)
        return math.exp(-sum(score for sentence in sentences for score in self.score([sentence])) / num_events)

    def save(self, path: str | Path) -> None:
        """Write weights, tokenizer and `record` into one safetensors file, every matrix in 8 bits.

        Each row of a matrix has a scale of its own. A model that is read from the file and written again is the same.
        """
        tensors: dict[str, torch.Tensor] = {}
        for name, tensor in self.state_dict().items():
            if tensor.dim() < 2:
                tensors[name] = tensor
                continue
            scale = tensor.abs().amax(-1, keepdim=True).clamp(min=1e-8) / 127
            tensors[name] = (tensor / scale).round().to(torch.int8)
            tensors[name + _SCALE_SUFFIX] = scale
        metadata = {"tokenizer": self.tokenizer.to_str(), "record": json.dumps(self.record)}
        save_file(tensors, path, metadata)

    @classmethod
    def from_file(cls, path: str | Path) -> "NeuralLanguageModel":
        """Read what [`save`] wrote.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is broken or something else.
        """
        if not Path(path).is_file():
            raise FileNotFoundError(f"{path} does not exist; scripts/train_neural_lm.py writes such a file.")
        try:
            with safe_open(path, "pt") as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        except SafetensorError as error:
            raise ValueError(f"{path} is broken: {error}; copy it anew.") from error
        if "tokenizer" not in metadata or "embedding.weight" not in tensors:
            raise ValueError(f"{path} is not a neural language model; scripts/train_neural_lm.py writes one.")
        weights = {
            name: tensor * tensors[name + _SCALE_SUFFIX] if name + _SCALE_SUFFIX in tensors else tensor
            for name, tensor in tensors.items()
            if not name.endswith(_SCALE_SUFFIX)
        }
        embedding_size, hidden_size = weights["lstm.weight_hr_l0"].shape
        model = cls(Tokenizer.from_str(metadata["tokenizer"]), embedding_size, hidden_size)
        model.load_state_dict(weights)
        model.record = json.loads(metadata["record"])
        return model.eval()

    def _encode(self, texts: Sequence[str]) -> list[Any]:
        return list(self.tokenizer.encode_batch(list(texts), add_special_tokens=False))

    def _logits(self, states: torch.Tensor) -> torch.Tensor:
        return linear(states, self.embedding.weight, self.bias)


class _Tree:
    """Beginnings of texts, each a node that goes on from its parent with one piece; node 0 is the empty beginning.

    Args:
        history_pieces: Pieces by which beginnings are told apart; all if `None`.
    """

    def __init__(self, history_pieces: int | None) -> None:
        self._history_pieces = history_pieces
        self._nodes: dict[tuple[int, ...], int] = {}
        self._depths = [0]
        self.parents = [_ROOT]
        self.pieces = [_END_ID]
        self.levels = [[0]]

    def add(self, row: Sequence[int]) -> list[int]:
        """Nodes of a text's beginnings, from the empty one to the whole text."""
        path = [0]
        for length in range(1, len(row) + 1):
            start = 0 if self._history_pieces is None else max(length - self._history_pieces, 0)
            history = tuple(row[start:length])
            node = self._nodes.get(history)
            if node is None:
                node = self._nodes[history] = len(self.pieces)
                depth = self._depths[path[-1]] + 1
                self.parents.append(path[-1])
                self.pieces.append(row[length - 1])
                self._depths.append(depth)
                if depth == len(self.levels):
                    self.levels.append([])
                self.levels[depth].append(node)
            path.append(node)
        return path
