"""What the modules of data sets import."""

from collections.abc import Callable

import pytest

from hf_bigru_asr import data

LIGHT_MODULES = ["utterances", "teacher_features", "librispeech.index", "librispeech.parquet", "parquet_rows"]
CODE = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module("hf_bigru_asr.data." + name)
print({"datasets", "torch", "transformers"} & set(sys.modules))
"""


def test_most_modules_need_neither_datasets_nor_torch(run_in_child: Callable[..., str]) -> None:
    assert run_in_child(CODE, *LIGHT_MODULES).strip() == "set()"


def test_the_room_has_its_public_names() -> None:
    assert set(data.__all__) <= set(dir(data))
    assert [getattr(data, name).__name__ for name in data.__all__] == data.__all__
    with pytest.raises(AttributeError, match=r"module 'hf_bigru_asr\.data' has no attribute 'load_speech'"):
        data.load_speech  # noqa: B018 - looked up
