"""Beam search over the words of a lexicon with an n-gram language model, its settings, and word posteriors."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import torch

from .confidence_bigru_ctc import ConfidenceModel
from .ctc_alignment_bigru_ctc import align_log_probs
from .decoding_bigru_ctc import Hypothesis, ScoredTokens, utterances_of, words_of
from .hotwords_bigru_ctc import DEFAULT_HOTWORD_WEIGHT, HotwordPhrases
from .language_model_files_bigru_ctc import SETTINGS_NAME, read_model_json
from .lexicon_bigru_ctc import UNIT_END, UNIT_INSIDE, load_lexicon_decoder
from .tokenization_bigru_ctc import BiGRUCTCTokenizer

__all__ = ["BeamSearchDecoder", "BeamSearchSettings", "join_units", "word_posteriors"]

_IMPOSSIBLE = -1e4
"""Log-probability that rules a class out and whose sums over many frames stay finite."""
_NUM_CONSIDERED = 100
"""Hypotheses of a beam search, at most, from which posteriors are computed."""
WordPlace = tuple[tuple[int, ...], int, int]
"""A word's token ids, its first frame and its last frame."""


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
        if self.beam_threshold <= 0 or self.lm_weight < 0:
            raise ValueError(
                f"beam_threshold is {self.beam_threshold} and lm_weight {self.lm_weight}; the one must be positive "
                "and the other not negative."
            )

    @classmethod
    def from_folder(cls, folder: str | Path) -> "BeamSearchSettings":
        """Settings that `scripts/tune_decoding.py` wrote beside a language model, or the defaults without a file.

        Raises:
            ValueError: If the file is broken.
        """
        path = Path(folder) / SETTINGS_NAME
        if not path.is_file():
            return cls()
        values = read_model_json(path)
        return cls(**{each.name: values[each.name] for each in fields(cls) if each.name in values})


class BeamSearchDecoder:
    """Beam search over the words of a lexicon with a language model.

    With the spelling units of [`lexicon_entries`] in the lexicon it can spell words that are not there. The search has
    one limit: a letter inside a spelled word takes exactly one frame (and blanks), a letter of a lexicon word any
    number.

    Args:
        folder: A language model as `scripts/build_lm.py` writes it: `lm.binary` and `lexicon.txt`.
        tokenizer: Gives the characters of the classes.
        frame_s: Seconds per frame: `inputs_to_logits_ratio / sampling_rate`.
        settings: Weights and width; `None` takes those of the folder, or the defaults.
        confidence: Turns the features of a word into a confidence; `"own"` takes that of the folder, if there is one.

    Raises:
        ImportError: If the extra `lm` is not installed.
        FileNotFoundError: If a file of the language model is missing.
        ValueError: If a file is broken, the lexicon has symbols that the tokenizer lacks, or `class_priors` do not fit
            the tokenizer.

    Source: `torchaudio.models.decoder.ctc_decoder`, the decoder of flashlight (J. Kahn et al., ICML 2022); division by
    priors: Y. Miao, M. Gowayyed, F. Metze, "EESEN", ASRU 2015, there with a weight of 1.
    """

    def __init__(
        self,
        folder: str | Path,
        tokenizer: BiGRUCTCTokenizer,
        frame_s: float,
        settings: BeamSearchSettings | None = None,
        confidence: ConfidenceModel | Literal["own"] | None = "own",
    ) -> None:
        self.tokenizer = tokenizer
        self.frame_s = frame_s
        self.folder = Path(folder)
        self.settings = settings or BeamSearchSettings.from_folder(folder)
        self.confidence = ConfidenceModel.from_folder(folder) if confidence == "own" else confidence
        options = {each.name: getattr(self.settings, each.name) for each in fields(self.settings)}
        for name in ("prior_weight", "class_priors", "hotwords", "num_offsets"):
            del options[name]
        # A text can be found several times, as a word and spelled, and posteriors need more than one hypothesis.
        options["nbest"] = self.settings.beam_size if self.settings.nbest > 1 else _NUM_CONSIDERED
        self._log_priors: torch.Tensor | None = None
        if self.settings.prior_weight:
            if len(self.settings.class_priors) != len(tokenizer):
                raise ValueError(
                    f"prior_weight is {self.settings.prior_weight}, and there are {len(self.settings.class_priors)} "
                    f"class_priors; give one for each of the {len(tokenizer)} classes."
                )
            self._log_priors = torch.tensor(self.settings.class_priors).log()
        self._decoder = load_lexicon_decoder(folder, tokenizer, self.settings.hotwords, **options)

    def __call__(self, log_probs: torch.Tensor, lengths: torch.Tensor | None = None) -> list[list[Hypothesis]]:
        """The `nbest` best hypotheses of every utterance; see [`Decoder`]."""
        return [self._decode(frames) for frames in utterances_of(log_probs, lengths, len(self.tokenizer))]

    def search(self, log_probs: torch.Tensor, lengths: torch.Tensor | None = None) -> list[list[ScoredTokens]]:
        """The `nbest` best hypotheses of every utterance without times and confidences, which take long.

        Args:
            log_probs: `(batch, frames, classes)`.
            lengths: `(batch,)` valid frames; all if `None`.

        Returns:
            Token ids and scores, the best first; one hypothesis without tokens where nothing is found.
        """
        utterances = utterances_of(log_probs, lengths, len(self.tokenizer))
        return [self._search(frames) if self._has_letters(frames) else [((), 0.0)] for frames in utterances]

    def _has_letters(self, log_probs: torch.Tensor) -> bool:
        """Whether a letter is the best class of any frame: where none is, a language model must not write words."""
        best = log_probs.argmax(-1)
        delimiter = self.tokenizer.encoder[self.tokenizer.word_delimiter_token]
        return bool(((best != self.tokenizer.pad_token_id) & (best != delimiter)).any())

    def _search(self, log_probs: torch.Tensor) -> list[ScoredTokens]:
        found = self._distinct(self._decoder(self._with_end(log_probs)[None])[0])
        scored = [(self.tokenizer(text).input_ids, float(hypothesis.score)) for text, hypothesis in found]
        return scored or [((), 0.0)]

    def _distinct(self, found: Iterable[Any]) -> list[tuple[str, Any]]:
        """The best hypothesis of each of the `nbest` best texts; a text can be found as a word and spelled."""
        best: dict[str, Any] = {}
        for hypothesis in found:
            best.setdefault(join_units(hypothesis.words), hypothesis)
            if len(best) == self.settings.nbest:
                break
        return list(best.items())

    def _decode(self, log_probs: torch.Tensor) -> list[Hypothesis]:
        if not self._has_letters(log_probs):
            return [Hypothesis("", 0.0, (), ())]
        found = self._decoder(self._with_end(log_probs)[None])[0]
        considered = found[:_NUM_CONSIDERED]  # so that confidences do not depend on `nbest`
        alternatives = [self._places(hypothesis) for hypothesis in considered]
        weights = torch.tensor([hypothesis.score for hypothesis in considered]).softmax(0).tolist()
        results: list[Hypothesis] = []
        for text, hypothesis in self._distinct(found):
            spans = align_log_probs(log_probs, text, self.tokenizer, self.frame_s)
            posteriors = word_posteriors(self._places(hypothesis), alternatives, weights)
            words = words_of(spans, self.confidence, posteriors)
            results.append(Hypothesis(text, float(hypothesis.score), tuple(spans), words))
        return results or [Hypothesis("", -math.inf, (), ())]

    def _places(self, hypothesis: Any) -> list[WordPlace]:  # noqa: ANN401 - torchaudio's, see load_lexicon_decoder
        """Words of a hypothesis with their first and last frames."""
        delimiter = self.tokenizer.encoder[self.tokenizer.word_delimiter_token]
        tokens = zip(hypothesis.tokens.tolist(), hypothesis.timesteps.tolist(), strict=True)
        words = (list(group) for is_end, group in groupby(tokens, lambda item: item[0] == delimiter) if not is_end)
        return [(tuple(token for token, _ in word), word[0][1], word[-1][1]) for word in words]

    def _with_end(self, log_probs: torch.Tensor) -> torch.Tensor:
        """Log-probabilities with one more frame, on which blank and delimiter cost nothing.

        Every word of the lexicon ends with a delimiter, but the network emits none after the last word.
        """
        end = log_probs.new_full((1, log_probs.shape[1]), _IMPOSSIBLE)
        end[:, [self.tokenizer.pad_token_id, self.tokenizer.encoder[self.tokenizer.word_delimiter_token]]] = 0.0
        scores = torch.cat([log_probs, end]).float().cpu()
        if self._log_priors is not None:
            scores[:-1] -= self.settings.prior_weight * self._log_priors
        return scores.clamp(min=_IMPOSSIBLE).contiguous()


def word_posteriors(
    places: Sequence[WordPlace], alternatives: Sequence[Sequence[WordPlace]], weights: Sequence[float]
) -> list[float]:
    """Posterior of each word of a hypothesis: total weight of the hypotheses that have it at an overlapping time.

    Args:
        places: Words of the hypothesis, with their first and last frames.
        alternatives: Words of all hypotheses.
        weights: Weights of all hypotheses, which sum to 1.

    Returns:
        One number for each word; 0 if no hypothesis has it there.

    Source: F. Wessel et al., "Confidence measures for large vocabulary continuous speech recognition", IEEE
    Transactions on Speech and Audio Processing 9 (2001), the sum over overlapping words, on N-best lists.
    """
    occurrences: dict[tuple[int, ...], list[tuple[int, int, int]]] = {}
    for number, words in enumerate(alternatives):
        for word, first, last in words:
            occurrences.setdefault(word, []).append((number, first, last))
    posteriors = []
    for word, first, last in places:
        found = {number for number, begin, end in occurrences.get(word, ()) if begin <= last and first <= end}
        posteriors.append(sum(weights[number] for number in found))
    return posteriors


def join_units(tokens: Iterable[str]) -> str:
    """Text of lexicon entries: words, and the units of spelled words, which are joined."""
    text = ""
    inside = False
    for token in tokens:
        is_unit = len(token) == 2 and token[1] in (UNIT_INSIDE, UNIT_END)
        text += ("" if inside or not text else " ") + (token[0] if is_unit else token)
        inside = is_unit and token[1] == UNIT_INSIDE
    return text
