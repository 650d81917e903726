"""Ids of transcripts in JSON."""

import pytest

from hf_bigru_asr.formats.nist import as_ctm
from hf_bigru_asr.formats.options import FormatOptions
from hf_bigru_asr.formats.structured import as_jsonl
from hf_bigru_asr.formats.transcript import TimedTranscript, TimedWord
from hf_bigru_asr.metrics.transcript_files import spoken_in


@pytest.mark.parametrize(
    "source", ["talk.flac", "a.b/my talk.tar.gz", "-", "https://x.org/a/b.mp3?c=d.e#f", "/", "x/caf\udcff.wav", ".wav"]
)
def test_a_recording_has_the_name_that_a_ctm_gives_it(source: str) -> None:
    transcript = TimedTranscript(source, 2.0, (TimedWord("HELLO", 0.5, 1.0),))
    name = as_ctm(transcript, FormatOptions()).split(" ")[0]
    assert spoken_in(as_jsonl(transcript, FormatOptions()), "all.jsonl:1") == (name, "HELLO")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (
            "HELLO",
            r"all\.jsonl:1 is no JSON \(Expecting value: line 1 column 1 \(char 0\)\); jsonl has an object a line",
        ),
        ("[" * 99_999, r"all\.jsonl:1 is no JSON"),
        ("{}", r"all\.jsonl:1 has no source or no text; give what `transcribe --format jsonl` writes"),
        (
            '{"source": "a.wav", "text": null, "error": "it is cut"}',
            r"a\.wav has no text \(it is cut\); transcribe again",
        ),
    ],
    ids=["text", "deep", "other", "failed"],
)
def test_what_is_no_transcript_is_named(record: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spoken_in(record, "all.jsonl:1")
