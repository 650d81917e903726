"""The sound that the tests of files read back."""

import numpy as np
import pytest
from encoded_sound import Samples, make_tone


@pytest.fixture(scope="module")
def speechlike() -> Samples:
    """A second of two tones, louder towards the end, so that a lost end shows."""
    tones = make_tone(440, 16_000, 16_000, 0.3) + make_tone(1_100, 16_000, 16_000, 0.2)
    return tones * np.linspace(0.2, 1, 16_000, dtype=np.float32)
