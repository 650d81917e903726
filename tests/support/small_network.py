"""A small network, batches for it, and log-probabilities over a small vocabulary, for tests of the model."""

import torch
from runtime_support import randomise_biases

from hf_bigru_asr import BiGRUCTCConfig, BiGRUForCTC

MELS = 7
LENGTHS = [13, 1, 6, 13, 2]
SMALL_VOCABULARY = ["<pad>", "|", "A", "B"]
LABELS = torch.tensor([[1, 2], [3, -100], [4, 5], [1, 1], [2, -100]])


def new_model(**values: float | str) -> BiGRUForCTC:
    """A small model without dropout or masking, but for `values`, as it is initialised."""
    defaults = {
        "num_mel_bins": MELS,
        "hidden_size": 5,
        "num_hidden_layers": 3,
        "vocab_size": 6,
        "hidden_dropout": 0.0,
        "apply_spec_augment": False,
    }
    return BiGRUForCTC(BiGRUCTCConfig(**(defaults | values)))


def make_model(**values: float | str) -> BiGRUForCTC:
    """The same with biases that are not zero."""
    model = new_model(**values)
    randomise_biases(model)
    return model


def make_mask(lengths: list[int], num_frames: int | None = None) -> torch.Tensor:
    return (torch.arange(num_frames or max(lengths))[None, :] < torch.tensor(lengths)[:, None]).long()


def make_batch(lengths: list[int], num_frames: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise `(batch, frames, MELS)`, on padding too, and its attention mask."""
    mask = make_mask(lengths, num_frames)
    return torch.randn(*mask.shape, MELS), mask


def random_log_probs(seed: int, num_frames: int) -> torch.Tensor:
    """`(frames, classes)` over the small vocabulary."""
    generator = torch.Generator().manual_seed(seed)
    return (2 * torch.randn(num_frames, len(SMALL_VOCABULARY), generator=generator)).log_softmax(-1)
