"""Recognition without torch and transformers, by numpy and ONNX Runtime, and the export of the ONNX graphs.

`python -m hf_bigru_asr.runtime FILE ...` transcribes files.
"""

from .recognizer import OnnxRecognizer

__all__ = ["OnnxRecognizer"]
