#!/usr/bin/env bash
# num2words 0.5.14: a negative number between -1 and 0 loses its sign in English.
#
# Guess: num2words(-0.4) is "minus zero point four", as num2words(-1.4) is "minus one point four". Seen: "zero point
# four", the words of 0.4: the whole part is converted alone, and int(-0.4) is 0, which has no sign. As a currency the
# same number keeps its sign. Strip the sign before the call and write "minus" yourself.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet "num2words==0.5.14"
"$folder/venv/bin/python" - <<'PYTHON'
from decimal import Decimal

from num2words import num2words

assert num2words(-1.4) == "minus one point four"
assert num2words(-0.4, to="currency", currency="USD").startswith("minus ")
for number in (-0.4, "-0.4", Decimal("-0.4"), -0.99):
    words = num2words(number)
    print(f"{number!r}: {words}")
    assert not words.startswith("minus"), "the sign is kept now"
    assert words == num2words(abs(Decimal(str(number)))), words
PYTHON
