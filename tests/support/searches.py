"""Which search a language model is loaded with."""

from weakref import WeakValueDictionary

import pytest

from hf_bigru_asr.model import language_model_bigru_ctc
from hf_bigru_asr.native.library import SWITCH, is_available


def without_the_compiled_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Language models that are loaded from now on are searched in NumPy, in new processes too."""
    assert is_available(), "The compiled part is not there: pip install -e ."
    monkeypatch.setattr(language_model_bigru_ctc.CompiledModel, "open", lambda *_: None)
    monkeypatch.setattr(language_model_bigru_ctc, "_loaded", WeakValueDictionary())
    monkeypatch.setenv(SWITCH, "0")
