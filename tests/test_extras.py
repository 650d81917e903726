"""What an error says when an optional package is missing."""

import re
import tomllib

import pytest
from repository import REPOSITORY

from hf_bigru_asr.extras import EXTRAS, needs_extra

DECLARED = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["optional-dependencies"]


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_packages_of_an_extra_are_those_of_the_project(extra: str) -> None:
    names = tuple(re.split(r"[^\w-]", requirement)[0] for requirement in DECLARED[extra])
    assert names == EXTRAS[extra]


def test_every_extra_for_users_is_known() -> None:
    assert DECLARED.keys() - EXTRAS.keys() == {"dev", "docs", "lm", "onnx", "test"}
    assert DECLARED["lm"] == DECLARED["onnx"] == []  # for the commands of earlier releases


def test_the_message_can_be_followed_without_this_package_on_an_index() -> None:
    assert needs_extra("OpenVINO", "openvino") == (
        'OpenVINO needs the extra `openvino`: pip install openvino, or in a clone pip install -e ".[openvino]".'
    )
    for path in [*(REPOSITORY / "hf_bigru_asr").rglob("*.py"), *(REPOSITORY / "scripts").rglob("*.py")]:
        assert "pip install 'hf-bigru-asr" not in path.read_text(encoding="utf-8"), path
