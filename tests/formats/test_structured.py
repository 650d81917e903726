import json
from importlib import resources
from typing import Any

import pytest
from json_schema import violations
from spoken_words import random_transcript, transcript

from hf_bigru_asr.formats.options import FormatOptions
from hf_bigru_asr.formats.structured import as_json, as_jsonl
from hf_bigru_asr.formats.transcript import RecognizerFacts, TimedTranscript, TimedWord

PLAIN = FormatOptions()
SCHEMA = json.loads((resources.files("hf_bigru_asr.formats") / "transcript.schema.json").read_text(encoding="utf-8"))
FACTS = RecognizerFacts("bundled", None, "onnxruntime 1.23.2", "0.1.0")
ALIGNED = TimedTranscript("a.wav", 1.23456, (TimedWord("Dr.", 0.12345, 0.98765, 1.0004, normalized="DOCTOR"),))

JSON = """{
  "source": "a.wav",
  "duration_s": 1.235,
  "text": "Dr.",
  "segments": [
    {"start_s": 0.123, "end_s": 0.988, "text": "Dr."}
  ],
  "words": [
    {"start_s": 0.123, "end_s": 0.988, "text": "Dr.", "normalized": "DOCTOR", "confidence": 1.0}
  ],
  "warnings": [],
  "error": null
}
"""


def test_json() -> None:
    assert as_json(ALIGNED, PLAIN) == JSON
    assert json.loads(as_jsonl(ALIGNED, PLAIN)) == json.loads(JSON)
    assert as_jsonl(ALIGNED, PLAIN).count("\n") == 1


@pytest.mark.parametrize(
    "given",
    [
        *(random_transcript(seed, num_channels) for seed in range(3) for num_channels in (1, 2)),
        TimedTranscript("a.wav", 1.0, recognizer=FACTS),
        TimedTranscript("a.wav", 1.0, text="A TEXT", warnings=("odd",)),
        TimedTranscript("caf\udce9.wav", 0.0, error="caf\udce9.wav is broken."),
        ALIGNED,
    ],
)
@pytest.mark.parametrize("word_times", [True, False])
def test_json_is_what_its_schema_says(given: TimedTranscript, word_times: bool) -> None:
    options = FormatOptions(word_times=word_times)
    value = json.loads(as_json(given, options).encode())

    assert violations(value, SCHEMA) == []
    assert json.loads(as_jsonl(given, options)) == value
    assert ("words" in value) == word_times


@pytest.mark.parametrize(
    ("change", "violation"),
    [
        ({"text": 1}, "$.text is 1 and no string or null"),
        ({"words": [{"start_s": 0, "text": "A"}]}, "$.words[0] lacks end_s"),
        ({"words": [{"start_s": -1, "end_s": 0, "text": "A"}]}, "$.words[0].start_s is -1"),
        ({"words": [{"start_s": 0, "end_s": 0, "text": ""}]}, "$.words[0].text is too short"),
        ({"segments": [{"start_s": 0, "end_s": 0, "text": "A", "hypotheses": []}]}, "$.segments[0] has hypotheses"),
        ({"channels": [0]}, "$.channels has 1 items"),
    ],
)
def test_the_schema_refuses_the_rest(change: dict[str, Any], violation: str) -> None:
    assert violations(json.loads(JSON) | change, SCHEMA) == [violation]


def test_every_field_is_explained() -> None:
    objects = [SCHEMA, SCHEMA["properties"]["recognizer"], *SCHEMA["$defs"].values()]

    assert all(each.get("description") for schema in objects for each in schema["properties"].values())


def test_six_seconds_are_small() -> None:
    given = transcript(
        "THE OLD MAN WALKED SLOWLY DOWN TO THE RIVER AND THERE HE SAT BESIDE THE WATER UNTIL EVENING CAME"
    )

    assert len(as_json(given, PLAIN)) < 4096 / 2


def test_channels_are_numbered() -> None:
    value = json.loads(as_json(transcript("HELLO", "| YES"), PLAIN))

    assert value["channels"] == [0, 1]
    assert [each["channel"] for each in value["segments"]] == [each["channel"] for each in value["words"]] == [0, 1]
