"""The page about a run in a headless Chromium, opened from disk."""

from pathlib import Path

import numpy as np
import pytest
from browser import chromium, needs_browser, overflow

from hf_bigru_asr.evaluation.report import add_sounds, write_report
from hf_bigru_asr.evaluation.report_runs import ReportedUtterance, Run

pytestmark = [pytest.mark.slow, needs_browser]
EVIL = "<script>document.title='broken'</script>"


def make_run(name: str, hypotheses: list[str]) -> Run:
    references = ["THE CAT SAT ON THE MAT", f"A {EVIL} B", "INCOMPREHENSIBILITIES " * 3]
    utterances = zip(references, hypotheses, strict=True)
    return Run(
        name,
        tuple(
            ReportedUtterance(f"speaker{place}-utterance-with-a-long-name", reference, found, f"speaker{place}")
            for place, (reference, found) in enumerate(utterances)
        ),
        {"command": f"python scripts/evaluate.py {EVIL} " + "x" * 200},
    )


def test_it_opens_from_disk_plays_and_sorts(tmp_path: Path) -> None:
    run = make_run("a model with a long name, beam search", ["A CAT", EVIL, "UNINTELLIGIBILITIES"])
    waveform = (0.3 * np.sin(np.arange(8000) / 5)).astype(np.float32)
    run, sounds = add_sounds(run, [(each.id, waveform) for each in run.utterances])
    write_report(tmp_path, run, make_run("another", ["THE CAT SAT", "B", ""]), sounds)

    with chromium() as browser:
        page = browser.new_page(viewport={"width": 360, "height": 800}, color_scheme="dark")
        requests: list[str] = []
        problems: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        address = (tmp_path / "index.html").as_uri()
        page.goto(address)
        assert page.title() == f"Word errors of {run.name}"
        for width in (360, 768, 1440):
            page.set_viewport_size({"width": width, "height": 800})
            assert overflow(page) == 0, width
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 28)"

        # A recording plays; a second one stops it.
        audio = "document.querySelectorAll('audio')"
        page.evaluate(f"{audio}[0].play()")
        page.wait_for_function(f"{audio}[0].currentTime > 0")
        assert page.evaluate(f"{audio}[0].duration") == pytest.approx(0.5, abs=0.2)
        page.evaluate(f"{audio}[1].play()")
        assert page.evaluate(f"{audio}[0].paused")

        # Tables are sorted from the keyboard.
        words = page.locator("#groups table").first
        heading = words.locator("thead button", has_text="words")
        heading.focus()
        orders = []
        for _ in range(2):
            page.keyboard.press("Enter")
            orders.append([int(text) for text in words.locator("tbody td:nth-child(5)").all_inner_texts()])
        assert orders == [[6, 3, 3], [3, 3, 6]]
        assert words.locator("th[aria-sort]").all_inner_texts() == ["words"]

    assert [url for url in requests if not url.startswith("data:")] == [address]
    assert problems == []
