import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from hf_bigru_asr.demo import markup
from hf_bigru_asr.demo.recognition import Progress, Transcription
from hf_bigru_asr.model.ctc_alignment_bigru_ctc import CharacterSpan
from hf_bigru_asr.model.decoding_bigru_ctc import DecodedWord, Hypothesis


def hypothesis(text: str, confidence: float = 0.9, score: float = 0.0) -> Hypothesis:
    """Words of one second each, with a second between them."""
    words = []
    for number, word in enumerate(text.split()):
        step = 1 / len(word)
        spans = [
            CharacterSpan(char, 2 * number + k * step, 2 * number + (k + 1) * step, 0.9) for k, char in enumerate(word)
        ]
        words.append(DecodedWord(tuple(spans), confidence, ()))
    return Hypothesis(text, score, tuple(span for word in words for span in word.characters), tuple(words))


def transcription(text: str, greedy: str = "", **changes: object) -> Transcription:
    best = hypothesis(text)
    result = Transcription("talk.wav", 9.5, 0.5, [best], hypothesis(greedy), True, Path("/tmp/a b/x.wav"), 1.25)
    return replace(result, **changes)


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text, self.tags = "", []

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def parsed(html: str) -> _Text:
    parser = _Text()
    parser.feed(html)
    return parser


@pytest.mark.parametrize(
    ("confidence", "level"),
    [(1.0, "sure"), (0.8, "sure"), (0.79, "unsure"), (0.5, "unsure"), (0.49, "doubtful"), (0.0, "doubtful")],
)
def test_levels(confidence: float, level: str) -> None:
    assert markup.level_of(confidence) == level


def test_a_word_is_a_button_that_says_how_sure_it_is_and_when() -> None:
    found = parsed(markup.words(transcription("HELLO WORLD")))
    buttons = [attributes for tag, attributes in found.tags if tag == "button"]
    assert [each["aria-label"] for each in buttons] == ["HELLO, sure, 90 %, at 0:00", "WORLD, sure, 90 %, at 0:02"]
    assert (buttons[1]["data-start"], buttons[1]["data-end"]) == ("2.000", "3.000")
    (audio,) = (attributes for tag, attributes in found.tags if tag == "audio")
    assert audio["src"] == "gradio_api/file=/tmp/a%20b/x.wav"


def test_without_words_there_is_the_player_alone() -> None:
    tags = [tag for tag, _ in parsed(markup.words(transcription(""))).tags]
    assert tags == ["audio"]


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (transcription("HELLO"), r"1 words; 9.5 s of sound, recognised in 1.2 s"),
        (transcription("", peak=0.0), "This recording is silent"),
        (transcription("", peak=0.3), "No speech was found"),
        (transcription("X", hypotheses=[hypothesis("TRDE TD DN", 0.17)]), "Hardly any word is sure"),
        (transcription("HELLO", warnings=("talk.wav: is cut",)), "talk.wav: is cut"),
    ],
)
def test_sentences_about_a_result(result: Transcription, sentence: str) -> None:
    assert re.search(sentence, parsed(markup.notice_of(result)).text)


def test_words_that_differ_are_marked() -> None:
    html = markup.comparison(transcription("THE CAT SAT DOWN", greedy="THE KAT SAT"))
    assert "THE <mark>KAT</mark> SAT <mark" in html
    assert "Greedy" in html


def test_hypotheses_are_listed_with_their_distance_to_the_best() -> None:
    hypotheses = [hypothesis("A B", score=-1.0), hypothesis("A C", score=-3.5)]
    html = markup.comparison(transcription("", hypotheses=hypotheses))
    assert "2.50</td><td>A <mark>C</mark>" in html


def test_text_is_escaped() -> None:
    result = transcription("", warnings=("<script>1</script>",), hypotheses=[hypothesis("<B>&")])
    for html in (markup.notice_of(result), markup.words(result), markup.comparison(result), markup.growing("<b>")):
        assert "<script" not in html
        assert "<B>" not in html
        assert "<b>" not in html


def test_a_growing_text_shows_its_end() -> None:
    text = parsed(markup.growing(" ".join(f"W{number}" for number in range(1000)))).text
    assert text.startswith("880 words before")
    assert text.endswith("W999 …")


def test_progress_has_a_name_and_a_value() -> None:
    assert parsed(markup.progress(Progress("network", 0.404))).text == "Running the network: 40 % "
    tags = dict(parsed(markup.progress(Progress("reading", None))).tags)
    assert "value" not in tags["progress"]


@pytest.mark.parametrize(
    ("seconds", "shown"), [(5.0, "0:05"), (65.0, "1:05"), (3605.0, "1:00:05"), (36_000.0, "10:00:00")]
)
def test_times(seconds: float, shown: str) -> None:
    assert markup._minutes(seconds) == shown
