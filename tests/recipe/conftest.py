"""The aligner of the bundled model."""

import pytest

from hf_bigru_asr.alignment.aligner import Aligner


@pytest.fixture(scope="session")
def aligner() -> Aligner:
    return Aligner.from_pretrained("bundled")
