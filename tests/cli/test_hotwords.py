"""Hotwords of a command line are shown as they were understood."""

import pytest

from hf_bigru_asr.cli.hotwords import read_hotwords


def test_a_typo_in_a_weight_is_seen(capsys: pytest.CaptureFixture[str]) -> None:
    hotwords = read_hotwords(["Moby Dick:8", "Queequeg:9 5"])

    assert hotwords == {"MOBY DICK": 8.0, "QUEEQUEG NINE FIVE": 6.0}
    assert capsys.readouterr() == ("", "Hotwords: MOBY DICK with weight 8, QUEEQUEG NINE FIVE with weight 6\n")
