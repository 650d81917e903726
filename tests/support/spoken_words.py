"""Words with times for tests of formats."""

import random

from hf_bigru_asr.formats.transcript import TimedTranscript, TimedWord

TEXT = """A I AND THE OF TO IN THAT WAS HE FOR WITH AS HIS ON BE AT BY HAD NOT BUT FROM WHICH OR THEY ONE HER SO ALL
RIVER EVENING WALKED SLOWLY CHURCH GOVERNMENT AUTHORITY NOTWITHSTANDING O'CLOCK I'LL I'M DON'T COUNTERREVOLUTIONARY"""
VOCABULARY = TEXT.split()


def spoken(text: str, start_s: float = 0.0, letter_s: float = 0.06, gap_s: float = 0.04) -> list[TimedWord]:
    """Words of a text at an even pace; `|` is a pause of a second."""
    words = []
    for token in text.split():
        if token == "|":
            start_s += 1.0
            continue
        end_s = start_s + letter_s * len(token)
        words.append(TimedWord(token, start_s, end_s, 0.9))
        start_s = end_s + gap_s
    return words


def transcript(*texts: str, duration_s: float | None = None, **options: float) -> TimedTranscript:
    """A transcript of one text, or of one a channel."""
    words = [
        TimedWord(word.text, word.start_s, word.end_s, word.confidence, channel)
        for channel, text in enumerate(texts)
        for word in spoken(text, **options)
    ]
    if duration_s is None:
        duration_s = max((word.end_s for word in words), default=0.0) + 1
    return TimedTranscript("talks/my talk.wav", duration_s, tuple(words), channels=tuple(range(len(texts))))


def random_transcript(seed: int, num_channels: int = 1) -> TimedTranscript:
    """Speech of some pace with pauses, and, in one of four, words of no length, words twice and words that overlap."""
    draw = random.Random(seed)
    words = []
    letter_s = draw.choice([0.02, 0.05, 0.08, 0.3])
    is_damaged = draw.random() < 0.25
    for channel in range(num_channels):
        time_s = draw.uniform(0, 3)
        for _ in range(draw.randrange(60)):
            text = draw.choice(VOCABULARY)
            end_s = time_s + letter_s * len(text) * (draw.random() > 0.2 or not is_damaged)
            words.append(TimedWord(text, time_s, end_s, draw.random(), channel))
            time_s = end_s + draw.choice([0, 0, 0.02, 0.1, 0.3, 0.8, 3.0])
            if is_damaged and draw.random() < 0.2:
                time_s = max(time_s - 1, 0)
    duration_s = max((word.end_s for word in words), default=0.0) + draw.choice([0, 0.4, 5])
    return TimedTranscript("random.wav", duration_s, tuple(words), channels=tuple(range(num_channels)))
