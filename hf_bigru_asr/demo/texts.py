"""What the page says of itself: what it is, what it cannot do, where the examples come from."""

import json
from dataclasses import dataclass
from pathlib import Path

from ..bundled import BUNDLED, CHECKPOINT_DIR

__all__ = ["EXAMPLES", "INTRODUCTION", "SAMPLES", "TITLE", "Example", "limits"]

SAMPLES = Path(__file__).parent / "samples"
TITLE = "Speech recognition with a small bidirectional GRU"
INTRODUCTION = f"""\
# {TITLE}

English speech to text by a network of 3 million parameters, on one processor core. Your recordings go to the machine \
that runs this page and nowhere else, and are deleted an hour later."""


@dataclass(frozen=True)
class Example:
    """A recording of real speech.

    Args:
        label: What its button says.
        path: Its file.
    """

    label: str
    path: Path


EXAMPLES = (
    Example("Example: a clear reader, 6 s", SAMPLES / "easy.flac"),
    Example("Example: hard to recognise, 5 s", SAMPLES / "hard.flac"),
)

_LIMITS = """\
- **English only.** It hears other languages as English, or not at all.
- **It learnt from audio books.** {error_rates}Conversations, accents, dialects, children, whispering, singing, \
noise, echo and telephones give many more errors.
- **One speaker at a time.** Nobody says who speaks, and of two who speak at once it makes a mixture.
- **No punctuation, capitals or digits.** It writes numbers as words.
- **Confidences are guesses.** They were fitted on read speech: there, of the words with 80 %, about 80 % are right. \
On other speech they may be too high.
- **Names and rare words** become common words that sound alike. The hotwords help.
- **Music and noise** may give letters, most of all without the language model.

Do not rely on it where an error does harm: medicine, law, emergencies, subtitles that nobody reads over.

The examples are two utterances of LibriSpeech test-clean, read by volunteers of LibriVox: V. Panayotov, G. Chen, \
D. Povey and S. Khudanpur, "LibriSpeech: an ASR corpus based on public domain audio books", ICASSP 2015, licence \
CC BY 4.0. The network was not trained on them."""


def limits(model: str, *, has_language_model: bool) -> str:
    """What it cannot do, as Markdown.

    Args:
        model: Name of the model; of the one that ships, the measured error rates are named.
        has_language_model: Whether the page can use a language model.
    """
    rates = ""
    if model == BUNDLED:
        greedy = f"{_error_rate('evaluation_test.json'):.0f} of 100 words wrong without the language model"
        searched = f"{_error_rate('evaluation_test_lm.json'):.0f} of 100 with it"
        rates = f"Even there (LibriSpeech test-clean) it gets {greedy}"
        rates += f", and {searched}. " if has_language_model else ". "
    return _LIMITS.format(error_rates=rates)


def _error_rate(name: str) -> float:
    """Word error rate in percent that an evaluation of the shipped model measured."""
    metrics = json.loads((CHECKPOINT_DIR / name).read_text(encoding="utf-8"))["metrics"]
    return 100 * float(metrics["wer"])
