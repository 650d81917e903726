"""End-to-end English speech recognition with a small bidirectional GRU, for Hugging Face `transformers`.

Importing the package is cheap: torch is loaded with the first public name that needs it. The Auto classes and the
pipeline know the model as soon as both this package and `transformers` are imported, in either order.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

from ._registration import check_torchaudio, register_with_transformers
from .bundled import bundled_checkpoint

if TYPE_CHECKING:
    from .alignment.aligner import Aligner, align
    from .audio.loading import load_audio
    from .backends.onnx import OnnxBiGRUForCTC
    from .backends.openvino import OpenVINOBiGRUForCTC
    from .model.configuration_bigru_ctc import BiGRUCTCConfig
    from .model.feature_extraction_bigru_ctc import BiGRUCTCFeatureExtractor
    from .model.modeling_bigru_ctc import BiGRUCTCPreTrainedModel, BiGRUForCTC, BiGRUModel
    from .model.processing_bigru_ctc import BiGRUCTCProcessor
    from .model.tokenization_bigru_ctc import BiGRUCTCTokenizer
    from .text.normalization import normalize_transcript
    from .training.collator import DataCollatorForCTC
    from .transcription.pipeline import BeamSearchPipeline
    from .transcription.recognizer import load_recognizer, transcribe

__version__ = "0.1.0"

# ONNX Runtime from 1.32 on sends reports of its use to its maker, and keeps an identifier in the home folder, unless
# this is set before it is imported. Who wants that sets it to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__all__ = [
    "Aligner",
    "BeamSearchPipeline",
    "BiGRUCTCConfig",
    "BiGRUCTCFeatureExtractor",
    "BiGRUCTCPreTrainedModel",
    "BiGRUCTCProcessor",
    "BiGRUCTCTokenizer",
    "BiGRUForCTC",
    "BiGRUModel",
    "DataCollatorForCTC",
    "OnnxBiGRUForCTC",
    "OpenVINOBiGRUForCTC",
    "align",
    "bundled_checkpoint",
    "load_audio",
    "load_recognizer",
    "normalize_transcript",
    "transcribe",
]

_WITHOUT_TORCH = {"load_audio": "audio.loading", "normalize_transcript": "text.normalization"}
_MODULES = {
    "Aligner": "alignment.aligner",
    "BeamSearchPipeline": "transcription.pipeline",
    "BiGRUCTCConfig": "model.configuration_bigru_ctc",
    "BiGRUCTCFeatureExtractor": "model.feature_extraction_bigru_ctc",
    "BiGRUCTCPreTrainedModel": "model.modeling_bigru_ctc",
    "BiGRUCTCProcessor": "model.processing_bigru_ctc",
    "BiGRUCTCTokenizer": "model.tokenization_bigru_ctc",
    "BiGRUForCTC": "model.modeling_bigru_ctc",
    "BiGRUModel": "model.modeling_bigru_ctc",
    "DataCollatorForCTC": "training.collator",
    "OnnxBiGRUForCTC": "backends.onnx",
    "OpenVINOBiGRUForCTC": "backends.openvino",
    "align": "alignment.aligner",
    "load_recognizer": "transcription.recognizer",
    "transcribe": "transcription.recognizer",
    **_WITHOUT_TORCH,
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name not in _WITHOUT_TORCH:
        check_torchaudio()
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])


register_with_transformers()
