"""The page about grammars shows what was measured, and its grammars can be read."""

import json
from pathlib import Path
from typing import Any

import pytest
from documents import blocks
from repository import REPOSITORY

from hf_bigru_asr.grammar import Grammar, GrammarDecoder, rejection

PAGE = (REPOSITORY / "docs" / "grammar.md").read_text(encoding="utf-8")
FIGURES: dict[str, Any] = json.loads((REPOSITORY / "docs" / "figures" / "grammar.json").read_text(encoding="utf-8"))
ROWS = {tuple(cell.strip() for cell in line.strip("|").split("|")) for line in PAGE.splitlines() if line[:1] == "|"}


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def test_shares_of_commands_and_other_speech() -> None:
    report = FIGURES["report"]
    shown = {
        "commands": report["commands"],
        "other sentences by the same voices": report["other"],
        "read speech: `validation` of LibriSpeech and of other corpora": report["speech"],
        'sentences that share words with a command ("open the book")': report["near"],
    }
    for engine, name in {
        "kokoro": "Kokoro",
        "piper": "Piper",
        "festival": "Festival",
        "espeak-ng": "eSpeak NG",
    }.items():
        measured = report["commands_by_engine"][engine]
        shown[f"commands by {name}, {measured['voices']} voice{'s' if measured['voices'] > 1 else ''}"] = measured
    for label, measured in shown.items():
        result = (
            f"{percent(measured['right'])} right"
            if "right" in measured
            else f"{percent(measured['rejected'])} rejected"
        )
        assert (label, str(measured["utterances"]), result) in ROWS
    together = FIGURES["one_recording"]
    label = "the twenty commands in one recording, with pauses of 1 s without any sound"
    assert (label, str(20 * together["recordings"]), f"{percent(together['right'])} right") in ROWS
    assert f"That is {report['false_accepts_per_hour']:.1f} false accepts per hour of read speech" in PAGE


def test_other_confidences() -> None:
    measured = {
        (
            str(each["min_confidence"]),
            percent(each["commands_right"]),
            percent(each["near_rejected"]),
            f"{each['false_accepts_per_hour']:.1f}",
        )
        for each in FIGURES["other_confidences"]
    }
    shown = {row for row in ROWS if row[0].startswith("0.")}

    assert len(shown) == 4
    assert shown <= measured


def test_speed() -> None:
    speed = FIGURES["speed"]

    assert f"A grammar of {speed['phrases']:,} phrases is ready in {speed['ready_s']:.1f} s" in PAGE
    assert f"{speed['times_real_time']:.0f} times as fast as real time" in PAGE


def test_the_package_has_the_confidence_that_was_measured() -> None:
    assert FIGURES["min_confidence"] == rejection.MIN_CONFIDENCE


def test_its_grammars_can_be_read(tmp_path: Path) -> None:
    pytest.importorskip("kaldi_decoder")
    for number, text in enumerate(blocks(PAGE, "text")):
        path = tmp_path / f"{number}.txt"
        path.write_text(text, encoding="utf-8")
        GrammarDecoder(Grammar.from_file(path), ("", " ", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ"), frame_s=0.021)
