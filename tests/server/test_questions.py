"""Fields of requests: what they ask for, and what is refused by name."""

import pytest

pytest.importorskip("fastapi")

from hf_bigru_asr.model.hotwords_bigru_ctc import DEFAULT_HOTWORD_WEIGHT
from hf_bigru_asr.server.questions import Question, chunks_question, transcription_question
from hf_bigru_asr.server.refusals import RefusedError
from hf_bigru_asr.text.languages import NO_RULES, Normalizer

MODELS = ("ours", "whisper-1")


def test_what_the_official_client_sends_is_understood() -> None:
    fields = {
        "model": ["whisper-1"],
        "chunking_strategy[type]": ["server_vad"],
        "keywords[]": ["Moby Dick:9", "Ahab"],
        "language": ["en"],
        "languages[]": ["de", "en"],
        "prompt": ["Apollo 11, Queequeg."],
        "response_format": ["verbose_json"],
        "temperature": ["0.0"],
        "timestamp_granularities[]": ["word", "segment"],
        "stream": ["false"],
    }
    hotwords = {**dict.fromkeys(("APOLLO ELEVEN", "QUEEQUEG", "AHAB"), DEFAULT_HOTWORD_WEIGHT), "MOBY DICK": 9.0}
    assert transcription_question(fields, MODELS) == Question("verbose_json", ("word", "segment"), False, hotwords)
    assert transcription_question({}, MODELS) == Question()
    assert transcription_question({"stream": ["True"], "prompt": [" "]}, MODELS, takes_hotwords=False).is_streamed


@pytest.mark.parametrize(
    ("name", "value", "status", "message"),
    [
        ("model", "gpt-4o-transcribe", 404, "not served; there is ours or whisper-1"),
        ("language", "de", 400, "'de' is not the language of the model, which recognises English alone: give en"),
        ("languages[]", "fr", 400, "recognises English alone"),
        ("temperature", "0.2", 400, "must be 0"),
        ("temperature", "hot", 400, "must be 0"),
        ("response_format", "diarized_json", 400, "one of json, text"),
        ("timestamp_granularities[]", "word", 400, "must be verbose_json"),
        ("include[]", "logprobs", 400, "no log-probabilities"),
        ("known_speaker_names[]", "me", 400, "speakers are not told apart"),
        ("stream", "maybe", 400, "true or false"),
        ("prompt", "日本", 400, "cannot be spelled"),
        ("keywords[]", "x:" + "9" * 400, 400, "too large"),
        ("prompt", ",".join(f"w{'a' * n}" for n in range(201)), 400, "200 are allowed"),
        ("promt", "x", 400, "'promt' is not known"),
        ("model[]", "ours", 400, "is not known"),
    ],
)
def test_a_wrong_field_is_refused_by_name(name: str, value: str, status: int, message: str) -> None:
    with pytest.raises(RefusedError, match=message) as raised:
        transcription_question({name: [value]}, MODELS)
    assert raised.value.status_code == status
    assert raised.value.param in (name, name.removesuffix("[]"))


def test_a_model_of_another_language_takes_its_own_and_spells_by_its_rules() -> None:
    german = Normalizer("de", frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÜẞ"))
    fields = {"language": ["de-AT"], "languages[]": ["en", "German"], "prompt": ["Straße 3, Übermut:2"]}
    found = transcription_question(fields, MODELS, normalize=german)
    assert (found.language, found.hotwords) == ("de", {"STRAẞE DREI": DEFAULT_HOTWORD_WEIGHT, "ÜBERMUT": 2.0})
    assert transcription_question({"language": [""]}, MODELS, normalize=german).language == "de"
    with pytest.raises(RefusedError, match="language: 'en' is not the language of the model, which recognises German"):
        transcription_question({"language": ["en"]}, MODELS, normalize=german)
    with pytest.raises(RefusedError, match="the model does not say what language it has"):
        transcription_question({"language": ["en"]}, MODELS, normalize=Normalizer(NO_RULES))


def test_fields_that_do_not_go_together() -> None:
    with pytest.raises(RefusedError, match="srt is not streamed"):
        transcription_question({"stream": ["true"], "response_format": ["srt"]}, MODELS)
    with pytest.raises(RefusedError, match="need a language model"):
        transcription_question({"prompt": ["Ahab"]}, MODELS, takes_hotwords=False)
    with pytest.raises(RefusedError, match="2 times"):
        transcription_question({"model": ["ours", "ours"]}, MODELS)


@pytest.mark.parametrize(("value", "chunks"), [("true", "segment"), ("word", "word"), ("false", None)])
def test_parameters_of_the_hub_client(value: str, chunks: str | None) -> None:
    assert chunks_question({"return_timestamps": [value]}).chunks == chunks
    with pytest.raises(RefusedError, match="return_timestamps"):
        chunks_question({"return_timestamps": ["char"]})
    with pytest.raises(RefusedError, match="'generation_parameters' is not known"):
        chunks_question({"generation_parameters": ["{}"]})
