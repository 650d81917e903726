"""From the network's log-probabilities to text: greedily, or by beam search with a language model.

Both decoders take log-probabilities `(batch, frames, classes)` with their lengths and give, for every utterance, its
best readings with times and confidences of words and characters.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch

from .alignment import CharacterSpan, MarkedCharacter, align_log_probs
from .confidence import ConfidenceModel, word_features
from .hotwords import DEFAULT_HOTWORD_WEIGHT, HotwordPhrases
from .lexicon_decoder import UNIT_END, UNIT_INSIDE, load_lexicon_decoder
from .model_json import read_model_json
from .mwer_bigru_ctc import Reading
from .processing_bigru_ctc import SETTINGS_NAME
from .tokenization_bigru_ctc import BiGRUCTCTokenizer

__all__ = ["BeamSearchDecoder", "BeamSearchSettings", "DecodedWord", "Decoder", "GreedyDecoder", "Hypothesis"]

_IMPOSSIBLE = -1e4
"""Logarithm of a probability that no path overcomes; sums of many of them stay finite."""
_NUM_READINGS = 100
"""Most readings of a beam search that say how sure its best one is."""
WordPlace = tuple[tuple[int, ...], int, int]
"""A word's tokens, its first and its last frame."""


@dataclass(frozen=True)
class DecodedWord:
    """One word of a reading.

    Args:
        characters: Its characters with their times.
        confidence: Probability that it is right, if the decoder has a [`ConfidenceModel`]. Without one, the geometric
            mean of the probabilities that the network gives its characters, which is no probability by itself.
        features: What the confidence follows from: see [`word_features`].
    """

    characters: tuple[CharacterSpan, ...] = field(repr=False)
    confidence: float
    features: tuple[float, ...] = field(repr=False)

    @property
    def text(self) -> str:
        """The word."""
        return "".join(span.char for span in self.characters)

    @property
    def start_s(self) -> float:
        """Where its first character begins, in seconds."""
        return self.characters[0].start_s

    @property
    def end_s(self) -> float:
        """Where its last character ends."""
        return self.characters[-1].end_s


@dataclass(frozen=True)
class Hypothesis:
    """One reading of an utterance.

    Args:
        text: The transcript.
        score: Logarithm of its weight among the readings; comparable within one utterance and one decoder.
        characters: Its characters with their times.
        words: Its words with times and confidences.
    """

    text: str
    score: float
    characters: tuple[CharacterSpan, ...] = field(repr=False)
    words: tuple[DecodedWord, ...] = field(repr=False)


class Decoder(Protocol):
    """What [`GreedyDecoder`] and [`BeamSearchDecoder`] have in common."""

    confidence: ConfidenceModel | None
    """What makes probabilities of the properties of words."""

    def __call__(self, log_probs: torch.Tensor, lengths: torch.Tensor | None = None) -> list[list[Hypothesis]]:
        """Readings of every utterance, the best one first.

        Args:
            log_probs: `(batch, frames, classes)`, the `logits` of [`BiGRUForCTC`].
            lengths: `(batch,)` valid frames; all if `None`.
        """


class GreedyDecoder:
    """The best class of every frame.

    Args:
        tokenizer: Gives the characters of the classes.
        frame_s: Seconds per frame: `inputs_to_logits_ratio / sampling_rate`.
        confidence: Makes probabilities of the words' properties; see [`DecodedWord`].
    """

    def __init__(
        self, tokenizer: BiGRUCTCTokenizer, frame_s: float, confidence: ConfidenceModel | None = None
    ) -> None:
        self.tokenizer = tokenizer
        self.frame_s = frame_s
        self.confidence = confidence
        # The blank has none.
        self._characters = [str(tokenizer.decode([each], group_tokens=False)) for each in range(len(tokenizer))]

    def __call__(self, log_probs: torch.Tensor, lengths: torch.Tensor | None = None) -> list[list[Hypothesis]]:
        """One reading of every utterance; see [`Decoder`]. Its score is the log-probability of the best path."""
        return [[self._decode(frames)] for frames in utterances_of(log_probs, lengths, len(self.tokenizer))]

    def _decode(self, log_probs: torch.Tensor) -> Hypothesis:
        # In numpy: torch would start its threads for this, beside those of the network.
        values = log_probs.detach().float().cpu().numpy()
        ids = values.argmax(-1)
        best = values.max(-1)
        # Runs of one class, and not frames: most frames are blanks, and Python is slow.
        starts = np.flatnonzero(np.diff(ids, prepend=-1))
        scores = np.exp(np.maximum.reduceat(best, starts)).tolist()
        bounds = [*starts.tolist(), len(ids)]
        spans = [
            MarkedCharacter(self._characters[run], start * self.frame_s, end * self.frame_s, score, 1.0)
            for run, start, end, score in zip(ids[starts].tolist(), bounds[:-1], bounds[1:], scores, strict=True)
            if self._characters[run]
        ]
        words = _words(spans, self.confidence)
        return Hypothesis("".join(span.char for span in spans), float(best.sum()), tuple(spans), words)


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
        options["nbest"] = self.settings.beam_size if self.settings.nbest > 1 else _NUM_READINGS
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

    def search(self, log_probs: torch.Tensor, lengths: torch.Tensor | None = None) -> list[list[Reading]]:
        """The `nbest` best readings of every utterance alone, without the times and confidences that cost time.

        Args:
            log_probs: `(batch, frames, classes)`.
            lengths: `(batch,)` valid frames; all if `None`.

        Returns:
            Token ids and scores, the best first; of an utterance in which nothing is found, one without a token.
        """
        utterances = utterances_of(log_probs, lengths, len(self.tokenizer))
        return [self._search(frames) if len(frames) else [((), 0.0)] for frames in utterances]

    def _search(self, log_probs: torch.Tensor) -> list[Reading]:
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
        considered = found[:_NUM_READINGS]  # so that confidences do not depend on `nbest`
        readings = [self._places(hypothesis) for hypothesis in considered]
        weights = torch.tensor([hypothesis.score for hypothesis in considered]).softmax(0).tolist()
        results: list[Hypothesis] = []
        for text, hypothesis in self._distinct(found):
            spans = align_log_probs(log_probs, text, self.tokenizer, self.frame_s)
            posteriors = word_posteriors(self._places(hypothesis), readings, weights)
            words = _words(spans, self.confidence, posteriors)
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


def _words(
    spans: Sequence[MarkedCharacter], confidence: ConfidenceModel | None, posteriors: Sequence[float] | None = None
) -> tuple[DecodedWord, ...]:
    """Words of a reading from its characters."""
    groups = [tuple(group) for _, group in groupby(spans, key=lambda span: span.char == " ")]
    is_word = [group[0].char != " " for group in groups]
    given = iter(posteriors if posteriors is not None else [1.0] * sum(is_word))
    words = []
    for number, group in enumerate(groups):
        if is_word[number]:
            edges = [space for side in (number - 1, number + 1) if 0 <= side < len(groups) for space in groups[side]]
            features = word_features(group, edges, next(given))
            # The first property is the logarithm of the geometric mean.
            certainty = confidence(features) if confidence else math.exp(features[0])
            words.append(DecodedWord(group, certainty, features))
    return tuple(words)


def join_units(tokens: Iterable[str]) -> str:
    """Text of the entries of a lexicon: words, and the letters of words that are spelled."""
    text = ""
    inside = False
    for token in tokens:
        is_unit = len(token) == 2 and token[1] in (UNIT_INSIDE, UNIT_END)
        text += ("" if inside or not text else " ") + (token[0] if is_unit else token)
        inside = is_unit and token[1] == UNIT_INSIDE
    return text


def utterances_of(log_probs: torch.Tensor, lengths: torch.Tensor | None, num_classes: int) -> list[torch.Tensor]:
    """Log-probabilities `(frames, classes)` of each utterance without its padding."""
    if log_probs.dim() != 3 or log_probs.shape[2] != num_classes:
        raise ValueError(
            f"log_probs has the shape {tuple(log_probs.shape)}; it must be (batch, frames, {num_classes})."
        )
    if lengths is None:
        return list(log_probs)
    if lengths.shape != log_probs.shape[:1] or bool(((lengths < 0) | (lengths > log_probs.shape[1])).any()):
        raise ValueError(
            f"lengths are {lengths.tolist()}; give one of 0 to {log_probs.shape[1]} frames for each of the "
            f"{log_probs.shape[0]} utterances."
        )
    return [row[:length] for row, length in zip(log_probs, lengths.tolist(), strict=True)]
