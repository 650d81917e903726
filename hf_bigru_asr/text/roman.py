"""Roman numerals after the name of a ruler, and after words such as War, Part and Chapter."""

import re
from collections.abc import Iterator

from .numbers import cardinal, ordinal
from .spans import Span

__all__ = ["find_roman_numerals"]

_NUMBERED = (
    "War|Part|Chapter|Act|Scene|Volume|Book|Article|Phase|Type|Title|Bowl|Division|Section|Appendix|Class|Stage|Grade|Mark"
    r"|Level|Schedule|Episode|[Vv]ol\.|[Cc]h\."
)
_BEFORE_PRONOUN = frozenset(("Part", "Act", "Scene", "Book", "Title", "Class", "Mark", "Section", "Volume"))
_RULERS = (
    "Henry|Elizabeth|Charles|George|Edward|William|James|Richard|John|Paul|Pius|Leo|Benedict|Louis|Philip|Philippe"
    "|Felipe|Peter|Catherine|Nicholas|Alexander|Napoleon|Frederick|Wilhelm|Mary|Gregory|Francis|Harald|Gustaf|Gustav"
    "|Margrethe|Frederik|Ivan|Robert|Ramses|Ramesses|Ptolemy|Mohammed|Abdullah|Clement|Innocent|Urban|Sixtus"
    "|Christian|Haakon|Olav|Umberto|Emmanuel|Otto|Ferdinand|Alfonso|Carlos|Leopold|Albert|Franz|Darius|Theodore"
)
_ROMAN = re.compile(
    rf"(?<![\w'])(?:(?P<numbered>{_NUMBERED})\ (?P<count>[IVXL]+)"
    rf"|(?P<title>(?:King|Queen|Pope|Tsar|Emperor|Empress|Prince|Archduke)\ )?(?P<ruler>{_RULERS})\ (?P<rank>[IVX]+)"
    r"|(?P<other>[A-Z]\w*[a-z])\ (?P<unclear>[IVX]{2,}))(?![\w&])(?!'(?!s\b)\w)",
    re.ASCII,
)
_END = re.compile(r"'s\b|[.,;:!?)]|$| of [A-Z]")
_VERB = re.compile(" (?:was|had|died|ruled|reigned|became|and|in|is|has)(?!\\w)")
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50}
_VALID = re.compile("(?:XL|L?X{0,3})(?:IX|IV|V?I{0,3})")


def find_roman_numerals(text: str) -> Iterator[Span]:
    """Find Roman numerals: `Henry VIII` is THE EIGHTH, `World War II` is TWO; after another name they are refused."""
    for match in _ROMAN.finditer(text):
        group = "count" if match["count"] else "rank" if match["rank"] else "unclear"
        roman, start, end = match[group], match.start(group), match.end(group)
        reason = "" if group != "unclear" else "TWO or THE SECOND? A Roman numeral after a word that no rule knows"
        if not _VALID.fullmatch(roman):
            reason = "not a Roman numeral"
        elif group == "rank" and roman == "I" and not match["title"] and not _END.match(text, end):
            if not _VERB.match(text, end):
                continue  # the pronoun: "he told Mary I would come"
            reason = "I or THE FIRST?"
        elif group == "count" and roman == "I" and match["numbered"] in _BEFORE_PRONOUN and not _END.match(text, end):
            continue
        number = cardinal(str(_value(roman)))
        words = number if group == "count" else f"the {ordinal(number)}"
        yield Span(match.start() if reason else start, end, words, reason)


def _value(roman: str) -> int:
    values = [_VALUES[letter] for letter in roman]
    return sum(
        -value if value < following else value for value, following in zip(values, [*values[1:], 0], strict=True)
    )
