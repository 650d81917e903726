"""References and hypotheses in files: plain text, Kaldi's text, NIST's trn, stm and ctm, and JSON of this package.

Formats: https://github.com/usnistgov/SCTK, doc/infmts.htm.
"""

import math
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from .transcript_files import spoken_in

__all__ = ["BY_ID", "FORMATS", "UtterancePair", "find_format", "ids_of", "pair_files", "records"]

FORMATS = ("text", "kaldi", "trn", "stm", "ctm", "json", "jsonl")
"""`text`: an utterance a line; `kaldi`: `ID WORDS`; `trn`: `WORDS (ID)`; `stm`: segments; `ctm`: words with times;
`json` and `jsonl`: what `transcribe` writes of one recording, and of several."""
BY_ID = frozenset({"kaldi", "trn", "json", "jsonl"})
"""Formats whose utterances have ids, and no times that are needed."""

_SUFFIXES = {f".{name}": name for name in FORMATS if name not in ("text", "kaldi")} | {".txt": "text"}
_IGNORED = "IGNORE_TIME_SEGMENT_IN_SCORING"
_SPEAKER_END = re.compile("[-_]")
_MAX_NAMED = 3
_STM_LINE = "RECORDING CHANNEL SPEAKER START END [<LABEL>] WORDS"
_CTM_LINE = "RECORDING CHANNEL START DURATION WORD [CONFIDENCE]"

Spoken = dict[str, tuple[str | None, str]]
"""Speaker, if the file knows, and words by id."""


@dataclass(frozen=True)
class UtterancePair:
    """What is compared: an utterance, or a segment of a recording.

    Args:
        id: Its name; the number of its line where it has none.
        speaker: Who speaks, if the file knows.
        reference: Words of the reference, separated by spaces.
        hypothesis: Words of the hypothesis, separated by spaces.
    """

    id: str
    speaker: str | None
    reference: str
    hypothesis: str


@dataclass(frozen=True)
class _Segment:
    """A line of an stm file; `recording` is a recording and its channel."""

    recording: str
    speaker: str
    start_s: float
    end_s: float
    text: str

    @property
    def id(self) -> str:
        """A name that says where it is."""
        return f"{self.recording} {self.start_s:.2f}-{self.end_s:.2f}"


@dataclass(frozen=True)
class _Word:
    """A line of a ctm file; `recording` is a recording and its channel."""

    recording: str
    start_s: float
    middle_s: float
    text: str


def find_format(path: Path) -> str:
    """Format of a file by its name.

    Raises:
        ValueError: If the name does not tell.

    Example:
        >>> find_format(Path("hypotheses.trn"))
        'trn'
    """
    if path.name.endswith(".trans.txt"):  # of LibriSpeech
        return "kaldi"
    if path.suffix.lower() not in _SUFFIXES:
        raise ValueError(f"the name of {path} tells no format; choose one of {', '.join(FORMATS)}")
    return _SUFFIXES[path.suffix.lower()]


def pair_files(
    reference: Path, hypothesis: Path, reference_format: str, hypothesis_format: str
) -> list[UtterancePair]:
    """What is to be compared.

    Lines are compared with lines of the same number, and ids with the same ids, whose case does not matter. Words of a
    ctm belong to the segment of the stm in which their middle lies. As in sclite, words between two segments belong to
    the later one, words after the last one to that, and what an ignored segment has is left out. Two ctm files are
    compared recording by recording; sclite cuts those of more than 50 words at common pauses before. Text and the JSON
    of one recording are compared as a whole.

    Args:
        reference: File with what was said.
        hypothesis: File with what was recognised.
        reference_format: One of `FORMATS`.
        hypothesis_format: One of `FORMATS`.

    Raises:
        ValueError: If the formats do not go together, a line is not of its format, or one file has what the other
            lacks. A ctm need not have a recording in which nothing was recognised.
        OSError: If a file cannot be read.
    """
    formats = (reference_format, hypothesis_format)
    if formats == ("text", "text"):
        return _pair_lines(reference, hypothesis)
    if formats == ("stm", "ctm"):
        return _pair_times(reference, hypothesis)
    if reference_format == "text" and hypothesis_format in ("json", "jsonl"):
        recognized = _READERS[hypothesis_format](hypothesis)
        if len(recognized) == 1:
            ((name, (speaker, text)),) = recognized.items()
            return [UtterancePair(name, speaker, " ".join(line for _, line in _lines(reference)).strip(), text)]
    if formats in (("ctm", "ctm"), ("stm", "stm")) or BY_ID.issuperset(formats):
        spoken = [_READERS[name](path) for name, path in zip(formats, (reference, hypothesis), strict=True)]
        return _pair_ids(spoken[0], spoken[1], reference, hypothesis, is_sparse=hypothesis_format == "ctm")
    raise ValueError(
        f"a reference in {reference_format} does not go with a hypothesis in {hypothesis_format}; what goes together: "
        "text and text, text and json of one recording, any two of kaldi, trn, json and jsonl with the same ids, stm "
        "and ctm, ctm and ctm, stm and stm of the same segments"
    )


def ids_of(path: Path, form: str) -> set[str]:
    """Ids of a file in a format of `BY_ID`, in lower case.

    Raises:
        ValueError: If it is not of that format.
        OSError: If it cannot be read.
    """
    return set(_READERS[form](path))


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """The lines of a file, each after its place for messages."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}") from error
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else [], start=1):
        yield f"{path}:{number}", line.strip()


def records(path: Path) -> Iterator[tuple[str, str]]:
    """The lines that are neither empty nor a comment, each after its place for messages.

    Raises:
        ValueError: If it is no text in UTF-8.
        OSError: If it cannot be read.
    """
    return ((place, line) for place, line in _lines(path) if line and not line.startswith(";;"))


def _pair_lines(reference: Path, hypothesis: Path) -> list[UtterancePair]:
    references, hypotheses = ([line for _, line in _lines(path)] for path in (reference, hypothesis))
    if len(references) != len(hypotheses):
        raise ValueError(
            f"{reference} has {len(references)} lines and {hypothesis} {len(hypotheses)}; a line is an utterance, an "
            "empty one where nothing was said or recognised"
        )
    pairs = zip(references, hypotheses, strict=True)
    return [UtterancePair(str(number), None, *pair) for number, pair in enumerate(pairs, start=1)]


def _pair_ids(
    references: Spoken, hypotheses: Spoken, reference: Path, hypothesis: Path, *, is_sparse: bool
) -> list[UtterancePair]:
    """Utterances with the same id, in the order of the reference; a sparse hypothesis lacks those without a word."""
    _refuse_missing(references, hypotheses, reference, hypothesis)
    if not is_sparse:
        _refuse_missing(hypotheses, references, hypothesis, reference)
    return [
        UtterancePair(name, speaker, text, hypotheses.get(name, (None, ""))[1])
        for name, (speaker, text) in references.items()
    ]


def _refuse_missing(those: Collection[str], others: Collection[str], path: Path, other: Path) -> None:
    """Refuse what stands in `others` and not in `those`."""
    if missing := [name for name in others if name not in those]:
        named = ", ".join(missing[:_MAX_NAMED]) + (", ..." if len(missing) > _MAX_NAMED else "")
        raise ValueError(f"{path} lacks {len(missing)} of the {len(others)} ids of {other}: {named}")


def _read_trn(path: Path) -> Spoken:
    """The speaker is the id up to the first `-` or `_`, as with sclite's `-i spu_id`."""
    found: Spoken = {}
    for place, line in records(path):
        text, bracket, name = line.rpartition("(")
        if not bracket or not name.endswith(")") or not name[:-1].strip():
            raise ValueError(f"{place} does not end with an id in parentheses; a line of trn is WORDS (ID)")
        _add(found, name[:-1].strip(), _plain(text, place), place)
    return found


def _read_kaldi(path: Path) -> Spoken:
    found: Spoken = {}
    for place, line in records(path):
        name, *text = line.split(None, 1)
        _add(found, name, "".join(text), place)
    return found


def _read_json(path: Path) -> Spoken:
    found: Spoken = {}
    _add(found, *spoken_in("\n".join(line for _, line in _lines(path)), str(path)), str(path))
    return found


def _read_json_lines(path: Path) -> Spoken:
    found: Spoken = {}
    for place, line in records(path):
        _add(found, *spoken_in(line, place), place)
    return found


def _add(found: Spoken, name: str, text: str, place: str) -> None:
    key = name.casefold()
    if key in found:
        raise ValueError(f"{place} has the id {name} for the second time")
    speaker, *rest = _SPEAKER_END.split(key, maxsplit=1)
    found[key] = (speaker if rest else None, text)


def _read_segments(path: Path) -> list[_Segment]:
    found = []
    for place, line in records(path):
        fields = line.split(None, 5)
        if len(fields) < 5:
            raise ValueError(f"{place} has {len(fields)} fields; a line of stm is {_STM_LINE}")
        start_s, end_s = (_seconds(field, place, _STM_LINE) for field in fields[3:5])
        if end_s < start_s:
            raise ValueError(f"{place} ends at {end_s} s, before it starts at {start_s} s")
        text = "".join(fields[5:])
        if text.startswith("<"):
            text = "".join(text.split(None, 1)[1:])
        recording = f"{fields[0]} {fields[1]}".casefold()
        found.append(_Segment(recording, fields[2].casefold(), start_s, end_s, _plain(text, place)))
    return found


def _read_words(path: Path) -> list[_Word]:
    found = []
    for place, line in records(path):
        fields = line.split()
        if len(fields) < 5:
            raise ValueError(f"{place} has {len(fields)} fields; a line of ctm is {_CTM_LINE}")
        start_s, duration_s = (_seconds(field, place, _CTM_LINE) for field in fields[2:4])
        recording = f"{fields[0]} {fields[1]}".casefold()
        found.append(_Word(recording, start_s, start_s + duration_s / 2, _plain(fields[4], place)))
    return found


def _seconds(field: str, place: str, form: str) -> float:
    try:
        seconds = float(field)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise ValueError(f"{place} has {field!r} where seconds are expected; a line is {form}")
    return seconds


def _plain(text: str, place: str) -> str:
    """The words of a line of trn, stm or ctm. What sclite takes for alternatives is refused, and no word."""
    for word in text.split():
        if word.startswith(("{", "<ALT")) or word == "@":
            raise ValueError(f"{place} has alternatives, {word}, which are not scored here; write one of them")
    return text.strip()


def _by_segment(path: Path) -> Spoken:
    return {each.id: (each.speaker, each.text) for each in _read_segments(path) if each.text != _IGNORED}


def _by_recording(path: Path) -> Spoken:
    words = sorted(_read_words(path), key=lambda word: word.start_s)
    found: defaultdict[str, list[str]] = defaultdict(list)
    for word in words:
        found[word.recording].append(word.text)
    return {recording: (None, " ".join(texts)) for recording, texts in found.items()}


_READERS: dict[str, Callable[[Path], Spoken]] = {
    "trn": _read_trn,
    "kaldi": _read_kaldi,
    "json": _read_json,
    "jsonl": _read_json_lines,
    "stm": _by_segment,
    "ctm": _by_recording,
}


def _pair_times(reference: Path, hypothesis: Path) -> list[UtterancePair]:
    segments: defaultdict[str, list[_Segment]] = defaultdict(list)
    for segment in sorted(_read_segments(reference), key=lambda each: (each.start_s, each.end_s)):
        segments[segment.recording].append(segment)
    words: defaultdict[str, list[_Word]] = defaultdict(list)
    for word in sorted(_read_words(hypothesis), key=lambda each: each.start_s):
        words[word.recording].append(word)
    _refuse_missing(segments, words, reference, hypothesis)
    pairs = []
    for recording, parts in segments.items():
        texts: list[list[str]] = [[] for _ in parts]
        ends_s = [each.end_s for each in parts]
        for word in words[recording]:
            texts[min(bisect_right(ends_s, word.middle_s), len(parts) - 1)].append(word.text)
        pairs += [
            UtterancePair(each.id, each.speaker, each.text, " ".join(text))
            for each, text in zip(parts, texts, strict=True)
            if each.text != _IGNORED
        ]
    return pairs
