"""Makes the Auto classes and the pipeline know the model, without importing torch or transformers by itself."""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING

from .bundled import load_bundled_by_name

if TYPE_CHECKING:
    from importlib.abc import Loader, MetaPathFinder
else:  # they take half of the time in which the command shows its help, and only check what is here anyway
    Loader = MetaPathFinder = object

_MODEL_ROOM = f"{__package__}.model."
WORKING_PAIR = '"torch>=2.11,<2.15" "torchaudio>=2.11,<2.12"'


def register_with_transformers() -> None:
    """Register the classes with `transformers`: now if it is imported, otherwise when it is.

    Without torch nothing is registered: the rooms that run without it need no Auto classes.
    """
    if not (_is_installed("torch") and _is_installed("torchaudio")):
        return
    if "transformers" in sys.modules:
        _register()
    else:
        sys.meta_path.insert(0, _Finder())


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):  # a hook refuses it, or `sys.modules` says that it must not be imported
        return False


def check_torchaudio() -> None:
    """Import torchaudio, to check that it fits torch.

    Raises:
        ImportError: If it does not fit the installed torch; the message names versions that do.
    """
    try:
        import torchaudio  # noqa: F401 - the import is the check
    except (ImportError, OSError, RuntimeError) as error:
        raise ImportError(
            f"torchaudio {_version('torchaudio')} cannot be imported beside torch {_version('torch')}: {error}. Its "
            f"release 2.11 works with torch 2.11 to 2.14 built for the same platform (on Linux for CUDA 13.0, or both "
            f"from PyTorch's CPU index): pip install {WORKING_PAIR}"
        ) from error


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"


def _register() -> None:
    check_torchaudio()
    from transformers import (
        AutoConfig,
        AutoFeatureExtractor,
        AutoModel,
        AutoModelForCTC,
        AutoProcessor,
        AutoTokenizer,
    )

    from .model.configuration_bigru_ctc import BiGRUCTCConfig
    from .model.feature_extraction_bigru_ctc import BiGRUCTCFeatureExtractor
    from .model.modeling_bigru_ctc import BiGRUCTCPreTrainedModel, BiGRUForCTC, BiGRUModel
    from .model.processing_bigru_ctc import BiGRUCTCProcessor
    from .model.tokenization_bigru_ctc import BiGRUCTCTokenizer

    AutoConfig.register(BiGRUCTCConfig.model_type, BiGRUCTCConfig, exist_ok=True)
    AutoModel.register(BiGRUCTCConfig, BiGRUModel, exist_ok=True)
    AutoModelForCTC.register(BiGRUCTCConfig, BiGRUForCTC, exist_ok=True)
    AutoFeatureExtractor.register(BiGRUCTCConfig, BiGRUCTCFeatureExtractor, exist_ok=True)
    AutoTokenizer.register(BiGRUCTCConfig, slow_tokenizer_class=BiGRUCTCTokenizer, exist_ok=True)
    AutoProcessor.register(BiGRUCTCConfig, BiGRUCTCProcessor, exist_ok=True)
    named = (
        BiGRUCTCConfig,
        BiGRUCTCFeatureExtractor,
        BiGRUCTCPreTrainedModel,
        BiGRUCTCProcessor,
        BiGRUCTCTokenizer,
    )
    for loadable in named:
        load_bundled_by_name(loadable)


class _Finder(MetaPathFinder):
    """Registers the classes after `transformers` or a module of the model has been imported.

    A module of the model imports `transformers` and other modules of the model. The registration waits until the
    outermost of these imports has ended, because before that some classes do not exist.
    """

    def __init__(self) -> None:
        self._depth = 0

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        is_watched = fullname == "transformers" or fullname.startswith(_MODEL_ROOM)
        if not is_watched or self not in sys.meta_path:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader = _Loader(spec.loader, self)
                return spec
        return None

    def run(self, loader: Loader, module: ModuleType) -> None:
        """Execute a watched module, and register the classes after the outermost one."""
        self._depth += 1
        try:
            loader.exec_module(module)
        finally:
            self._depth -= 1
        # Some modules of the model do without transformers, and have nothing to register.
        if self._depth == 0 and "transformers" in sys.modules and self in sys.meta_path:
            sys.meta_path.remove(self)
            _register()


class _Loader(Loader):
    """The loader of a watched module, followed by the registration."""

    def __init__(self, loader: Loader, finder: _Finder) -> None:
        self._loader = loader
        self._finder = finder

    def __getattr__(self, name: str) -> object:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__ = self._loader
        self._finder.run(self._loader, module)
