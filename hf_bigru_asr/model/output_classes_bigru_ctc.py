"""The classes of the network's output, as the library's tools ask for them."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn


class OutputClasses:
    """Part of a model: what the library calls embeddings, of which a network on frames has none."""

    config: Any
    lm_head: nn.Linear

    def get_input_embeddings(self) -> None:
        """`None`: the inputs are frames, not tokens."""

    def get_output_embeddings(self) -> None:
        """`None`: `lm_head` shares no weights with embeddings of tokens, so adapters treat it as any other layer."""

    def resize_token_embeddings(
        self, new_num_tokens: int | None = None, pad_to_multiple_of: int | None = None, mean_resizing: bool = True
    ) -> nn.Linear:
        """Change the number of classes; those that stay keep their weights.

        Args:
            new_num_tokens: Number of classes, as `len(tokenizer)` gives it after `tokenizer.add_tokens`. `None`
                changes nothing.
            pad_to_multiple_of: Refused: a class without a symbol could not be decoded.
            mean_resizing: Whether new classes begin with the mean weights of the others, or with random ones.

        Returns:
            `lm_head`.

        Raises:
            ValueError: If the model has no output layer, the blank would not be among the classes, or
                `pad_to_multiple_of` is given.
        """
        if not hasattr(self, "lm_head"):
            raise ValueError(f"{type(self).__name__} has no output layer; resize a BiGRUForCTC.")
        if pad_to_multiple_of is not None:
            raise ValueError(
                f"pad_to_multiple_of is {pad_to_multiple_of}; every class needs a symbol, so give new_num_tokens "
                "alone, as len(tokenizer)."
            )
        if new_num_tokens is None:
            return self.lm_head
        if new_num_tokens <= self.config.pad_token_id:
            raise ValueError(
                f"new_num_tokens is {new_num_tokens}; the blank, class {self.config.pad_token_id}, must stay."
            )
        needs_gradient = self.lm_head.weight.requires_grad
        model: Any = self
        self.lm_head = model._get_resized_lm_head(self.lm_head, new_num_tokens, mean_resizing=mean_resizing)
        self.lm_head.requires_grad_(needs_gradient)
        self.config.vocab_size = new_num_tokens
        return self.lm_head

    @torch.no_grad()
    def replace_output_classes(self, sources: Sequence[int | None], blank: int = 0) -> nn.Linear:
        """Give the output other classes, each with the weights of one that there was.

        Args:
            sources: For every new class the old one whose weights it begins with. `None` begins with the mean of all
                but the blank, so that it is as likely as any.
            blank: The blank among the new classes.

        Returns:
            `lm_head`. The configuration has the new `vocab_size` and `pad_token_id`.

        Raises:
            ValueError: If a source is no class, or the blank is none of the new ones.
        """
        if not hasattr(self, "lm_head"):
            raise ValueError(f"{type(self).__name__} has no output layer; give a BiGRUForCTC.")
        before = self.lm_head
        if unknown := [each for each in sources if each is not None and not 0 <= each < before.out_features]:
            raise ValueError(f"sources have {unknown[0]}; the model has the classes 0 to {before.out_features - 1}.")
        if not 0 <= blank < len(sources):
            raise ValueError(f"blank is {blank}; it must be one of the {len(sources)} new classes.")
        spoken = [index for index in range(before.out_features) if index != self.config.pad_token_id]
        after = nn.Linear(before.in_features, len(sources), device=before.weight.device, dtype=before.weight.dtype)
        for name in ("weight", "bias"):
            old, new = getattr(before, name), getattr(after, name)
            for index, source in enumerate(sources):
                new[index] = old[spoken].mean(0) if source is None else old[source]
            new.requires_grad_(old.requires_grad)
        self.lm_head = after
        self.config.vocab_size, self.config.pad_token_id = len(sources), blank
        return after


__all__ = ["OutputClasses"]
