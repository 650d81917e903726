"""Teaching a network that silence, noise and music have no text, by distillation from itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import pad
from torch.nn.utils.rnn import pad_sequence

from hf_bigru_asr import BiGRUCTCFeatureExtractor, BiGRUForCTC
from hf_bigru_asr.data.augmentation import coloured_noise
from hf_bigru_asr.data.recording_conditions import speechless_sound

__all__ = [
    "SilenceExample",
    "change_normalization",
    "distillation_loss",
    "examples",
    "learn_silence",
]

Waveform = npt.NDArray[np.float32]

SIDE_S = (0.2, 6.0)
SIDE_PROB = 0.75
"""How often there is silence on a side of an utterance."""
NOISE_PROB = 0.6
"""How often that is noise, and not zeros."""
LEVEL_DB = (-75.0, -38.0)
SLOPE_DB = (-6.0, 0.0)
THROUGHOUT_PROB = 0.4
"""How often noise lies under the speech, too."""
GAIN_PROB = 0.3
GAIN_DB = (-25.0, 0.0)
SPEECHLESS_PROB = 0.15
SPEECHLESS_S = (3.0, 10.0)
MAX_GRAD_NORM = 1.0


@dataclass(frozen=True)
class SilenceExample:
    """What the network hears, and what it should hear.

    Args:
        waveform: `(samples,)` float32 in [-1, 1].
        clip: The utterance alone, as the teacher hears it; `None` where nothing is spoken.
        first_frame: Where its first frame is among those of `waveform`.
    """

    waveform: Waveform
    clip: Waveform | None
    first_frame: int = 0


def examples(
    clips: Sequence[Waveform], sampling_rate: int, hop_length: int, rng: np.random.Generator
) -> Iterator[SilenceExample]:
    """Utterances with silence around them, in random order without end, and sounds without speech between them.

    Args:
        clips: Utterances, each `(samples,)` float32 in [-1, 1].
        sampling_rate: Their sampling rate in Hz.
        hop_length: Samples of a frame; the silence before an utterance has whole frames.
        rng: Source of randomness.

    Raises:
        ValueError: If there is no utterance.
    """
    if not clips:
        raise ValueError("There is no utterance to put silence around; give at least one.")
    while True:
        for position in rng.permutation(len(clips)):
            if rng.random() < SPEECHLESS_PROB:
                yield SilenceExample(speechless_sound(rng.uniform(*SPEECHLESS_S), sampling_rate, rng), None)
            yield _surrounded(clips[position], sampling_rate, hop_length, rng)


def _surrounded(clip: Waveform, sampling_rate: int, hop_length: int, rng: np.random.Generator) -> SilenceExample:
    limit = sampling_rate / hop_length
    before, after = (
        round(np.exp(rng.uniform(*np.log(SIDE_S))) * limit) if rng.random() < SIDE_PROB else 0 for _ in range(2)
    )
    gain = 10 ** (rng.uniform(*GAIN_DB) / 20) if rng.random() < GAIN_PROB else 1.0
    waveform = np.pad(np.float32(gain) * clip, (before * hop_length, after * hop_length))
    if rng.random() < NOISE_PROB:
        noise = coloured_noise(len(waveform), rng.uniform(*SLOPE_DB), rng) * 10 ** (rng.uniform(*LEVEL_DB) / 20)
        if rng.random() >= THROUGHOUT_PROB:
            noise[before * hop_length : before * hop_length + len(clip)] = 0
        waveform += noise
    return SilenceExample(np.clip(waveform, -1, 1).astype(np.float32), clip, before)


def change_normalization(
    model: BiGRUForCTC,
    extractor: BiGRUCTCFeatureExtractor,
    former: BiGRUCTCFeatureExtractor,
    clips: Sequence[Waveform],
) -> None:
    """Change the first layer so that a network reads other features as it read its own, as nearly as possible.

    On average over utterances, a bin of the one features is a linear function of the same bin of the others, which the
    first layer takes in.

    Args:
        model: The network, changed in place.
        extractor: The features that it shall read.
        former: The features that it read, on the same frames.
        clips: Utterances, each `(samples,)` float32 in [-1, 1].
    """
    num_frames = 0
    factor, constant = torch.zeros(extractor.feature_size), torch.zeros(extractor.feature_size)
    for clip in clips:
        new, old = (each.extract(torch.from_numpy(clip)) for each in (extractor, former))
        covariance = ((new - new.mean(0)) * (old - old.mean(0))).mean(0)
        slope = covariance / new.var(0, correction=0).clamp(min=1e-6)
        factor += len(new) * slope
        constant += len(new) * (old.mean(0) - slope * new.mean(0))
        num_frames += len(new)
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for direction in ("", "_reverse"):
            weight = parameters[f"bigru.layers.0.weight_ih_l0{direction}"]
            parameters[f"bigru.layers.0.bias_ih_l0{direction}"].add_(weight @ (constant / num_frames))
            weight.mul_(factor / num_frames)


def distillation_loss(
    log_probs: torch.Tensor, targets: Sequence[torch.Tensor | None], firsts: Sequence[int], lengths: Sequence[int]
) -> torch.Tensor:
    """Mean cross-entropy of the frames to the teacher's probabilities, or to the blank where there is no utterance.

    Args:
        log_probs: `(batch, frames, classes)`.
        targets: The teacher's probabilities `(frames, classes)` for each utterance, `None` without one.
        firsts: Where its first frame is.
        lengths: `(batch,)` valid frames.
    """
    wanted = torch.zeros_like(log_probs)
    wanted[..., 0] = 1.0  # the blank
    for row, (target, first) in enumerate(zip(targets, firsts, strict=True)):
        if target is not None:
            size = min(len(target), log_probs.shape[1] - first)
            wanted[row, first : first + size] = target[:size]
    valid = torch.arange(log_probs.shape[1])[None] < torch.tensor(lengths)[:, None]
    return -(wanted * log_probs).sum(-1)[valid].mean()


def learn_silence(
    model: BiGRUForCTC,
    teacher: BiGRUForCTC,
    extractor: BiGRUCTCFeatureExtractor,
    teacher_extractor: BiGRUCTCFeatureExtractor,
    source: Iterator[SilenceExample],
    *,
    steps: int,
    batch_size: int = 16,
    learning_rate: float = 2e-4,
) -> Iterator[float]:
    """Train a network to hear in silence what its teacher hears in the utterance alone.

    Args:
        model: The network, changed in place.
        teacher: The network as it was.
        extractor: Features of the network.
        teacher_extractor: Features of the teacher, with as many samples per frame.
        source: See [`examples`].
        steps: Updates.
        batch_size: Examples of an update.
        learning_rate: The highest one; it falls to 0 along a cosine, after a twentieth of the steps.

    Yields:
        The loss of every step, less the entropy of the teacher where it heard an utterance.
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=0.0)
    warm = max(1, steps // 20)
    schedule: Any = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min((step + 1) / warm, 0.5 + 0.5 * float(np.cos(np.pi * min(1.0, step / max(steps, 1))))),
    )
    model.eval()  # without dropout the targets can be met
    teacher.eval()
    for _ in range(steps):
        batch = [next(source) for _ in range(batch_size)]
        heard = [each.clip for each in batch if each.clip is not None]
        with torch.inference_mode():
            known = iter(_probabilities(teacher, teacher_extractor, heard))
        targets = [None if each.clip is None else next(known).clone() for each in batch]
        frames = [extractor.extract(torch.from_numpy(each.waveform)) for each in batch]
        lengths = [len(each) for each in frames]
        mask = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
        log_probs = model(input_features=pad_sequence(frames, batch_first=True), attention_mask=mask).logits
        loss = distillation_loss(log_probs, targets, [each.first_frame for each in batch], lengths)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_GRAD_NORM)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        entropy = sum(float(torch.special.entr(each).sum()) for each in targets if each is not None) / sum(lengths)
        yield float(loss.detach()) - entropy


def _probabilities(
    teacher: BiGRUForCTC, extractor: BiGRUCTCFeatureExtractor, clips: Sequence[Waveform]
) -> list[torch.Tensor]:
    frames = [extractor.extract(torch.from_numpy(clip)) for clip in clips]
    size = max(map(len, frames), default=0)
    batch = [pad(each, (0, 0, 0, size - len(each))) for each in frames]
    mask = torch.tensor([[position < len(each) for position in range(size)] for each in frames])
    if not frames:
        return []
    log_probs = teacher(input_features=torch.stack(batch), attention_mask=mask).logits
    return [row[: len(each)].exp() for row, each in zip(log_probs, frames, strict=True)]
