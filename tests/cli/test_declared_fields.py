"""Fields that are read from source against the fields of the imported class."""

from dataclasses import MISSING, fields
from pathlib import Path

import pytest
from transformers import TrainingArguments

from hf_bigru_asr.cli.declared_fields import declared_fields, installed_module
from hf_bigru_asr.training.arguments import CTCTrainingArguments


@pytest.mark.parametrize(
    ("module", "kind"),
    [("transformers.training_args", TrainingArguments), ("hf_bigru_asr.training.arguments", CTCTrainingArguments)],
    ids=["foreign", "own"],
)
def test_the_source_has_the_fields_of_the_class(module: str, kind: type) -> None:
    path = installed_module(module)
    assert path is not None
    found = list(declared_fields(path, kind.__name__))
    declared = {field.name: field for field in fields(kind) if field.init and field.name in kind.__annotations__}  # type: ignore[arg-type]
    assert sorted(each.name for each in found) == sorted(declared)
    for each in found:
        field = declared[each.name]
        if each.help:
            assert field.metadata["help"] == each.help
        if each.default is not None and field.default is not MISSING:
            assert str(field.default) == each.default
        assert each.is_flag == ("bool" in str(field.type))


def test_a_package_that_is_not_installed_has_no_source() -> None:
    assert installed_module("no_such_package.module") is None
    with pytest.raises(FileNotFoundError, match=r"transformers has no nothing\.here at .*nothing/here\.py; install"):
        installed_module("transformers.nothing.here")


def test_source_is_not_executed(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("1 / 0\nclass A:\n    x: int = 1\n    y: bool = field(default=make(), metadata={'help': 'Y.'})\n")
    assert [(each.name, each.default, each.help) for each in declared_fields(path, "A")] == [
        ("x", "1", ""),
        ("y", None, "Y."),
    ]
