"""Beam search over the words of a lexicon with a language model."""

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
"""Logarithm of a probability that no path overcomes; sums of many of them stay finite."""
_NUM_CONSIDERED = 100
"""Most hypotheses of a beam search that say how sure its best one is."""
WordPlace = tuple[tuple[int, ...], int, int]
"""A word's tokens, its first and its last frame."""


@dataclass(frozen=True)
class BeamSearchSettings:
    """Weights and width of a beam search; the weights belong to one network and one language model.

    Args:
        lm_weight: Factor of the language model's logarithmic probabilities.
        word_score: Added for every word (and every letter of a word that is spelled).
        prior_weight: The network's probability of a class is divided by the class's prior to this power: what it
            says often counts less, and fewer letters and words are lost.
        class_priors: Mean probability of every class, for `prior_weight`.
        log_add: Whether the paths of a reading add up, or the best one counts alone.
        beam_size: Readings that are kept at every frame.
        beam_size_token: Classes of a frame that are tried; all if `None`.
        beam_threshold: Readings that are so much worse than the best one are dropped.
        nbest: Readings that are given back.
        hotwords: Phrases that are expected, with what every word of them adds to the score, in nats; names alone get
            [`DEFAULT_HOTWORD_WEIGHT`]. Words outside the lexicon are possible.
        num_offsets: `num_offsets` of the feature extractor with which the weights were chosen. [`BeamSearchPipeline`]
            and the scripts run the network so where nothing else is said; the decoder itself does not use it.
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
        """Settings that `scripts/tune_decoding.py` left beside a language model, or the defaults.

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

    A lexicon with the entries of [`lexicon_entries`] lets it spell words that are not there. One limit of the search:
    the letter of a unit inside a word takes one frame (and blanks), where a word's own letters take as many as they
    will.

    Args:
        folder: A language model as `scripts/build_lm.py` writes it: `lm.binary` and `lexicon.txt`.
        tokenizer: Gives the characters of the classes.
        frame_s: Seconds per frame: `inputs_to_logits_ratio / sampling_rate`.
        settings: Weights and width; those that stand in the folder, or the defaults, if `None`.
        confidence: Makes probabilities of the words' properties; `"own"` is the one that stands in the folder, if
            there is one.

    Raises:
        ImportError: If the extra `lm` is not installed.
        FileNotFoundError: If a file of the language model is missing.
        ValueError: If a file is broken, or the lexicon has symbols that the tokenizer has not.

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
        # One text can stand there several times, as a word, and spelled; and posteriors need more than one reading.
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
        """The `nbest` best readings of every utterance; see [`Decoder`]."""
        return [self._decode(frames) for frames in utterances_of(log_probs, lengths, len(self.tokenizer))]

    def search(self, log_probs: torch.Tensor, lengths: torch.Tensor | None = None) -> list[list[ScoredTokens]]:
        """The `nbest` best readings of every utterance alone, without the times and confidences that cost time.

        Args:
            log_probs: `(batch, frames, classes)`.
            lengths: `(batch,)` valid frames; all if `None`.

        Returns:
            Token ids and scores, the best first; of an utterance in which nothing is found, one without a token.
        """
        utterances = utterances_of(log_probs, lengths, len(self.tokenizer))
        return [self._search(frames) if len(frames) else [((), 0.0)] for frames in utterances]

    def _search(self, log_probs: torch.Tensor) -> list[ScoredTokens]:
        found = self._distinct(self._decoder(self._with_end(log_probs)[None])[0])
        readings = [(self.tokenizer(text).input_ids, float(hypothesis.score)) for text, hypothesis in found]
        return readings or [((), 0.0)]

    def _distinct(self, found: Iterable[Any]) -> list[tuple[str, Any]]:
        """The `nbest` best hypotheses of different texts, with these: a text can be a word, and spelled."""
        best: dict[str, Any] = {}
        for hypothesis in found:
            best.setdefault(join_units(hypothesis.words), hypothesis)
            if len(best) == self.settings.nbest:
                break
        return list(best.items())

    def _decode(self, log_probs: torch.Tensor) -> list[Hypothesis]:
        if len(log_probs) == 0:
            return [Hypothesis("", 0.0, (), ())]
        found = self._decoder(self._with_end(log_probs)[None])[0]
        considered = found[:_NUM_CONSIDERED]  # so that confidences do not depend on `nbest`
        readings = [self._places(hypothesis) for hypothesis in considered]
        weights = torch.tensor([hypothesis.score for hypothesis in considered]).softmax(0).tolist()
        results: list[Hypothesis] = []
        for text, hypothesis in self._distinct(found):
            spans = align_log_probs(log_probs, text, self.tokenizer, self.frame_s)
            posteriors = word_posteriors(self._places(hypothesis), readings, weights)
            words = words_of(spans, self.confidence, posteriors)
            results.append(Hypothesis(text, float(hypothesis.score), tuple(spans), words))
        return results or [Hypothesis("", -math.inf, (), ())]

    def _places(self, hypothesis: Any) -> list[WordPlace]:  # noqa: ANN401 - torchaudio's, see load_lexicon_decoder
        """Words of a reading with their first and last frames."""
        delimiter = self.tokenizer.encoder[self.tokenizer.word_delimiter_token]
        tokens = zip(hypothesis.tokens.tolist(), hypothesis.timesteps.tolist(), strict=True)
        words = (list(group) for is_end, group in groupby(tokens, lambda item: item[0] == delimiter) if not is_end)
        return [(tuple(token for token, _ in word), word[0][1], word[-1][1]) for word in words]

    def _with_end(self, log_probs: torch.Tensor) -> torch.Tensor:
        """Log-probabilities with one frame more, where the delimiter that every word of the lexicon ends with is free.

        The network is trained on texts that end with a letter, so it gives none after the last word.
        """
        end = log_probs.new_full((1, log_probs.shape[1]), _IMPOSSIBLE)
        end[:, [self.tokenizer.pad_token_id, self.tokenizer.encoder[self.tokenizer.word_delimiter_token]]] = 0.0
        scores = torch.cat([log_probs, end]).float().cpu()
        if self._log_priors is not None:
            scores[:-1] -= self.settings.prior_weight * self._log_priors
        return scores.clamp(min=_IMPOSSIBLE).contiguous()


def word_posteriors(
    places: Sequence[WordPlace], readings: Sequence[Sequence[WordPlace]], weights: Sequence[float]
) -> list[float]:
    """Share of the weight of all readings that have each word at about its time; 0 for a word that none of them has.

    Args:
        places: Words of one reading, with their first and last frames.
        readings: Those of all readings.
        weights: Weights of the readings, together 1.

    Source: F. Wessel et al., "Confidence measures for large vocabulary continuous speech recognition", IEEE
    Transactions on Speech and Audio Processing 9 (2001), the sum over overlapping words, on N-best lists.
    """
    shares: dict[tuple[int, ...], list[tuple[int, int, int]]] = {}
    for number, reading in enumerate(readings):
        for word, first, last in reading:
            shares.setdefault(word, []).append((number, first, last))
    return [
        sum(
            weights[number]
            for number in {number for number, begin, end in shares.get(word, ()) if begin <= last and first <= end}
        )
        for word, first, last in places
    ]


def join_units(tokens: Iterable[str]) -> str:
    """Text of the entries of a lexicon: words, and the letters of words that are spelled."""
    text = ""
    inside = False
    for token in tokens:
        is_unit = len(token) == 2 and token[1] in (UNIT_INSIDE, UNIT_END)
        text += ("" if inside or not text else " ") + (token[0] if is_unit else token)
        inside = is_unit and token[1] == UNIT_INSIDE
    return text
