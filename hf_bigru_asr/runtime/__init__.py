"""Recognition without torch and transformers, and the ONNX graphs that it runs.

python -m hf_bigru_asr.runtime FILE ...
"""

from .recognizer import OnnxRecognizer

__all__ = ["OnnxRecognizer"]
