"""Settings of a beam search with a language model."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from .hotwords_bigru_ctc import DEFAULT_HOTWORD_WEIGHT, HotwordPhrases
from .language_model_files_bigru_ctc import SETTINGS_NAME, read_model_json

__all__ = ["BeamSearchSettings"]


@dataclass(frozen=True)
class BeamSearchSettings:
    """Weights and width of a beam search; the weights belong to one network and one language model.

    Args:
        lm_weight: Weight of the language model's log-probabilities.
        word_score: Added for every word (and every letter of a word that is spelled).
        prior_weight: Exponent of the class priors that the network's probabilities are divided by (EESEN); lowers
            deletions.
        class_priors: Mean probability of every class, for `prior_weight`.
        log_add: Whether the score of a hypothesis sums the probabilities of its paths; otherwise the best path counts.
        beam_size: Hypotheses that are kept at every frame.
        beam_size_token: Best classes of a frame that extend a hypothesis; all if `None`.
        beam_threshold: Hypotheses whose score is this much below the best one, in nats, are dropped.
        nbest: Hypotheses that are returned.
        hotwords: Expected phrases, each with the bonus of every word of it in nats. A list of phrases gives each
            [`DEFAULT_HOTWORD_WEIGHT`]. Words outside the lexicon are allowed.
        min_evidence: Nats per second by which letters must be likelier than the blank to be speech, see
            [`without_weak_letters`]; 0 takes all.
        num_offsets: Frame grids with which the weights were tuned. [`BeamSearchPipeline`] and the scripts use as many
            by default; the decoder itself does not read it.

    Raises:
        ValueError: If a value is out of range, or there are hotwords and no weight for the language model.
        TypeError: If `hotwords` is a string.
    """

    lm_weight: float = 2.0
    word_score: float = 0.0
    prior_weight: float = 0.0
    class_priors: tuple[float, ...] = ()
    log_add: bool = True
    beam_size: int = 100
    beam_size_token: int | None = None
    beam_threshold: float = 50.0
    nbest: int = 1
    hotwords: Mapping[str, float] = field(default_factory=dict)
    min_evidence: float = 0.0
    num_offsets: int | None = None

    def __post_init__(self) -> None:
        """Check the values."""
        object.__setattr__(self, "class_priors", tuple(self.class_priors))
        if not all(0 < prior <= 1 for prior in self.class_priors):
            raise ValueError(f"class_priors are {self.class_priors}; each must be above 0 and at most 1.")
        if isinstance(self.hotwords, str):
            raise TypeError(f"hotwords is the string {self.hotwords!r}; give a list of phrases, or weights by phrase.")
        if not isinstance(self.hotwords, Mapping):
            object.__setattr__(self, "hotwords", dict.fromkeys(self.hotwords, DEFAULT_HOTWORD_WEIGHT))
        HotwordPhrases(self.hotwords)
        if self.hotwords and self.lm_weight == 0:
            raise ValueError("lm_weight is 0; hotwords need a language model with a weight above 0.")
        for name in ("beam_size", "nbest"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        if self.beam_size_token is not None and self.beam_size_token < 1:
            raise ValueError(f"beam_size_token is {self.beam_size_token}; it must be at least 1, or None for all.")
        if self.num_offsets is not None and self.num_offsets < 1:
            raise ValueError(f"num_offsets is {self.num_offsets}; it must be at least 1, or None.")
        if not self.min_evidence >= 0:
            raise ValueError(f"min_evidence is {self.min_evidence}; it must be at least 0.")
        if self.beam_threshold <= 0 or self.lm_weight < 0:
            raise ValueError(
                f"beam_threshold is {self.beam_threshold} and lm_weight {self.lm_weight}; the one must be positive "
                "and the other not negative."
            )

    @classmethod
    def from_folder(cls, folder: str | Path, **changes: Any) -> "BeamSearchSettings":
        """Settings that `scripts/tune_decoding.py` wrote beside a language model, or the defaults without a file.

        Args:
            folder: The language model.
            changes: Fields to set otherwise.

        Raises:
            ValueError: If the file is broken, or there is no such field.
        """
        known = {each.name for each in fields(cls)}
        if unknown := sorted(changes.keys() - known):
            raise ValueError(
                f"There is no setting {', '.join(unknown)} of beam search; choose of {', '.join(sorted(known))}."
            )
        path = Path(folder) / SETTINGS_NAME
        values = read_model_json(path) if path.is_file() else {}
        return cls(**{name: value for name, value in values.items() if name in known} | changes)
