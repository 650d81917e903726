"""The recogniser on ONNX Runtime or OpenVINO, with the call and the output of `BiGRUForCTC`."""

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import torch
from transformers import AutoModelForCTC
from transformers.modeling_outputs import CausalLMOutput
from transformers.utils import can_return_tuple

from .bundled import resolve_model
from .configuration_bigru_ctc import BiGRUCTCConfig
from .export import graph_metadata, load_graph, locate_model
from .layer_runners import GraphLayerRunner, RunGraph, log_probs_of_layers
from .log_mel import FloatArray
from .model_files import GRAPH_NAME, ModelFiles
from .modeling_bigru_ctc import BiGRUForCTC, batch_of_frames, frame_lengths, mask_of_frames
from .offsets_bigru_ctc import grids_of_frames, mean_of_grids
from .onnx_graph import recognizer_graph, weights_of_graph
from .runtime import NETWORK_INPUTS, check_inputs, create_session

__all__ = [
    "RUNTIMES",
    "OnnxBiGRUForCTC",
    "OpenVINOBiGRUForCTC",
    "RuntimeModel",
    "choose_runtime",
    "installed_runtimes",
    "load_model",
]

MIN_PART = 4
"""Utterances that are enough for a thread of their own."""
RUNTIMES = ("torch", "onnx", "openvino")
PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}


class RuntimeModel(ABC):
    """What the models of all runtimes have in common: they take the place of a [`BiGRUForCTC`] for inference.

    The network runs on the CPU; inputs on another device are brought there, and the result is brought back.

    Args:
        config: The model's configuration.
        graph: Serialised graph of the network, see [`recognizer_graph`].
        num_threads: Threads; as the runtime sees fit if `None`.
        dtype: Number format of the network, `"float32"` or `"bfloat16"`. Inputs and outputs are float32.

    Raises:
        ImportError: If the extra of the runtime is not installed.
        ValueError: If the graph is broken or another one, or the runtime or the processor lacks the number format.
    """

    main_input_name = "input_features"
    input_modalities = "audio"
    extra: str
    """The extra of this package that installs the runtime."""

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
        files = ModelFiles(locate_model(pretrained_model_name_or_path, **hub_options))
        config = BiGRUCTCConfig.from_dict(files.config)
        config.name_or_path = str(pretrained_model_name_or_path)
        return cls(config, load_graph(files), num_threads=num_threads, dtype=dtype)

    @classmethod
    def from_model(cls, model: BiGRUForCTC, *, num_threads: int | None = None, dtype: str = "float32") -> Self:
        """The same network as `model`, with a copy of its weights."""
        weights = {name: value.detach().float().cpu().numpy() for name, value in model.state_dict().items()}
        graph = recognizer_graph(
            weights, model.config.pad_token_id or 0, graph_metadata(model.config.to_dict(), weights)
        )
        config = cast("BiGRUCTCConfig", model.config)
        return cls(config, graph.SerializeToString(), num_threads=num_threads, dtype=dtype)

    def save_pretrained(self, save_directory: str | Path, **kwargs: object) -> None:
        """Write `model.onnx` and `config.json` into a folder. `kwargs` are ignored."""
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        self.config.save_pretrained(folder)
        (folder / GRAPH_NAME).write_bytes(self._graph)

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
        """Runs the network layer by layer, for recordings of any length, on this runtime.

        Raises:
            ImportError: If the package `onnx` is not installed.
        """
        # Two directions run at once.
        num_threads = max(self.max_threads // 2, 1)
        return GraphLayerRunner(
            weights_of_graph(self._graph), lambda graph, inputs: self.compile_graph(graph, num_threads, inputs)
        )

    @property
    def max_threads(self) -> int:
        """Threads that the network may take."""
        return self.num_threads or available_cores()

    def side_by_side(self, num_calls: int) -> Self:
        """This network, ready for so many calls at once, which divide its threads among them.

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

    def _score(self, features: FloatArray, lengths: np.ndarray) -> FloatArray:
        """Log-probabilities `(batch, frames, classes)`."""
        return self._network({"input_features": features, "lengths": lengths})["logits"]

    def _restore_padding(self, logits: FloatArray, lengths: np.ndarray) -> None:
        """Write what stands on padding anew: the lowest float32 is minus infinity in bfloat16, and so is its mean."""
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
            num_calls: Calls at once for which the threads are divided. Several threads may call the result whatever
                this is.
        """


class OnnxBiGRUForCTC(RuntimeModel):
    """The recogniser on ONNX Runtime (extra `onnx`); arguments are those of [`RuntimeModel`].

    Example:
        >>> import torch
        >>> from hf_bigru_asr import OnnxBiGRUForCTC
        >>> OnnxBiGRUForCTC.from_pretrained("bundled")(torch.zeros(1, 50, 128)).logits.shape
        torch.Size([1, 50, 29])
    """

    extra = "onnx"

    @cached_property
    def _single(self) -> RunGraph:
        """The network on one thread, for parts of a batch."""
        return self.compile_graph(self._graph, 1, NETWORK_INPUTS)

    @cached_property
    def _layers(self) -> GraphLayerRunner:
        return self.layer_runner()

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.max_threads, thread_name_prefix="onnx")

    def _score(self, features: FloatArray, lengths: np.ndarray) -> FloatArray:
        num_parts = self.max_threads
        if self._is_divided or num_parts == 1:
            return super()._score(features, lengths)
        # Threads of which each has work of its own are faster than threads that share every matrix product: the
        # directions of a layer are independent, and so are utterances.
        if len(features) < MIN_PART * num_parts:
            is_one_length = lengths[0] > 0 and (lengths == lengths[0]).all()
            return self._score_layers(features, lengths) if is_one_length else super()._score(features, lengths)
        parts = zip(np.array_split(features, num_parts), np.array_split(lengths, num_parts), strict=True)
        inputs = [{"input_features": part, "lengths": part_lengths} for part, part_lengths in parts]
        return np.concatenate([outputs["logits"] for outputs in self._threads.map(self._single, inputs)])

    def _score_layers(self, features: FloatArray, lengths: np.ndarray) -> FloatArray:
        """As `_score`, of utterances of one length, the directions of a layer in two threads."""
        log_probs = log_probs_of_layers(self._layers, features[:, : lengths[0]], self._threads)
        logits = np.empty((*features.shape[:2], log_probs.shape[2]), dtype=np.float32)
        logits[:, : lengths[0]] = log_probs
        self._restore_padding(logits, lengths)
        return logits

    def compile_graph(
        self, graph: bytes, num_threads: int | None, inputs: Sequence[str], num_calls: int = 1
    ) -> RunGraph:
        """Make a graph ready; see [`RuntimeModel.compile_graph`]."""
        if self.precision != "float32":
            raise ValueError(f"dtype is {self.precision!r}; ONNX Runtime runs this network in float32 alone.")
        # The calling thread is one of a session's threads.
        session = create_session(graph, None if num_threads is None else max(num_threads // num_calls, 1), inputs)
        names = [each.name for each in session.get_outputs()]
        return lambda values: dict(zip(names, session.run(names, values), strict=True))


class OpenVINOBiGRUForCTC(RuntimeModel):
    """The recogniser on OpenVINO (extra `openvino`); arguments are those of [`RuntimeModel`].

    `dtype="bfloat16"` needs a processor that computes with it (AMX or AVX512-BF16); log-probabilities then differ by
    some hundredths.

    Example:
        >>> import torch
        >>> from hf_bigru_asr import OpenVINOBiGRUForCTC
        >>> OpenVINOBiGRUForCTC.from_pretrained("bundled")(torch.zeros(1, 50, 128)).logits.shape
        torch.Size([1, 50, 29])
    """

    extra = "openvino"

    def compile_graph(
        self, graph: bytes, num_threads: int | None, inputs: Sequence[str], num_calls: int = 1
    ) -> RunGraph:
        """Make a graph ready; see [`RuntimeModel.compile_graph`]."""
        core = openvino_core()
        if self.precision == "bfloat16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise ValueError(
                f"dtype is 'bfloat16', and {core.get_property('CPU', 'FULL_DEVICE_NAME')} does not compute with it; "
                "choose 'float32'."
            )
        # Without a hint OpenVINO takes bfloat16 by itself where the processor has it.
        options: dict[str, Any] = {"INFERENCE_PRECISION_HINT": PRECISIONS[self.precision]}
        if num_threads is not None:
            options["INFERENCE_NUM_THREADS"] = num_threads
        if num_calls > 1:
            options["NUM_STREAMS"] = num_calls
        try:
            compiled = core.compile_model(core.read_model(graph), "CPU", options)
        except RuntimeError as error:
            raise ValueError(
                f"OpenVINO cannot read the graph: {error} Write it anew with scripts/export.py."
            ) from error
        check_inputs([each.any_name for each in compiled.inputs], inputs)
        requests = threading.local()

        def run(values: Mapping[str, np.ndarray]) -> dict[str, FloatArray]:
            if not hasattr(requests, "own"):  # a request serves one call at a time
                requests.own = compiled.create_infer_request()
            results = requests.own.infer(values)
            return {output.any_name: results[output] for output in compiled.outputs}

        return run


def openvino_core() -> Any:  # noqa: ANN401 - of a package without type information
    """The one `openvino.Core` of this process, which is never given back.

    OpenVINO 2026.4 sets a signal stack with every core and restores the one that was there when the core goes. Cores
    that go in another order than the reverse of their coming leave a stack that is freed already: the next signal
    with a handler, Ctrl-C for one, ends the process with a segmentation fault.

    Raises:
        ImportError: If the extra `openvino` is not installed.
    """
    try:
        from openvino import Core
    except ImportError as error:
        raise ImportError("OpenVINO is not installed: pip install 'hf-bigru-asr[openvino]'.") from error
    return _only_one(Core)


@cache
def _only_one(kind: type) -> Any:  # noqa: ANN401 - an instance of `kind`
    return kind()


def available_cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_MODELS: dict[str, type[RuntimeModel]] = {"onnx": OnnxBiGRUForCTC, "openvino": OpenVINOBiGRUForCTC}
_PACKAGES = {"onnx": ("onnxruntime", "onnx"), "openvino": ("openvino", "onnx")}


def installed_runtimes() -> list[str]:
    """Names of the runtimes that can run here, torch first."""
    return ["torch", *(name for name, packages in _PACKAGES.items() if all(map(find_spec, packages)))]


def choose_runtime(runtime: str, device: str | None = None) -> str:
    """Name of the runtime to take.

    Args:
        runtime: One of `RUNTIMES`, or `"auto"`: torch on a GPU, and on the CPU the first of ONNX Runtime, OpenVINO
            and torch that is installed.
        device: Where to run; the GPU, if there is one, if `None`.

    Raises:
        ValueError: If there is no such runtime, or it does not run on that device.
    """
    wants_gpu = torch.cuda.is_available() if device is None else torch.device(device).type != "cpu"
    if runtime == "auto":
        if wants_gpu:
            return "torch"
        return (*installed_runtimes()[1:], "torch")[0]
    if runtime not in RUNTIMES:
        raise ValueError(f"runtime is {runtime!r}; choose one of {', '.join(RUNTIMES)}, auto.")
    if runtime != "torch" and device is not None and wants_gpu:
        raise ValueError(f"The runtime {runtime!r} runs on the CPU and not on {device}; choose 'torch' for a GPU.")
    return runtime


def load_model(
    model: str | Path,
    runtime: str = "torch",
    *,
    device: str | None = None,
    num_threads: int | None = None,
    dtype: str | None = None,
    trust_remote_code: bool = False,
) -> BiGRUForCTC | RuntimeModel:
    """A recogniser on a runtime, ready for inference.

    Args:
        model: Folder, name on the Hub, or `"bundled"`.
        runtime: See [`choose_runtime`].
        device: Where torch runs; a GPU if there is one, if `None`.
        num_threads: Threads; as the runtime sees fit if `None`. For torch it holds for the whole process.
        dtype: `"float32"` or `"bfloat16"`; the runtime's own choice, float32 unless saved otherwise, if `None`.
        trust_remote_code: Whether torch runs the code that comes with a model on the Hub.

    Raises:
        ValueError: If the runtime does not run so.
    """
    runtime = choose_runtime(runtime, device)
    if runtime != "torch":
        return _MODELS[runtime].from_pretrained(model, num_threads=num_threads, dtype=dtype or "float32")
    if num_threads is not None:
        torch.set_num_threads(num_threads)
    options = {} if dtype is None else {"dtype": dtype}
    loaded = AutoModelForCTC.from_pretrained(resolve_model(model), trust_remote_code=trust_remote_code, **options)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    return loaded.to(device).eval()
