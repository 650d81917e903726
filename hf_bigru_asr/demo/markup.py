"""What the page shows, as HTML: words coloured by confidence, progress, messages, hypotheses side by side."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from html import escape
from pathlib import Path
from urllib.parse import quote

from ..formats.segments import segments_of
from ..formats.times import clock
from ..formats.transcript import TimedTranscript, TimedWord
from ..model.decoding_bigru_ctc import Hypothesis
from .recognition import Progress, Stage, Transcription

__all__ = ["LEVELS", "comparison", "legend", "level_of", "message", "notice_of", "progress", "transcript_of", "words"]

LEVELS: tuple[tuple[float, str, str], ...] = (
    (0.8, "sure", "80 % or more"),
    (0.5, "unsure", "50 to 80 %"),
    (0.0, "doubtful", "below 50 %"),
)
"""Least confidence, name and explanation of every look of a word."""

SILENT_PEAK = 1e-3
"""Largest sample, at full scale 1, of a recording that is called silent: -60 dB."""
LEAST_MEAN_CONFIDENCE = 0.35
"""Below this mean the words are probably none: greedily, music gives words of 0.17, and hard speech of 0.59."""
GROWING_WORDS = 120
"""Words that are shown while there will be more; the last ones."""
COMPARED_WORDS = 300
"""Words of every hypothesis that are compared."""

_STAGES: dict[Stage, str] = {
    "reading": "Reading the recording",
    "network": "Running the network",
    "words": "Finding the words",
}


def level_of(confidence: float) -> str:
    """Name of the look of a word.

    Args:
        confidence: Probability that it is right.
    """
    return next((name for least, name, _ in LEVELS if confidence >= least), LEVELS[-1][1])


def transcript_of(result: Transcription) -> TimedTranscript:
    """The best hypothesis, as the writers of formats take it."""
    return TimedTranscript.from_channels(result.name, result.duration_s, [result.best.words], warnings=result.warnings)


def legend() -> str:
    """How words look."""
    samples = "".join(
        f'<li><span class="word {name}">{name}</span> <span class="range">{escape(explanation)}</span></li>'
        for _, name, explanation in LEVELS
    )
    return f'<ul class="legend" aria-label="How sure a word is">{samples}</ul>'


def words(result: Transcription) -> str:
    """Player, legend and words. A word is a button; the script of the page plays it."""
    paragraphs = []
    for segment in segments_of(transcript_of(result)):
        buttons = " ".join(map(_word, segment.words))
        paragraphs.append(f'<p><span class="time">{_minutes(segment.start_s)}</span> {buttons}</p>')
    source = f"gradio_api/file={quote(Path(result.audio).as_posix())}"
    player = (
        f'<audio controls preload="metadata" src="{escape(source)}" aria-label="The recording as it was recognised">'
        "</audio>"
    )
    if not paragraphs:
        return player
    return (
        f"{player}{legend()}"
        '<p class="hint" id="words-hint">Click a word to hear it. With the keyboard: Tab to the words, arrow keys '
        "from word to word, Enter to play.</p>"
        f'<div class="words" role="group" aria-label="Transcript" aria-describedby="words-hint">'
        f"{''.join(paragraphs)}</div>"
    )


def _word(word: TimedWord) -> str:
    confidence = min(max(word.confidence or 0.0, 0.0), 1.0)
    level = level_of(confidence)
    percent = f"{confidence * 100:.0f} %"
    label = f"{word.text}, {level}, {percent}, at {_minutes(word.start_s)}"
    return (
        f'<button type="button" class="word {level}" tabindex="-1" data-start="{word.start_s:.3f}" '
        f'data-end="{word.end_s:.3f}" title="{percent}" aria-label="{escape(label)}">{escape(word.text)}</button>'
    )


def growing(text: str) -> str:
    """The last words of a transcript that grows."""
    found = text.split()
    if not found:
        return ""
    hidden = len(found) - GROWING_WORDS
    before = f'<span class="time">{hidden:,} words before</span> … ' if hidden > 0 else ""
    return f'<div class="words growing"><p>{before}{escape(" ".join(found[-GROWING_WORDS:]))} …</p></div>'


def progress(step: Progress) -> str:
    """A bar with its name. Screen readers say what comes of it, and not every percent."""
    name, bar = f"{_STAGES[step.stage]} …", '<progress max="100"></progress>'
    if step.fraction is not None:
        percent = round(100 * step.fraction)
        name, bar = f"{_STAGES[step.stage]}: {percent} %", f'<progress max="100" value="{percent}"></progress>'
    return f'<label class="progress" aria-live="off">{name} {bar}</label>'


def message(kind: str, text: str) -> str:
    """A sentence.

    Args:
        kind: `done`, `note` or `error`.
        text: As plain text.
    """
    sign = {"done": "✓", "note": "▸", "error": "⚠"}[kind]
    return f'<p class="message {kind}"><span aria-hidden="true">{sign}</span> {escape(text)}</p>'


def notice_of(result: Transcription) -> str:
    """What there is to say about a result: how long it took, and whether it was speech."""
    found = result.best.words
    times = f"{result.duration_s:.1f} s of sound, recognised in {result.taken_s:.1f} s"
    if not found and result.peak < SILENT_PEAK:
        parts = [message("note", f"This recording is silent ({times}): check the microphone, or whether it is muted.")]
    elif not found:
        parts = [
            message("note", f"No speech was found ({times}). Music, noise and other languages than English have none.")
        ]
    elif sum(word.confidence for word in found) / len(found) < LEAST_MEAN_CONFIDENCE:
        parts = [
            message(
                "note",
                f"Hardly any word is sure ({times}). Is this English speech? Music and noise give letters too, more "
                "of them without the language model.",
            )
        ]
    else:
        parts = [message("done", f"{len(found):,} words; {times}.")]
    return "".join(parts + [message("note", warning) for warning in result.warnings])


def comparison(result: Transcription) -> str:
    """Greedy decoding beside the language model, and the best hypotheses; words that differ are marked."""
    best = result.best.text.split()[:COMPARED_WORDS]
    parts = []
    if len(result.best.words) > COMPARED_WORDS or len(result.greedy.words) > COMPARED_WORDS:
        parts.append(message("note", f"The first {COMPARED_WORDS} words are compared."))
    greedy = _marked(result.greedy.text.split()[:COMPARED_WORDS], best)
    if not result.has_language_model:
        parts.append(f"<h2>Greedy</h2><p>{greedy or _NOTHING}</p>")
        parts.append(message("note", "Switch the language model on to see it beside the greedy transcript."))
        return _block(parts)
    parts.append(
        '<div class="beside"><section><h2>Language model</h2>'
        f"<p>{escape(' '.join(best)) or _NOTHING}</p></section>"
        f"<section><h2>Greedy</h2><p>{greedy or _NOTHING}</p></section></div>"
    )
    parts.append(_nbest(result.hypotheses, best))
    return _block(parts)


_NOTHING = "<em>nothing</em>"


def _block(parts: Sequence[str]) -> str:
    return f'<div class="comparison">{"".join(parts)}</div>'


def _nbest(hypotheses: Sequence[Hypothesis], best: Sequence[str]) -> str:
    rows = "".join(
        f'<tr><td class="number">{hypotheses[0].score - hypothesis.score:.2f}</td>'
        f"<td>{_marked(hypothesis.text.split()[:COMPARED_WORDS], best) or _NOTHING}</td></tr>"
        for hypothesis in hypotheses
    )
    return (
        '<table class="nbest"><caption>The best hypotheses of the search, and how many nats they are behind'
        '</caption><thead><tr><th scope="col">Behind</th><th scope="col">Text</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _marked(text: Sequence[str], best: Sequence[str]) -> str:
    """Words, those marked that are others than in the best hypothesis; `‸` where it has more."""
    parts: list[str] = []
    for kind, _, _, first, end in SequenceMatcher(None, best, text, autojunk=False).get_opcodes():
        shown = escape(" ".join(text[first:end]))
        if kind == "delete":
            shown = '<mark title="a word is left out here">‸</mark>'
        elif kind != "equal":
            shown = f"<mark>{shown}</mark>"
        parts.append(shown)
    return " ".join(parts)


def _minutes(seconds: float) -> str:
    """`1:05`, or `1:00:05` after an hour."""
    hours, rest = clock(round(seconds * 1000)).split(".")[0].split(":", 1)
    return rest.removeprefix("0") if int(hours) == 0 else f"{int(hours)}:{rest}"
