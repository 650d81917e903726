"""The common part of the recognisers on ONNX Runtime and OpenVINO: the call and the output of `BiGRUForCTC`."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import torch
from transformers.modeling_outputs import CausalLMOutput
from transformers.utils import can_return_tuple

from ..bundled import resolve_model
from ..model.checked_files_bigru_ctc import library_errors_named
from ..model.configuration_bigru_ctc import BiGRUCTCConfig
from ..model.frame_grids_bigru_ctc import grids_of_frames, mean_of_grids
from ..model.modeling_bigru_ctc import BiGRUForCTC, batch_of_frames, frame_lengths, mask_of_frames
from ..runtime.export import graph_metadata, load_graph, locate_model
from ..runtime.graph_contents import named_graph
from ..runtime.layer_runners import GraphLayerRunner, RunGraph
from ..runtime.log_mel import FloatArray
from ..runtime.model_files import GRAPH_NAME, ModelFiles
from ..runtime.onnx_graph import recognizer_graph, weights_of_graph
from ..runtime.openvino import PRECISIONS
from ..runtime.recognizer import NETWORK_INPUTS, available_cores
from ..runtime.silence import silence_rule
from ..storage.writing import whole_folder

__all__ = ["PRECISIONS", "RuntimeModel"]

MIN_PART = 4
"""Utterances that are enough for a thread of their own."""


class RuntimeModel(ABC):
    """Base class of the models on other backends, which take the place of a [`BiGRUForCTC`] for inference.

    The network runs on the CPU; inputs on another device are brought there, and the result is brought back.

    Args:
        config: The model's configuration.
        graph: Serialised graph of the network, see [`recognizer_graph`].
        num_threads: Threads; as the runtime sees fit if `None`.
        dtype: Number format of the network, `"float32"` or `"bfloat16"`. Inputs and outputs are float32.

    Raises:
        ImportError: If the runtime is not installed.
        ValueError: If the graph is broken or another one, or the runtime or the processor lacks the number format.
    """

    main_input_name = "input_features"
    input_modalities = "audio"
    runtime_name: str
    """Name of the runtime."""

    def __init__(
        self, config: BiGRUCTCConfig, graph: bytes, *, num_threads: int | None = None, dtype: str = "float32"
    ) -> None:
        if dtype not in PRECISIONS:
            raise ValueError(f"dtype is {dtype!r}; choose {' or '.join(PRECISIONS)}.")
        if num_threads is not None and num_threads < 1:
            raise ValueError(f"num_threads is {num_threads}; it must be at least 1, or None.")
        self.config = config
        self.device = torch.device("cpu")
        self.dtype = torch.float32
        self.precision = dtype
        self.num_threads = num_threads
        self._graph = graph
        self._network = self.compile_graph(graph, num_threads, NETWORK_INPUTS)
        self._divided: dict[int, Self] = {}
        self._is_divided = False

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | Path,
        *,
        num_threads: int | None = None,
        dtype: str = "float32",
        **hub_options: Any,
    ) -> Self:
        """Load a model from a folder or from the Hub.

        Without an exported graph in the folder the graph is made of the weights, in memory; nothing is written.

        Args:
            pretrained_model_name_or_path: Folder, name on the Hub, or `"bundled"`.
            num_threads: Threads; as the runtime sees fit if `None`.
            dtype: `"float32"` or `"bfloat16"`.
            hub_options: `revision`, `token`, `cache_dir`, `local_files_only`, ...

        Raises:
            FileNotFoundError: If there is no such model.
            ValueError: If it is no BiGRU-CTC model, or its graph was made of other weights than lie beside it.
        """
        name = resolve_model(pretrained_model_name_or_path)
        files = ModelFiles(locate_model(name, **hub_options))
        with library_errors_named(files.folder, of_values=True):
            config = BiGRUCTCConfig.from_dict(files.config)
        config.name_or_path = (
            name  # a folder or a name on the Hub, never a name of ours that the Hub would be asked for
        )
        graph = load_graph(files)
        with named_graph(files.graph_path):
            return cls(config, graph, num_threads=num_threads, dtype=dtype)

    @classmethod
    def from_model(cls, model: BiGRUForCTC, *, num_threads: int | None = None, dtype: str = "float32") -> Self:
        """The same network as `model`, with a copy of its weights."""
        weights = {name: value.detach().float().cpu().numpy() for name, value in model.state_dict().items()}
        graph = recognizer_graph(
            weights,
            model.config.pad_token_id or 0,
            graph_metadata(model.config.to_dict(), weights),
            model.config.max_silence_frames,
        )
        config = cast("BiGRUCTCConfig", model.config)
        return cls(config, graph.SerializeToString(), num_threads=num_threads, dtype=dtype)

    def save_pretrained(self, save_directory: str | Path, **kwargs: object) -> None:
        """Write `model.onnx` and `config.json` into a folder. `kwargs` are ignored."""
        with whole_folder(save_directory) as staging:
            self.config.save_pretrained(staging)
            (staging / GRAPH_NAME).write_bytes(self._graph)

    @can_return_tuple
    def forward(
        self,
        input_features: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        output_hidden_states: bool | None = None,
        **kwargs: object,
    ) -> CausalLMOutput:
        """Score every frame.

        Args:
            input_features: As [`BiGRUForCTC`] takes them, of one grid of frames or of several.
            attention_mask: `(batch, frames)`, 1 on valid frames, 0 on padding (on the right). All valid if `None`.
            labels: Not taken; a runtime has no loss.
            output_hidden_states: Not taken.
            kwargs: `return_dict`; anything else is ignored, as in the library.

        Returns:
            `logits` `(batch, frames, vocab_size)`: float32 log-probabilities; on padded frames the blank has
            probability one.

        Raises:
            ValueError: If a shape is wrong, or there are labels.
        """
        if labels is not None or output_hidden_states:
            raise ValueError(
                f"{type(self).__name__} gives log-probabilities alone; take BiGRUForCTC for a loss or hidden states."
            )
        grids = grids_of_frames(input_features, self.config.num_mel_bins)
        one = batch_of_frames(grids[0], self.config.num_mel_bins)
        features = torch.cat(grids) if len(grids) > 1 else one
        mask = mask_of_frames(attention_mask, one)
        lengths = frame_lengths(mask).cpu().numpy()
        values = features.detach().to("cpu", torch.float32).contiguous().numpy()
        scores = torch.from_numpy(self._score(values, np.tile(lengths, len(grids))))
        logits = mean_of_grids(scores.chunk(len(grids)), len(grids)).numpy()
        if self.precision != "float32" or len(grids) > 1:
            self._restore_padding(logits, lengths)
        return CausalLMOutput(logits=torch.from_numpy(logits).to(input_features.device))

    __call__ = forward

    def to(self, device: str | int | torch.device) -> Self:
        """Note where inputs come from; the network stays on the CPU."""
        self.device = torch.device(device)
        return self

    def eval(self) -> Self:
        """This model, which is always in evaluation mode."""
        return self

    def can_generate(self) -> bool:
        """`False`: a CTC model does not generate."""
        return False

    def layer_runner(self) -> GraphLayerRunner:
        """Runs the network layer by layer, for recordings of any length, on this runtime; always the same one.

        Raises:
            ImportError: If the package `onnx` is not installed.
        """
        return self._layers

    @cached_property
    def _layers(self) -> GraphLayerRunner:
        # Two directions run at once.
        num_threads = max(self.max_threads // 2, 1)
        return GraphLayerRunner(
            weights_of_graph(self._graph),
            lambda graph, inputs: self.compile_graph(graph, num_threads, inputs),
            self.precision,
            silence_rule(self.config.to_dict()),
        )

    @property
    def max_threads(self) -> int:
        """Threads that the network may take."""
        return self.num_threads or available_cores()

    def side_by_side(self, num_calls: int) -> Self:
        """This network, ready for `num_calls` calls at once, which divide its threads among them.

        Args:
            num_calls: Threads that call it.
        """
        if num_calls == 1:
            return self
        if num_calls not in self._divided:
            num_threads = max(self.max_threads, num_calls)
            divided = copy(self)
            divided.num_threads = num_threads // num_calls
            divided._is_divided = True
            divided._network = self.compile_graph(self._graph, num_threads, NETWORK_INPUTS, num_calls)
            self._divided[num_calls] = divided
        return self._divided[num_calls]

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.max_threads, thread_name_prefix=self.runtime_name)

    def _score(self, features: FloatArray, lengths: np.ndarray) -> FloatArray:
        """Log-probabilities `(batch, frames, classes)`."""
        num_parts = self.max_threads
        if self._is_divided or num_parts == 1 or len(features) < MIN_PART * num_parts:
            return self._score_together(features, lengths)
        # Threads of which each has utterances of its own are faster than threads that share every matrix product.
        network = self.side_by_side(num_parts)
        parts = zip(np.array_split(features, num_parts), np.array_split(lengths, num_parts), strict=True)
        return np.concatenate(list(self._threads.map(lambda part: network._score(*part), parts)))

    def _score_together(self, features: FloatArray, lengths: np.ndarray) -> FloatArray:
        """As `_score`, in one call of the runtime."""
        return self._network({"input_features": features, "lengths": lengths})["logits"]

    def _restore_padding(self, logits: FloatArray, lengths: np.ndarray) -> None:
        """Write the blank on padding again: the lowest float32 becomes minus infinity in bfloat16 and in a mean."""
        padded = np.arange(logits.shape[1]) >= lengths[:, None]
        logits[padded] = np.finfo(np.float32).min
        logits[padded, self.config.pad_token_id] = 0.0

    @abstractmethod
    def compile_graph(
        self, graph: bytes, num_threads: int | None, inputs: Sequence[str], num_calls: int = 1
    ) -> RunGraph:
        """Make a serialised graph ready.

        Args:
            graph: An ONNX model.
            num_threads: Threads; as the runtime sees fit if `None`.
            inputs: Names of what it takes.
            num_calls: Calls at once for which the threads are divided. More threads may call the result all the same.
        """
