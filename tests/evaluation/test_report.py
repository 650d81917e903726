"""The page about a run: what it says, that it is one file, and that no transcript becomes part of it."""

import base64
import hashlib
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from hf_bigru_asr.evaluation import report
from hf_bigru_asr.evaluation.report import add_sounds, pair_runs, write_report
from hf_bigru_asr.evaluation.report_runs import ReportedUtterance, Run, read_run

EVIL = "<script>alert(1)</script>"
RUN = Run(
    f"mine {EVIL}",
    (
        ReportedUtterance("good", "YES", "YES", "1", confidences=(0.9,)),
        ReportedUtterance(f'"><img src=x onerror=alert(2)> {EVIL}', f"A {EVIL} {{{{ 7 * 7 }}}}", f"{EVIL} B", EVIL),
        ReportedUtterance("bad", "THE CAT SAT", "A BAT", "1", confidences=(0.2, 0.4)),
    ),
    {f"data {EVIL}": EVIL},
)
OTHER = Run("other", (RUN.utterances[0], ReportedUtterance("bad", "THE CAT SAT", "THE CAT", "1")))


class Page(HTMLParser):
    """Elements, attributes and texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page_of(folder: Path) -> Page:
    return Page((folder / "index.html").read_text(encoding="utf-8"))


def test_what_a_transcript_holds_is_text(tmp_path: Path) -> None:
    write_report(tmp_path, RUN, OTHER)
    page = page_of(tmp_path)
    assert len(page.named("script")) == len(page.named("style")) == 1
    assert page.named("img") == []
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    write_report(tmp_path, RUN)
    texts = page_of(tmp_path).texts
    assert EVIL in "".join(texts)
    assert "{{ 7 * 7 }}" not in texts  # words of the alignment stand on their own
    assert "{{" in texts
    assert page_of(tmp_path).named("img") == []


def test_the_page_asks_for_nothing(tmp_path: Path) -> None:
    sounds = {"bad": b"ID3 and so on"}
    write_report(tmp_path, RUN, sounds=sounds)
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    page = Page(text)
    assert not re.search(r"(?:https?:)?//[a-z]", re.sub('base64,[^"]*', "", text))
    for _, attributes in page.elements:
        for name in ("src", "href", "action", "srcset", "poster"):
            assert str(attributes.get(name) or "#").startswith(("#", "data:"))
    (audio,) = page.named("audio")
    assert base64.b64decode(str(audio["src"]).removeprefix("data:audio/mpeg;base64,")) == sounds["bad"]
    policy = next(each["content"] for each in page.named("meta") if each.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    for tag in ("style", "script"):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_errors_are_marked_in_words_too(tmp_path: Path) -> None:
    write_report(tmp_path, Run("run", (ReportedUtterance("bad", "THE CAT SAT", "A CAT SAT DOWN"),)))
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    words = " ".join(Page(text[text.index("<article>") :]).texts).split()
    spoken = "S substituted: THE by A . CAT SAT I inserted: DOWN ."
    assert spoken in " ".join(words)
    assert "2 errors in 3 words: 1 S, 0 D, 1 I" in " ".join(words)


def test_two_runs_have_the_utterances_that_they_share(tmp_path: Path) -> None:
    pair = pair_runs(RUN, OTHER)
    assert [each.id for each in pair.run.utterances] == [each.id for each in pair.other.utterances] == ["good", "bad"]
    assert pair.num_left_out == 1
    write_report(tmp_path, RUN, OTHER)
    assert "only one of the runs has them: 1 utterances." in "".join(page_of(tmp_path).texts)
    assert read_run(tmp_path) == RUN
    with pytest.raises(ValueError, match="share no utterance"):
        pair_runs(RUN, Run("other", (ReportedUtterance("else", "A", "A"),)))
    with pytest.raises(ValueError, match="different references for good: 'YES' and 'NO'"):
        pair_runs(RUN, Run("other", (ReportedUtterance("good", "NO", "A"),)))


def test_sounds_are_those_of_the_worst_while_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run("run", tuple(ReportedUtterance(str(place), "A B C", "A B C"[: 2 * place]) for place in range(4)))
    waveforms = [(str(place), np.full(1600, 0.5, np.float32)) for place in range(4)]
    monkeypatch.setattr(report, "encode_mp3", lambda waveform: b"x" * 10)
    monkeypatch.setattr(report, "MAX_SOUND_BYTES", 20)
    found, sounds = add_sounds(run, iter(waveforms))
    assert list(sounds) == ["0", "1"]
    assert [each.duration_s for each in found.utterances] == [0.1] * 4
    assert found.utterances[0].level_db == pytest.approx(-6.02, abs=0.01)


def test_it_needs_no_torch(run_in_child: Callable[..., str], tmp_path: Path) -> None:
    code = """
import sys
sys.modules["torch"] = sys.modules["transformers"] = None
from pathlib import Path
from hf_bigru_asr.evaluation.report import write_report
from hf_bigru_asr.evaluation.report_runs import ReportedUtterance, Run
print(write_report(Path(sys.argv[1]), Run("run", (ReportedUtterance("1", "A", "B"),))).name)
"""
    assert run_in_child(code, str(tmp_path)) == "index.html\n"
