"""Where English text may be broken, for lines and cues: what belongs together stays together."""

import re

__all__ = ["break_cost"]

# Words that belong to the one after them.
_ARTICLES = "a an the this that these those my your his her its our their some any no every each another"
_PREPOSITIONS = (
    "about above across after against along among around as at before behind below beneath beside besides between "
    "beyond by despite down during except for from in inside into like near of off on onto out outside over past "
    "since than through throughout till to toward towards under underneath until up upon via with within without"
)
_CONJUNCTIONS = (
    "and or but nor so yet because although though unless while whereas if whether when where which who whom whose"
)
_PRONOUNS = "i you he she it we they i'm i'll i'd i've you're you'll he's she's it's we're they're there there's"
_AUXILIARIES = (
    "am is are was were be been being have has had having do does did will would shall should can could may might "
    "must not don't doesn't didn't won't can't couldn't wouldn't isn't wasn't aren't weren't "
    "very too quite mr mrs dr saint"
)
_JOINS_NEXT = frozenset(f"{_ARTICLES} {_PREPOSITIONS} {_CONJUNCTIONS}".split())
_LEANS_ON_NEXT = frozenset(f"{_PRONOUNS} {_AUXILIARIES}".split())
_BEGINS_CLAUSE = frozenset(_CONJUNCTIONS.split())
_BEGINS_PHRASE = frozenset(_PREPOSITIONS.split())

_EDGES = re.compile(r"^[^\w]+|[^\w.,;:!?]+$")
LONG_PAUSE_MS = 450
_BEST = -3.0
_END_OF_SENTENCE, _END_OF_CLAUSE = ".?!", ",;:"


def break_cost(before: str, after: str, pause_ms: int) -> float:
    """How bad it is to break between two words: from -3, good, to 2, bad; 0 is neutral.

    Args:
        before: The word that would end a line.
        after: The word that would begin the next one.
        pause_ms: Pause between them; after one of 450 ms it does not matter which words they are.

    Source: the line breaks of the Netflix Timed Text Style Guide and of the BBC Subtitle Guidelines.
    """
    left, right = (_EDGES.sub("", each.lower()) for each in (before, after))
    share = min(pause_ms, LONG_PAUSE_MS) / LONG_PAUSE_MS
    return share * _BEST + (1 - share) * _cost_of_words(left, right)


def _cost_of_words(left: str, right: str) -> float:
    if left[-1:] and left[-1] in _END_OF_SENTENCE:
        return _BEST
    if left[-1:] and left[-1] in _END_OF_CLAUSE:
        return -2.0
    cost = 0.0
    if left in _JOINS_NEXT:
        cost += 2.0
    elif left in _LEANS_ON_NEXT:
        cost += 1.2
    if right in _BEGINS_CLAUSE:
        cost -= 1.0
    elif right in _BEGINS_PHRASE:
        cost -= 0.7
    return cost
