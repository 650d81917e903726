"""Expected word errors of what a beam search with a language model finds, with their gradient.

[`expected_word_errors`] asks what the network writes by itself. Where a language model has a say, other errors matter:
those that it does not mend, and those that it makes. So here the readings come from the very search that decodes, with
the scores that it gives them.
"""

from collections.abc import Callable, Sequence

import torch
from torch.nn.functional import ctc_loss
from torch.nn.utils.rnn import pad_sequence

from .word_errors_bigru_ctc import count_word_errors, split_words

__all__ = ["Reading", "ReadingSearch", "nbest_word_errors"]

Reading = tuple[Sequence[int], float]
"""Token ids and the logarithm of a weight."""
ReadingSearch = Callable[[torch.Tensor, torch.Tensor], Sequence[Sequence[Reading]]]
"""From log-probabilities `(batch, frames, classes)` and lengths `(batch,)` to the readings of every utterance,
at least one and all different: `search` of a [`BeamSearchDecoder`]."""


def nbest_word_errors(
    log_probs: torch.Tensor,
    lengths: torch.Tensor,
    labels: torch.Tensor,
    readings: Sequence[Sequence[Reading]],
    blank_token_id: int,
    word_delimiter_token_id: int,
    scale: float = 1.0,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Word errors of the readings of every utterance, each weighted by its share.

    The shares are the softmax of the scaled scores. Their gradient is that which they would have if a reading's score
    were the logarithm of its CTC probability and something that does not depend on the network.

    Args:
        log_probs: `(batch, frames, classes)`, a blank on padding.
        lengths: `(batch,)` valid frames.
        labels: `(batch, labels)` token ids, padded with negative ones or the blank.
        readings: What a [`ReadingSearch`] found in `log_probs`.
        blank_token_id: Class of the blank.
        word_delimiter_token_id: Class that stands between words.
        scale: What scores are multiplied by; the lower, the more do unlikely readings count.

    Returns:
        The expected errors, and the words of the transcripts: both `(batch,)`.

    Raises:
        ImportError: Without the package rapidfuzz.

    Source: R. Prabhavalkar et al., "Minimum word error rate training for attention-based sequence-to-sequence models",
        ICASSP 2018, equation 3, with the language model's score in the shares.
    """
    device = log_probs.device
    rows, targets, scores, errors, num_words = [], [], [], [], []
    for row, (found, ids) in enumerate(zip(readings, labels.tolist(), strict=True)):
        spoken = split_words([each for each in ids if each >= 0 and each != blank_token_id], word_delimiter_token_id)
        num_words.append(len(spoken))
        scores.append(torch.tensor([score for _, score in found], dtype=log_probs.dtype))
        written = [split_words(token_ids, word_delimiter_token_id) for token_ids, _ in found]
        errors.append(torch.tensor([count_word_errors(words, spoken) for words in written], dtype=log_probs.dtype))
        rows += [row] * len(found)
        targets += [torch.tensor(token_ids, dtype=torch.long) for token_ids, _ in found]
    of_row = torch.tensor(rows, device=device)
    log_likelihoods = -ctc_loss(
        log_probs.index_select(0, of_row).transpose(0, 1),
        torch.cat(targets).to(device),
        # An utterance without frames has a blank on its padding.
        lengths.clamp(min=1).index_select(0, of_row),
        torch.tensor([len(ids) for ids in targets], device=device),
        blank=blank_token_id,
        reduction="none",
        zero_infinity=True,
    )
    known = pad_sequence(scores, batch_first=True, padding_value=-torch.inf).to(device)
    moved = torch.zeros_like(known).masked_scatter(known.isfinite(), log_likelihoods - log_likelihoods.detach())
    shares = (scale * (known + moved)).softmax(-1)
    expected = (shares * pad_sequence(errors, batch_first=True).to(device)).sum(-1)
    return expected, torch.tensor(num_words, dtype=log_probs.dtype, device=device)
