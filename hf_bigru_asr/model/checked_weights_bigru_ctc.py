"""The weights of a model, checked: whole, of the network of its configuration, and finite."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .checked_files_bigru_ctc import read_model_json
from .field_rules_bigru_ctc import shown

__all__ = [
    "INDEX_NAME",
    "WEIGHTS_NAME",
    "check_shapes",
    "find_weights",
    "network_shapes",
    "not_finite",
    "shapes_of_files",
]

WEIGHTS_NAME, INDEX_NAME = "model.safetensors", "model.safetensors.index.json"

_PARTS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
_IGNORED = "teacher_heads."
"""Checkpoints of a training with a teacher hold its heads too."""
_REMEDY = "Save the model again with save_pretrained, or download it again."


def find_weights(folder: str | Path) -> list[Path]:
    """Safetensors files of a model: the one, or the parts that its index lists; none without either.

    Raises:
        FileNotFoundError: If a part is missing.
        ValueError: If the index is broken, or names a file outside the folder.
    """
    folder = Path(folder)
    if (folder / WEIGHTS_NAME).is_file():
        return [folder / WEIGHTS_NAME]
    index = folder / INDEX_NAME
    if not index.is_file():
        return []
    parts = read_model_json(index, "weight_map")["weight_map"]
    if not isinstance(parts, dict) or not parts or not all(isinstance(name, str) for name in parts.values()):
        raise ValueError(f"{index}: weight_map is {shown(parts)}; it must name the file of every weight. {_REMEDY}")
    names = sorted(set(parts.values()))
    for name in names:
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise ValueError(f"{index} names the file {name!r}; parts are safetensors files beside it. {_REMEDY}")
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder / name}, a part of the weights that {index} lists, does not exist.")
    return [folder / name for name in names]


def shapes_of_files(paths: list[Path]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights in safetensors files, without reading the weights.

    Raises:
        ValueError: If a file is no whole safetensors file.
    """
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise ImportError("Reading weights needs safetensors: pip install safetensors.") from error
    shapes: dict[str, tuple[int, ...]] = {}
    for path in paths:
        try:
            with safe_open(path, framework="np") as weights:
                shapes |= {name: tuple(weights.get_slice(name).get_shape()) for name in weights.keys()}  # noqa: SIM118 - it is no dictionary
        except (SafetensorError, ValueError, OSError) as error:
            raise ValueError(
                f"{path} is no readable safetensors file ({error}); save or download it again."
            ) from error
    return shapes


def network_shapes(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights of the network that a checked configuration describes."""
    defaults = {"hidden_size": 256, "num_hidden_layers": 3, "num_mel_bins": 128, "vocab_size": 29}
    hidden, num_layers, mels, classes = (config.get(name, default) for name, default in defaults.items())
    shapes: dict[str, tuple[int, ...]] = {"lm_head.weight": (classes, 2 * hidden), "lm_head.bias": (classes,)}
    for layer in range(num_layers):
        size = mels if layer == 0 else 2 * hidden
        for part, shape in zip(_PARTS, ((size,), (hidden,), (), ()), strict=True):
            for direction in ("", "_reverse"):
                shapes[f"bigru.layers.{layer}.{part}{direction}"] = (3 * hidden, *shape)
    return shapes


def check_shapes(
    found: Mapping[str, tuple[int, ...]], config: Mapping[str, Any], origin: object, *, is_whole: bool = True
) -> None:
    """Refuse weights of another network than that of a configuration.

    Args:
        found: Names and shapes of the weights.
        config: A checked configuration.
        origin: Where the weights are, for the message.
        is_whole: Whether all of them must be there, and no others. If not, those that are there must fit.

    Raises:
        ValueError: If a weight is missing, unknown or of another shape.
    """
    expected = network_shapes(config)
    for name, shape in found.items():
        # The encoder alone is saved without the prefix.
        wanted = expected.get(name, expected.get(f"bigru.{name}"))
        if wanted is not None and wanted != shape:
            raise ValueError(
                f"{origin}: the weight {name} has the shape {shape}; by config.json beside it, it must be {wanted}. "
                f"{_REMEDY}"
            )
    if not is_whole:
        return
    missing = sorted(expected.keys() - found.keys())
    unknown = sorted(name for name in found.keys() - expected.keys() if not name.startswith(_IGNORED))
    if missing or unknown:
        raise ValueError(
            f"{origin} holds other weights than the network of config.json beside it has: missing are "
            f"{_listed(missing)}, unknown are {_listed(unknown)}. {_REMEDY}"
        )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more if names else "none"


def not_finite(name: str, origin: object) -> ValueError:
    """What to raise of a weight with NaN or infinity."""
    return ValueError(
        f"{origin}: the weight {name} has values that are NaN or infinite, so the network would give nonsense. Take "
        "the model from an earlier checkpoint, or download it again."
    )
