"""When each character of a known text was said."""

from dataclasses import dataclass

import torch
from torchaudio.functional import forced_align, merge_tokens

from .modeling_bigru_ctc import num_frames_needed
from .tokenization_bigru_ctc import BiGRUCTCTokenizer

__all__ = ["CharacterSpan", "align_log_probs"]


@dataclass(frozen=True)
class CharacterSpan:
    """One character and its time.

    Args:
        char: The character; a space between words.
        start_s: Where it begins, in seconds.
        end_s: Where it ends.
        score: Highest probability that the network gives it there.
    """

    char: str
    start_s: float
    end_s: float
    score: float


def align_log_probs(
    log_probs: torch.Tensor, text: str, tokenizer: BiGRUCTCTokenizer, frame_s: float
) -> list[CharacterSpan]:
    """Times of the characters of a text on the most probable path that spells it.

    Args:
        log_probs: `(frames, classes)`, the `logits` of one utterance without its padding.
        text: What was said, over the alphabet of the tokenizer.
        tokenizer: Gives the classes of the characters.
        frame_s: Seconds per frame.

    Returns:
        A span for every character of `text`.

    Raises:
        ValueError: If the text has characters outside the alphabet or needs more frames than there are.
    """
    if not text:
        return []
    ids = torch.tensor([tokenizer(text).input_ids])
    needed = int(num_frames_needed(ids))
    if needed > len(log_probs):
        raise ValueError(
            f"The text {text[:60]!r} needs {needed} frames, one per character and one between equal neighbours, but "
            f"there are {len(log_probs)}, {len(log_probs) * frame_s:.2f} s. Check that text and audio belong together."
        )
    emissions = log_probs[None].float().cpu().contiguous()
    path, _ = forced_align(emissions, ids, blank=tokenizer.pad_token_id)
    scores = emissions[0].gather(1, path[0, :, None])[:, 0].exp()
    spans = merge_tokens(path[0], scores, blank=tokenizer.pad_token_id)
    return [
        CharacterSpan(char, span.start * frame_s, span.end * frame_s, float(scores[span.start : span.end].max()))
        for char, span in zip(text, spans, strict=True)
    ]
