"""Texts over the alphabet, and the frames that CTC collapses to them."""

import random
import string

BLANK = 0
SYMBOLS = ["<pad>", "|", "'", *string.ascii_uppercase]
ALPHABET = " '" + string.ascii_uppercase

SPECIAL_STRINGS = [
    "",
    " ",
    "   ",
    "'",
    "''",
    "A",
    "HELLO",
    "BOOKKEEPER",
    "AAAA",
    "  LEADING",
    "TRAILING  ",
    "TWO  SPACES   AND THREE",
    "'TIS THE BOYS' O'CLOCK",
    "PAD",
    "UNK",
    ALPHABET,
]


def random_strings(count: int) -> list[str]:
    """Strings over the alphabet in which spaces and repeats are frequent."""
    rng = random.Random(0)
    letters = ALPHABET + " " * 6 + "LLOO"
    return ["".join(rng.choices(letters, k=rng.randrange(1, 40))) for _ in range(count)]


TEXTS = SPECIAL_STRINGS + random_strings(200)


def framed(labels: list[int], rng: random.Random) -> list[int]:
    """Frame-wise ids that CTC collapses to `labels`: random repeats, blanks between, one at least in a double."""
    frames = [BLANK] * rng.randrange(3)
    for index, label in enumerate(labels):
        if index > 0:
            frames += [BLANK] * rng.randrange(1 if labels[index - 1] == label else 0, 3)
        frames += [label] * rng.randrange(1, 4)
    return frames + [BLANK] * rng.randrange(3)


def collapsed(frames: list[int]) -> list[tuple[int, int, int]]:
    """`(id, first frame, frame after the last)` of every emission, frame by frame."""
    emissions: list[tuple[int, int, int]] = []
    previous = BLANK
    for index, frame in enumerate(frames):
        if frame == BLANK:
            pass
        elif frame == previous:
            emissions[-1] = (*emissions[-1][:2], index + 1)
        else:
            emissions.append((frame, index, index + 1))
        previous = frame
    return emissions


def words_in(text: str) -> str:
    """What is decoded from the frames of a text: words with a letter, and one space between them."""
    return " ".join(word for word in text.split(" ") if word.strip("'"))


def ids_of(text: str) -> list[int]:
    return [SYMBOLS.index("|" if char == " " else char) for char in text]
