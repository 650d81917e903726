"""A synthetic voice that is another speaker in every utterance.

hibari predicts a spectrum for every frame and makes the waveform of it with a vocoder. Between the two, pitch,
intonation, resonances, spectral tilt, breath and rhythm are changed at random.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hf_bigru_asr.extras import needs_extra

__all__ = ["Speaker", "VariedHibariVoice"]

Waveform = npt.NDArray[np.float32]
Spectrum = npt.NDArray[np.float32]

PITCH = (0.5, 1.35)
"""Range of the factor on the pitch of the voice, a woman of about 200 Hz."""
INTONATION = (0.5, 1.6)
RESONANCE = (0.82, 1.14)
"""Range of the factor on all resonances, from a large man to a child."""
BEND = 0.06
"""Standard deviation of the factors of single regions of the spectrum."""
BEND_HZ = (0.0, 400.0, 900.0, 1600.0, 2500.0, 3800.0, 6000.0, 12000.0)
TILT_DB = (-4.0, 4.0)
"""Range of the tilt per octave above 500 Hz."""
BREATH_DB = (-6.0, 9.0)
FORMANT_DB = 2.5
"""Standard deviation of the level of single regions of the spectrum."""
RHYTHM = 0.18
"""Standard deviation of the logarithm of the local rate of speech."""
RHYTHM_FRAMES = 16


@dataclass(frozen=True)
class Speaker:
    """Properties of one speaker.

    Args:
        pitch: Factor on the pitch.
        intonation: Factor on the logarithmic range of the pitch.
        edges_hz: `(regions + 1,)` frequencies in the voice's own spectrum.
        moved_hz: `(regions + 1,)` where they lie in the speaker's.
        levels_db: `(regions + 1,)` change of level there.
        breath_db: Level of the noise of the breath, relative to the voice's own.
        rhythm: `(knots,)` logarithms of the local rate of speech.
    """

    pitch: float
    intonation: float
    edges_hz: npt.NDArray[np.float64]
    moved_hz: npt.NDArray[np.float64]
    levels_db: npt.NDArray[np.float64]
    breath_db: float
    rhythm: npt.NDArray[np.float64]

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Speaker":
        """A random speaker; a low pitch most often has low resonances."""
        size = rng.uniform(-1, 1)  # of the body: small is negative
        pitch, resonance = (
            float(
                np.exp(np.interp(np.clip(0.75 * -size + 0.5 * rng.standard_normal(), -1, 1), [-1, 1], np.log(bounds)))
            )
            for bounds in (PITCH, RESONANCE)
        )
        edges = np.array(BEND_HZ)
        factors = resonance * np.exp(BEND * rng.standard_normal(len(edges)))
        moved = np.maximum.accumulate(edges * factors)
        octaves = np.maximum(np.log2(np.maximum(edges, 1.0) / 500.0), 0.0)
        levels = rng.uniform(*TILT_DB) * octaves + FORMANT_DB * rng.standard_normal(len(edges))
        return cls(
            pitch=pitch,
            intonation=float(np.exp(rng.uniform(*np.log(INTONATION)))),
            edges_hz=edges,
            moved_hz=moved,
            levels_db=levels,
            breath_db=float(rng.uniform(*BREATH_DB)),
            rhythm=RHYTHM * rng.standard_normal(64),
        )


class VariedHibariVoice:
    """A hibari voice whose speaker is drawn from the seed of each utterance.

    Args:
        name: Voice of hibari, `"heart"` for example, which ships in its package.

    Raises:
        ImportError: If hibari is not installed.
    """

    def __init__(self, name: str) -> None:
        try:
            from hibari import SAMPLE_RATE, Hibari, dsp
        except ImportError as error:
            raise ImportError(needs_extra("A hibari voice", "synthesis")) from error
        self._engine, self._dsp = Hibari(name), dsp
        self.sampling_rate = int(SAMPLE_RATE)

    def __call__(self, text: str, pace: float, seed: int) -> Waveform:
        """Synthesise `text` as `(samples,)` at `pace` times the voice's own rate of speech."""
        rng = np.random.default_rng(seed)
        speaker = Speaker.draw(rng)
        parts = []
        for phonemes in self._engine.phonemize(text):
            feed = {
                "ids": np.asarray([self._engine.ids(phonemes)], np.int64),
                "speed": np.asarray([pace], np.float32),
            }
            harmonic, rotation, noise, free, phase, pitch = (part[0] for part in self._engine.sess.run(None, feed))
            moment = _moments(harmonic.shape[1], speaker.rhythm)
            harmonic, noise, free = (
                _warped(part, speaker, self.sampling_rate)[:, moment] for part in (harmonic, noise, free)
            )
            noise = noise + np.float32(speaker.breath_db / 20 * np.log(10))
            parts.append(
                self._dsp.synth(
                    harmonic, rotation[:, moment], noise, free, phase[:, moment], _pitch(pitch, speaker)[moment], rng
                )
            )
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _moments(num_frames: int, rhythm: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Frames of the voice in the order and at the local rates of the speaker."""
    knots = np.arange(len(rhythm)) * RHYTHM_FRAMES
    durations = np.exp(np.interp(np.arange(num_frames) % knots[-1], knots, rhythm))
    ends = np.cumsum(durations)
    return np.minimum(np.searchsorted(ends, np.arange(int(ends[-1])) + 0.5), num_frames - 1)


def _warped(log_magnitude: Spectrum, speaker: Speaker, sampling_rate: int) -> Spectrum:
    """`(bins, frames)` logarithms of magnitudes with the speaker's resonances and levels."""
    num_bins = len(log_magnitude)
    hertz = np.arange(num_bins) * sampling_rate / 2 / (num_bins - 1)
    source = np.interp(hertz, speaker.moved_hz, speaker.edges_hz) / (sampling_rate / 2) * (num_bins - 1)
    lower = np.minimum(source.astype(int), num_bins - 2)
    share = np.clip(source - lower, 0, 1).astype(np.float32)[:, None]
    warped = log_magnitude[lower] * (1 - share) + log_magnitude[lower + 1] * share
    level = np.interp(hertz, speaker.moved_hz, speaker.levels_db) / 20 * np.log(10)
    return warped + level.astype(np.float32)[:, None]


def _pitch(pitch_hz: Waveform, speaker: Speaker) -> Waveform:
    """`(frames,)` in hertz; 0 stays 0, where nothing is voiced."""
    voiced = pitch_hz > 40.0  # the vocoder's own threshold
    if not voiced.any():
        return pitch_hz
    centre = np.log(np.median(pitch_hz[voiced]))
    changed = np.exp(centre + speaker.intonation * (np.log(np.maximum(pitch_hz, 40.0)) - centre)) * speaker.pitch
    return np.where(voiced, np.clip(changed, 55.0, 500.0), 0.0).astype(np.float32)
