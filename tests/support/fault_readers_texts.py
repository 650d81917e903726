"""Readers of texts: transcripts, scores, phrases, grammars, arguments, and what commands wrote for themselves."""

import io
import json
import lzma
import random
import re
import string
from argparse import Namespace
from collections.abc import Callable, Collection, Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from card_records import EVALUATION, TRAINING
from fake_recognition import FakeRecognition
from fault_mutations import MISSING, Change, change_file, change_text
from fault_readers import UNREADABLE, Reader, check
from fault_readers_models import save_with_language_model
from script_runs import write_noise
from tone_speech import save_listener

from hf_bigru_asr.cli import transcribe
from hf_bigru_asr.cli.align import NOT_THE_TEXT
from hf_bigru_asr.cli.main import main
from hf_bigru_asr.cli.train_steps import make_parser, parse_arguments
from hf_bigru_asr.grammar import Grammar, GrammarDecoder
from hf_bigru_asr.hub.card import build_card, find_evaluations, load_evaluation
from hf_bigru_asr.runtime.hotwords import parse_hotwords
from hf_bigru_asr.text.lines import NormalizedLines
from hf_bigru_asr.text.normalization import normalize_transcript
from hf_bigru_asr.text.written_words import written_words

ALPHABET = set(" '" + string.ascii_uppercase)
ANY_LENGTH = frozenset({MISSING})
"""Half of a text is a text."""
SENTENCES = """Dr. Smith paid $2,000,000.50 for 3 1/2 acres on 5th Ave., didn't he?
In 1984 - or '85 - it rose by 12.5% from 9:30 a.m. to 10 p.m.
Louis XIV said: "It's 40°C, 3-4 km & 5'6\" high!"
The pages 10-12 of vol. II cost £3.20; e.g. No. 7, i.e. the 21st.
"""
JSGF = """#JSGF V1.0 UTF-8 en;
grammar home;
/* what can be said */
public <command> = [please] (/2.5/ <action> {tag} | /1/ wait);
<action> = (turn | switch) (on | off) the <thing>+ ;
<thing> = light | "radio" | fan ;
"""
PHRASES = "# rooms\nTurn on the light\nSet a timer for 10 minutes\nstop\n"
HOTWORDS = "# names\nApollo 11\nQueequeg:9.5\nStar Trek: Picard\n3:30:8\n"
SCORES = {
    "text": "THE CAT SAT\nON THE MAT\n",
    "kaldi": "spk1-u1 THE CAT SAT\nspk2-u2 ON THE MAT\n",
    "trn": "the cat sat (spk1-u1)\non the mat (spk2-u2)\n",
    "stm": ";; comment\nrec 1 spk1 0.00 1.50 <o,f0> the cat sat\nrec 1 spk2 1.50 3.00 on the mat\n",
    "ctm": "rec 1 0.10 0.20 the 0.9\nrec 1 0.50 0.20 cat 0.8\nrec 1 0.80 0.30 sat\nrec 1 1.60 0.30 on\n",
}
PAIRS = (("text", "text"), ("kaldi", "trn"), ("stm", "ctm"))
ARGUMENTS: dict[str, Any] = {
    "dataset_name": "speech",
    "output_dir": "out",
    "learning_rate": 0.001,
    "num_train_epochs": 3,
    "speed_factors": [0.9, 1.0, 1.1],
    "eval_lm": None,
    "hop_length": 320,
    "apply_spec_augment": True,
    "report_to": "none",
    "use_cpu": True,
}


def run_command(*words: object, allowed: Collection[int] = (0,)) -> str:
    """What the command prints; a refusal in one line, with a status that is not allowed, is the error that it is."""
    out, err = io.StringIO(), io.StringIO()
    status: object = 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = main([str(word) for word in words])
        except SystemExit as end:
            status = end.code
    if status not in allowed and status is not None:
        said = err.getvalue().strip()
        check("Traceback" not in said, said)
        raise ValueError(said)
    return out.getvalue()


def _write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


def _make_pair(folder: Path, reference: str, hypothesis: str) -> None:
    _write(folder, f"reference.{reference}", SCORES[reference])
    _write(folder, f"hypothesis.{hypothesis}", SCORES[hypothesis])


def _read_pair(folder: Path, reference: str, hypothesis: str) -> Any:  # noqa: ANN401 - JSON
    printed = run_command(
        *("evaluate", folder / f"reference.{reference}", folder / f"hypothesis.{hypothesis}"),
        *("--reference-format", reference, "--hypothesis-format", hypothesis, "--json"),
    )
    score = json.loads(printed)
    check(0 <= score["wer"] < 1e6 and score["cer"] >= 0, f"an error rate of {score['wer']}")
    return score


def _read_hotwords(folder: Path) -> Any:  # noqa: ANN401 - JSON
    found: dict[str, float] = {}

    def recognition(args: Namespace, num_jobs: int) -> FakeRecognition:
        found.update(parse_hotwords(args.hotwords))
        return FakeRecognition()

    with mock.patch.object(transcribe, "_recognition", recognition):
        run_command("transcribe", _noise(), "--hotwords-file", folder / "hotwords.txt")
    check(all(set(phrase) <= ALPHABET and np.isfinite(weight) for phrase, weight in found.items()), f"{found}")
    return found


@cache
def _noise() -> Path:
    """A recording, whose content does not matter."""
    return write_noise(_scratch() / "noise.wav", 1.0)


@cache
def _scratch() -> Path:
    import tempfile

    return Path(tempfile.mkdtemp())


@cache
def _model() -> Path:
    folder = _scratch() / "listener"
    folder.mkdir()
    save_listener(folder)
    return folder


def _read_aligned(folder: Path) -> Any:  # noqa: ANN401 - JSON
    printed = run_command(
        "align", _noise(), folder / "said.txt", "--model", _model(), "--format", "json", allowed=(0, NOT_THE_TEXT)
    )
    words = json.loads(printed)["words"]
    check(all(0 <= word["start_s"] <= word["end_s"] <= 1 for word in words), f"{words}")
    return words


def _read_grammar(folder: Path, name: str) -> Any:  # noqa: ANN401 - JSON
    grammar = Grammar.from_file(folder / name)
    symbols = ("", " ", "'", *string.ascii_uppercase)
    log_probs = np.full((60, len(symbols)), -4.0, np.float32)
    log_probs[np.arange(60), [symbols.index(char) for char in "TURN ON THE LIGHT".ljust(20) for _ in range(3)]] = -0.1
    results = GrammarDecoder(grammar, symbols, frame_s=0.02)(log_probs)
    check(all(set(each.text) <= ALPHABET and each.start_s <= each.end_s for each in results), f"{results}")
    return [(each.text, each.is_accepted) for each in results]


def _read_text(folder: Path) -> Any:  # noqa: ANN401 - JSON
    text = (folder / "text.txt").read_text(encoding="utf-8", errors="surrogateescape")
    normalized = normalize_transcript(text)
    check(set(normalized) <= ALPHABET and normalized == " ".join(normalized.split()), repr(normalized))
    check(normalize_transcript(normalized) == normalized, f"{normalized!r} is normalised again")
    words = written_words(text)
    if words is not None:
        spoken = " ".join(word.normalized for word in words if word.normalized)
        check(spoken == normalized, f"{spoken!r} instead of {normalized!r}")
    return normalized


def _make_lines(folder: Path) -> None:
    _write(folder, "lines.txt", SENTENCES)
    (folder / "lines.txt.xz").write_bytes(lzma.compress(SENTENCES.encode()))


def _read_lines(folder: Path) -> Any:  # noqa: ANN401 - JSON
    found = [list(NormalizedLines.of_file(folder / name)) for name in ("lines.txt", "lines.txt.xz")]
    check(all(set(line) <= ALPHABET for lines in found for line in lines), f"{found}")
    return found


def _make_arguments(folder: Path, name: str) -> None:
    import yaml

    _write(folder, name, json.dumps(ARGUMENTS) if name.endswith(".json") else yaml.safe_dump(ARGUMENTS))


@cache
def _parser() -> Any:  # noqa: ANN401 - a parser
    return make_parser()


def _read_arguments(folder: Path, name: str) -> Any:  # noqa: ANN401 - JSON
    err = io.StringIO()
    try:
        with redirect_stderr(err), redirect_stdout(err), _parser().refusals():
            model_args, data_args, args = parse_arguments(_parser(), [str(folder / name)])
    except SystemExit as end:
        raise ValueError(err.getvalue() or str(end.code)) from end
    return [model_args.hop_length, data_args.dataset_name, data_args.speed_factors, args.learning_rate]


def _make_records(folder: Path) -> None:
    """A model's folder as training and evaluation leave it, without weights that matter."""
    save_with_language_model(folder)
    record = json.loads((folder / "language_model" / "language_model.json").read_text())
    record["validation"] = {"perplexity": 120.5, "out_of_vocabulary_rate": 0.02, "num_words": 100}
    _write(folder / "language_model", "language_model.json", json.dumps(record))
    _write(folder, "training.json", json.dumps(TRAINING))
    _write(folder, "evaluation_test.json", json.dumps(EVALUATION))


def _read_records(folder: Path) -> Any:  # noqa: ANN401 - JSON
    evaluations = [load_evaluation(path) for path in find_evaluations(folder)]
    content = str(build_card(folder, evaluations, "alice/bigru"))
    check(re.search(r"\b(nan|inf) (%|h|ms)", content) is None, "a figure that is no number")
    return content.replace(str(folder), "")


def _make_shared(folder: Path) -> None:
    """One file with two transcripts of three, and the record that says so: the third could not be read."""
    for name in ("a", "broken", "c"):
        write_noise(folder / f"{name}.wav", 0.1)
    with suppress(ValueError):
        _run_shared(folder, "broken")
    (folder / "broken.wav").rename(folder / "b.wav")


def _run_shared(folder: Path, middle: str) -> None:
    with mock.patch.object(transcribe, "_recognition", return_value=FakeRecognition()):
        recordings = [folder / f"{name}.wav" for name in ("a", middle, "c")]
        run_command("transcribe", *recordings, "--format", "jsonl", "--output", folder / "all.jsonl")


def _read_shared(folder: Path) -> Any:  # noqa: ANN401 - JSON
    _run_shared(folder, "b")
    found = [json.loads(line) for line in (folder / "all.jsonl").read_text(encoding="utf-8").splitlines()]
    check(sorted(Path(each["source"]).stem for each in found) == ["a", "b", "c"], "not each recording once")
    return [each["text"] for each in found]


def change_prose(name: str, content: bytes, rng: random.Random) -> Change:
    """Words and lines more often than bytes."""
    return change_text(content, rng) if rng.random() < 0.8 else change_file(name, content, rng)


def change_what_is_there(name: str, content: bytes, rng: random.Random) -> Change:
    """Without its record a file is complete: no file is another state, and no broken one."""
    while (change := change_file(name, content, rng)).kind == MISSING:
        pass
    return change


def text_readers() -> Iterator[Reader]:
    """The readers of texts."""
    for reference, hypothesis in PAIRS:
        pair = {"reference": reference, "hypothesis": hypothesis}
        name = f"scores, {reference} and {hypothesis}"
        yield Reader(name, partial(_make_pair, **pair), partial(_read_pair, **pair), refused=ANY_LENGTH)
    plain: dict[str, tuple[str, str, Callable[[Path], Any]]] = {
        "hotwords": ("hotwords.txt", HOTWORDS, _read_hotwords),
        "text to align": ("said.txt", "It's $2, no?\n", _read_aligned),
        "phrases": ("phrases.txt", PHRASES, partial(_read_grammar, name="phrases.txt")),
        "grammar": ("grammar.jsgf", JSGF, partial(_read_grammar, name="grammar.jsgf")),
    }
    for name, (file, content, read) in plain.items():
        yield Reader(name, partial(_write, name=file, text=content), read, refused=ANY_LENGTH)
    make_text = partial(_write, name="text.txt", text=SENTENCES)
    yield Reader(
        "text normalisation", make_text, _read_text, refused=ANY_LENGTH, names_file=False, change=change_prose
    )
    yield Reader("lines of a text", _make_lines, _read_lines, refused=ANY_LENGTH)
    for file in ("arguments.json", "arguments.yaml"):
        refused = UNREADABLE if file.endswith("json") else ANY_LENGTH
        yield Reader(file, partial(_make_arguments, name=file), partial(_read_arguments, name=file), refused=refused)
    progress = (".all.jsonl.*progress",)
    yield Reader(
        "record of one file",
        _make_shared,
        _read_shared,
        progress,
        ANY_LENGTH,
        writes=True,
        change=change_what_is_there,
    )
    yield Reader(
        *("records of a card", _make_records, _read_records, ("*.json", "*/language_model.json"), UNREADABLE),
        frozenset(
            {
                "language_model.json",
                "confidence.json",
                "training.json",
                "evaluation_test.json",
                "tokenizer_config.json",
                "vocab.json",
            }
        ),
    )
