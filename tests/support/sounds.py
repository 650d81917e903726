"""Sounds for tests of features and networks."""

import numpy as np
import numpy.typing as npt


def changing_sound(num_samples: int, seed: int = 0) -> npt.NDArray[np.float32]:
    """Noise whose colour and loudness change."""
    rng = np.random.default_rng(seed)
    tone = np.sin(np.cumsum(np.repeat(rng.uniform(0.01, 2.5, num_samples // 800 + 1), 800)[:num_samples]))
    return (0.3 * tone * np.linspace(0.1, 1, num_samples) + rng.normal(0, 0.05, num_samples)).astype(np.float32)
