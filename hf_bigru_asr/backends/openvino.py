"""The recogniser on OpenVINO, with the call and the output of `BiGRUForCTC`."""

from collections.abc import Sequence

from ..runtime.layer_runners import RunGraph
from ..runtime.openvino import compile_on_openvino, openvino_core
from ..runtime.recognizer import check_inputs
from .base import RuntimeModel

__all__ = ["OpenVINOBiGRUForCTC", "openvino_core"]


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

    runtime_name = "openvino"

    def compile_graph(
        self, graph: bytes, num_threads: int | None, inputs: Sequence[str], num_calls: int = 1
    ) -> RunGraph:
        """Make a graph ready; see [`RuntimeModel.compile_graph`]."""
        run, names = compile_on_openvino(graph, num_threads, precision=self.precision, num_calls=num_calls)
        check_inputs(names, inputs)
        return run
