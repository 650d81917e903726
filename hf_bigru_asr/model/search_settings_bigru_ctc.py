"""Settings of a beam search with a language model."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from .checked_files_bigru_ctc import read_model_json
from .field_rules_bigru_ctc import FLAG, Rule, check_fields, list_of, number, optional, shown, whole
from .hotwords_bigru_ctc import DEFAULT_HOTWORD_WEIGHT, check_hotwords
from .language_model_files_bigru_ctc import SETTINGS_NAME

__all__ = ["DEFAULT_PRESET", "BeamSearchSettings"]

_RULES: Mapping[str, Rule] = {
    "lm_weight": number(0, 1000),
    "word_score": number(-1000, 1000),
    "prior_weight": number(-100, 100),
    "class_priors": list_of(number(0, 1, is_open=True)),
    "log_add": FLAG,
    "beam_size": whole(1, 100_000),
    "beam_size_token": optional(whole(1, 1_000_000)),
    "beam_threshold": number(0, is_open=True),
    "blank_margin": optional(number(0, is_open=True)),
    "nbest": whole(1, 100_000),
    "min_evidence": number(0, 10_000),
    "num_offsets": optional(whole(1, 8)),
}
"""Fields; hotwords have rules of their own."""
DEFAULT_PRESET = "accurate"
"""Name of the settings at the top of the file; others are its field `presets`."""


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
        blank_margin: Nats by which the blank is better than every other class, after the division by priors, in frames
            that the search leaves out. The first frame of a run of them stays, so that equal letters remain apart.
            `None` leaves out no frame.
        nbest: Hypotheses that are returned.
        hotwords: Expected phrases, each with the bonus of every word of it in nats. A list of phrases gives each
            [`DEFAULT_HOTWORD_WEIGHT`]. Words outside the lexicon are allowed, of the characters of the model.
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
    blank_margin: float | None = None
    nbest: int = 1
    hotwords: Mapping[str, float] = field(default_factory=dict)
    min_evidence: float = 0.0
    num_offsets: int | None = None

    def __post_init__(self) -> None:
        """Check the values."""
        check_fields(vars(self), _RULES)
        object.__setattr__(self, "class_priors", tuple(self.class_priors))
        if isinstance(self.hotwords, str):
            raise TypeError(f"hotwords is the string {self.hotwords!r}; give a list of phrases, or weights by phrase.")
        if not isinstance(self.hotwords, Mapping):
            object.__setattr__(self, "hotwords", dict.fromkeys(self.hotwords, DEFAULT_HOTWORD_WEIGHT))
        check_hotwords(self.hotwords)
        if self.hotwords and self.lm_weight == 0:
            raise ValueError("lm_weight is 0; hotwords need a language model with a weight above 0.")

    @classmethod
    def from_folder(cls, folder: str | Path, *, preset: str | None = None, **changes: Any) -> "BeamSearchSettings":
        """Settings that `scripts/tune_decoding.py` wrote beside a language model, or the defaults without a file.

        Args:
            folder: The language model.
            preset: Name of settings in the file, `"accurate"` (the same as `None`) or `"fast"` for example.
            changes: Fields to set otherwise.

        Raises:
            ValueError: If the file is broken, or there is no such preset or field.
        """
        known = {each.name for each in fields(cls)}
        if unknown := sorted(changes.keys() - known):
            raise ValueError(
                f"There is no setting {', '.join(unknown)} of beam search; choose of {', '.join(sorted(known))}."
            )
        path = Path(folder) / SETTINGS_NAME
        values = read_model_json(path) if path.is_file() else {}
        presets = values.get("presets", {})
        if not isinstance(presets, dict) or not all(isinstance(each, dict) for each in presets.values()):
            raise ValueError(f"{path}: presets is {shown(presets)}; it must have settings by their names.")
        if preset not in (None, DEFAULT_PRESET, *presets):
            raise ValueError(
                f"There is no preset {preset!r} beside the language model {folder}; choose of "
                f"{', '.join([DEFAULT_PRESET, *presets])}."
            )
        stored = _known(values, known)
        try:
            for chosen in presets.values():
                cls(**stored | _known(chosen, known))
            cls(**stored)
        except (ValueError, TypeError, AttributeError) as error:  # the last ones of hotwords that are no texts
            raise ValueError(f"{path}: {error} Tune it anew with scripts/tune_decoding.py.") from error
        return cls(**stored | _known(presets.get(preset, {}), known) | changes)


def _known(values: Mapping[str, Any], known: set[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in known}
