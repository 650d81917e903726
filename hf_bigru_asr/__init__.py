"""End-to-end English speech recognition with a small bidirectional GRU, for Hugging Face `transformers`.

Importing the package is cheap: torch is loaded with the first public name that needs it. The Auto classes and the
pipeline know the model as soon as both this package and `transformers` are imported, in either order.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from .bundled import bundled_checkpoint
from .registration import check_torchaudio, register_with_transformers

if TYPE_CHECKING:
    from .aligner import Aligner, align
    from .configuration_bigru_ctc import BiGRUCTCConfig
    from .feature_extraction_bigru_ctc import BiGRUCTCFeatureExtractor
    from .modeling_bigru_ctc import BiGRUCTCPreTrainedModel, BiGRUForCTC, BiGRUModel
    from .onnx_model import OnnxBiGRUForCTC
    from .openvino_model import OpenVINOBiGRUForCTC
    from .processing_bigru_ctc import BiGRUCTCProcessor
    from .tokenization_bigru_ctc import BiGRUCTCTokenizer

__version__ = "0.1.0"

__all__ = [
    "Aligner",
    "BiGRUCTCConfig",
    "BiGRUCTCFeatureExtractor",
    "BiGRUCTCPreTrainedModel",
    "BiGRUCTCProcessor",
    "BiGRUCTCTokenizer",
    "BiGRUForCTC",
    "BiGRUModel",
    "OnnxBiGRUForCTC",
    "OpenVINOBiGRUForCTC",
    "align",
    "bundled_checkpoint",
]

_MODULES = {
    "Aligner": "aligner",
    "BiGRUCTCConfig": "configuration_bigru_ctc",
    "BiGRUCTCFeatureExtractor": "feature_extraction_bigru_ctc",
    "BiGRUCTCPreTrainedModel": "modeling_bigru_ctc",
    "BiGRUCTCProcessor": "processing_bigru_ctc",
    "BiGRUCTCTokenizer": "tokenization_bigru_ctc",
    "BiGRUForCTC": "modeling_bigru_ctc",
    "BiGRUModel": "modeling_bigru_ctc",
    "OnnxBiGRUForCTC": "onnx_model",
    "OpenVINOBiGRUForCTC": "openvino_model",
    "align": "aligner",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    check_torchaudio()
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])


register_with_transformers()
