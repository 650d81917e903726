"""Fields of a request to what is to be done, as OpenAI's interface has them. What cannot be done is refused by name.

Source: https://platform.openai.com/docs/api-reference/audio/createTranscription, and the client openai 3.57.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..runtime.hotwords import parse_hotwords
from ..text.language_names import check_language
from ..text.languages import ENGLISH, Normalizer
from .refusals import RefusedError

__all__ = ["RESPONSE_FORMATS", "Question", "chunks_question", "transcription_question"]

RESPONSE_FORMATS = ("json", "text", "srt", "vtt", "verbose_json")
STREAMED = ("json", "text")
GRANULARITIES = ("word", "segment")
MAX_HOTWORDS = 200

_YES, _NO = ("true", "1"), ("false", "0")
_SEPARATORS = re.compile(r"[,;\n\r]+")
_LISTS = ("timestamp_granularities", "keywords", "languages", "include")
# The result is that of one pass over the whole recording, however it is cut for it.
_WITHOUT_EFFECT = ("chunking_strategy", "chunking_strategy[type]")
_IMPOSSIBLE = {
    "known_speaker_names": "speakers are not told apart",
    "known_speaker_references": "speakers are not told apart",
}
_FIELDS = ("model", "language", "prompt", "response_format", "stream", "temperature", *_LISTS)


@dataclass(frozen=True)
class Question:
    """What a client wants to know.

    Args:
        response_format: One of `RESPONSE_FORMATS`.
        granularities: What `verbose_json` has the times of.
        is_streamed: Whether the text comes as it is recognised.
        hotwords: Weights by phrase.
        language: That of the model.
        chunks: Whether there are `chunks` as pipelines of transformers give them: of words, of segments, or none.
    """

    response_format: str = "json"
    granularities: tuple[str, ...] = ("segment",)
    is_streamed: bool = False
    hotwords: Mapping[str, float] = field(default_factory=dict)
    language: str = ENGLISH
    chunks: str | None = None


def transcription_question(
    fields: Mapping[str, Sequence[str]],
    models: Sequence[str],
    *,
    takes_hotwords: bool = True,
    normalize: Normalizer | None = None,
) -> Question:
    """What the fields of `/v1/audio/transcriptions` ask for.

    Args:
        fields: Values of every field; those of lists also under names with `[]`.
        models: Names that the model is known by.
        takes_hotwords: Whether there is a language model.
        normalize: The rules of the model, which name its language; those of English if `None`.

    Raises:
        RefusedError: For a field or a value that is not known or cannot be fulfilled.
    """
    known = _normalized(fields)
    _check_model(known, models)
    normalize = normalize or Normalizer()
    _check_language(known, normalize.language)
    _check_temperature(known)
    name = _one(known, "response_format", "json")
    if name not in RESPONSE_FORMATS:
        raise _wrong("response_format", name, f"it is one of {', '.join(RESPONSE_FORMATS)}")
    is_streamed = _flag(known, "stream")
    if is_streamed and name not in STREAMED:
        raise _wrong("stream", "true", f"{name} is not streamed; response_format is one of {', '.join(STREAMED)}")
    granularities = tuple(dict.fromkeys(known.get("timestamp_granularities", ())))
    if granularities and name != "verbose_json":
        raise _wrong("timestamp_granularities", ", ".join(granularities), "response_format must be verbose_json")
    for each in granularities:
        if each not in GRANULARITIES:
            raise _wrong("timestamp_granularities", each, f"it is one of {', '.join(GRANULARITIES)}")
    for each in known.get("include", ()):
        raise _wrong(
            "include", each, "there are no log-probabilities of tokens; verbose_json has confidences of words"
        )
    hotwords = _hotwords(known, normalize, takes_hotwords=takes_hotwords)
    return Question(name, granularities or ("segment",), is_streamed, hotwords, normalize.language)


def chunks_question(parameters: Mapping[str, Sequence[str]]) -> Question:
    """What the parameters of a recording ask for that `InferenceClient` sends.

    Args:
        parameters: Values by name, JSON where they are no texts.

    Raises:
        RefusedError: For a parameter or a value that is not known.
    """
    for name in parameters:
        if name != "return_timestamps":
            raise RefusedError(400, f"The parameter {name[:100]!r} is not known; return_timestamps is.", param=name)
    value = parameters.get("return_timestamps", ["false"])[0]
    kinds = {"false": None, "null": None, "true": "segment", "word": "word"}
    if value not in kinds:
        raise _wrong("return_timestamps", value, "it is true for segments, or word")
    return Question(chunks=kinds[value])


def _normalized(fields: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    known: dict[str, list[str]] = {}
    for name, values in fields.items():
        plain = re.sub(r"\[\d*\]$", "", name)
        if plain in _IMPOSSIBLE:
            raise RefusedError(400, f"{plain} cannot be used: {_IMPOSSIBLE[plain]}.", param=plain)
        if name in _WITHOUT_EFFECT:
            continue
        if plain not in _FIELDS or (name != plain and plain not in _LISTS):
            raise RefusedError(
                400, f"The field {name[:100]!r} is not known; known are {', '.join(_FIELDS)}.", param=name
            )
        known.setdefault(plain, []).extend(values)
    return known


def _one(fields: Mapping[str, Sequence[str]], name: str, default: str) -> str:
    values = fields.get(name, ())
    if len(values) > 1:
        raise RefusedError(400, f"The field {name} is there {len(values)} times; send it once.", param=name)
    return values[0].strip() if values else default


def _wrong(name: str, value: str, rule: str) -> RefusedError:
    return RefusedError(400, f"{name} is {value[:100]!r}; {rule}.", code="invalid_value", param=name)


def _check_model(fields: Mapping[str, Sequence[str]], models: Sequence[str]) -> None:
    name = _one(fields, "model", models[0])
    if name not in models:
        message = f"The model {name[:100]!r} is not served; there is {' or '.join(models)}."
        raise RefusedError(404, message, code="model_not_found", param="model")


def _check_language(fields: Mapping[str, Sequence[str]], language: str) -> None:
    given = [_one(fields, "language", "")] if "language" in fields else []
    allowed = fields.get("languages", ())
    for name, values in (("language", given), ("languages", allowed)):
        refusals = []
        for value in filter(str.strip, values):
            try:
                check_language(value, language)
            except ValueError as error:
                refusals.append(error)
        if refusals and len(refusals) == len(values):  # of several that are possible, one has to be right
            message = f"{name}: {refusals[0]}"
            raise RefusedError(400, message, code="unsupported_language", param=name) from refusals[0]


def _check_temperature(fields: Mapping[str, Sequence[str]]) -> None:
    value = _one(fields, "temperature", "0")
    try:
        temperature = float(value)
    except ValueError:
        temperature = math.nan
    if temperature != 0:
        raise _wrong("temperature", value, "it must be 0, for nothing is drawn at random: equal sound has equal text")


def _flag(fields: Mapping[str, Sequence[str]], name: str) -> bool:
    value = _one(fields, name, "false").lower()
    if value not in (*_YES, *_NO):
        raise _wrong(name, value, "it is true or false")
    return value in _YES


def _hotwords(fields: Mapping[str, Sequence[str]], normalize: Normalizer, *, takes_hotwords: bool) -> dict[str, float]:
    hotwords: dict[str, float] = {}
    for name, entries in (
        ("prompt", _SEPARATORS.split(_one(fields, "prompt", ""))),
        ("keywords", fields.get("keywords", ())),
    ):
        phrases = [entry.strip().rstrip(".") for entry in entries if entry.strip().rstrip(".")]
        if not phrases:
            continue
        if not takes_hotwords:
            raise _wrong(name, ", ".join(phrases), "hotwords need a language model, and this server runs without one")
        if len(hotwords) + len(phrases) > MAX_HOTWORDS:
            raise _wrong(name, ", ".join(phrases), f"it has {len(phrases)} phrases, and {MAX_HOTWORDS} are allowed")
        try:
            hotwords |= parse_hotwords(phrases, normalize)
        except ValueError as error:
            raise _wrong(name, ", ".join(phrases), str(error).rstrip(".")) from error
    return hotwords
