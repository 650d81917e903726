"""Loading of weights through the library, with a check of what was loaded."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from .checked_files_bigru_ctc import CONFIG_NAME, CONFIG_RULES, library_errors_named, local_folder, read_config
from .checked_weights_bigru_ctc import check_shapes, find_weights, not_finite, shapes_of_files

__all__ = ["check_is_whole", "load_checked"]

_PLAIN = (torch.Tensor, torch.nn.Parameter)


def load_checked(
    load: Callable[..., Any],
    model: Any,  # noqa: ANN401 - what the library takes
    *args: Any,
    **load_options: Any,
) -> tuple[Any, dict[str, Any]]:
    """Load a model and check its weights.

    What a checkpoint lacks is initialised, as in the library. [`check_is_whole`] refuses such a model where it is to
    recognise.

    Args:
        load: `from_pretrained` of the library.
        model: Folder or name on the Hub.
        args: For `load`.
        load_options: For `load`.

    Returns:
        The model, and what the library says about its loading.

    Raises:
        ValueError: If a file is broken, a weight has another shape than the configuration says, or a weight is NaN or
            infinite.
    """
    _check_shapes_of_folder(model, load_options)
    with library_errors_named(model, of_values=True):
        loaded, found = load(model, *args, output_loading_info=True, **load_options)
    for name, weight in loaded.state_dict().items():
        # Quantised weights are of types of their own, and what is offloaded is not here.
        is_plain = weight.is_floating_point() and not weight.is_meta and type(weight) in _PLAIN
        if is_plain and not bool(torch.isfinite(weight.detach()).all()):
            raise not_finite(name, model)
    loaded.missing_weights = tuple(sorted(found["missing_keys"]))
    return loaded, found


def check_is_whole(model: Any, name: object) -> None:  # noqa: ANN401 - a model of any make
    """Refuse a model for recognition whose checkpoint lacked weights, which are random therefore.

    Raises:
        ValueError: With the names of the weights.
    """
    missing = getattr(model, "missing_weights", ())
    if missing:
        raise ValueError(
            f"{name} lacks {len(missing)} weights, {missing[0]} for one. A model like that can be trained on "
            "(from_pretrained initialises what is missing), but not recognise. Save the model again with "
            "save_pretrained, or download it again."
        )


def _check_shapes_of_folder(model: object, load_options: Mapping[str, Any]) -> None:
    """Compare the weights of a folder with its configuration, before a network of a size that it names is made."""
    folder = local_folder(model, load_options)
    others = ("state_dict", "ignore_mismatched_sizes", "variant", "quantization_config", "gguf_file")
    if folder is None or not (folder / CONFIG_NAME).is_file() or any(load_options.get(name) for name in others):
        return
    given = load_options.get("config")
    config = read_config(folder / CONFIG_NAME) if given is None or isinstance(given, str | Path) else vars(given)
    if config.get("quantization_config"):
        return
    changed = {name: load_options[name] for name in CONFIG_RULES if name in load_options}
    if paths := find_weights(folder):
        check_shapes(shapes_of_files(paths), {**config, **changed}, paths[0], is_whole=False)
