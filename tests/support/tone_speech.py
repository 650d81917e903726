"""A language of tones and a network that understands it, so that text and times are known by construction.

Every letter is a tone at the centre of a mel bin of its own. The network is a `BiGRUForCTC` whose weights are written
by hand: its update gate is shut, so a state depends on its own frame only, and state `k` is positive where the bin of
letter `k` is nearly as loud as that tone makes it. It hears nothing else: silence and noise of low level are blanks.
"""

from pathlib import Path

import numpy as np
import torch

from hf_bigru_asr import BiGRUCTCConfig, BiGRUCTCFeatureExtractor, BiGRUCTCProcessor, BiGRUCTCTokenizer, BiGRUForCTC

RATE_HZ = 16_000
HOP = 320
NUM_MELS = 128
FIRST_BIN, BIN_STEP = 16, 4
AMPLITUDE = 0.3
RAMP_S = 0.01
MARGIN = 3.0  # natural logarithm of power below the tone's own level at which a letter ends

Span = tuple[str, float, float]


def _tone_hz(symbol_id: int) -> float:
    mel = (FIRST_BIN + BIN_STEP * (symbol_id - 1) + 1) * 2595 * np.log10(1 + 8000 / 700) / (NUM_MELS + 1)
    return float(700 * (10 ** (mel / 2595) - 1))


def _tone(symbol_id: int, duration_s: float, rate_hz: int) -> np.ndarray:
    time = np.arange(round(duration_s * rate_hz)) / rate_hz
    ramp = np.clip(np.minimum(time, duration_s - time) / RAMP_S, 0.0, 1.0)
    return AMPLITUDE * np.sin(np.pi / 2 * ramp) ** 2 * np.sin(2 * np.pi * _tone_hz(symbol_id) * time)


def speak(text: str, rate_hz: int = RATE_HZ, seed: int = 0) -> tuple[np.ndarray, list[Span]]:
    """Audio of `text` with letters and gaps of random lengths, and `(letter, start, end)` of each in seconds."""
    rng = np.random.default_rng(seed)
    vocabulary = BiGRUCTCTokenizer().get_vocab()
    pieces, spans = [np.zeros(round(rng.uniform(0.05, 0.15) * rate_hz))], []
    for letter in text:
        start_s = sum(map(len, pieces)) / rate_hz
        duration_s = rng.uniform(0.08, 0.16)
        pieces.append(_tone(vocabulary["|" if letter == " " else letter], duration_s, rate_hz))
        spans.append((letter, start_s, start_s + duration_s))
        pieces.append(np.zeros(round(rng.uniform(0.06, 0.12) * rate_hz)))
    return np.concatenate(pieces).astype(np.float32), spans


def save_listener(folder: Path) -> None:
    """Save the network and its processor into `folder`."""
    # Without normalisation over the utterance a chunk has the features of the whole.
    extractor = BiGRUCTCFeatureExtractor(normalization="none")
    tokenizer = BiGRUCTCTokenizer()
    size = tokenizer.vocab_size - 1
    model = BiGRUForCTC(BiGRUCTCConfig(hidden_size=size, num_hidden_layers=1))
    update, new = slice(size, 2 * size), 2 * size
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        layer = model.bigru.layers[0]
        layer.bias_ih_l0[update] = -30.0
        for index in range(size):
            mel_bin = FIRST_BIN + BIN_STEP * index
            frames = extractor(_tone(index + 1, 0.5, RATE_HZ), sampling_rate=RATE_HZ, return_tensors="pt")
            level = frames.input_features[0, 5:20, mel_bin].mean()
            layer.weight_ih_l0[new + index, mel_bin] = 0.05
            layer.bias_ih_l0[new + index] = -0.05 * (level - MARGIN)
            model.lm_head.weight[index + 1, index] = 100.0
    model.save_pretrained(folder)
    BiGRUCTCProcessor(extractor, tokenizer).save_pretrained(folder)
