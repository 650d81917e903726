#!/usr/bin/env bash
# num2words 0.5.14: to="currency" takes an int as a number of cents, a float or a string as a number of dollars.
#
# Guess: num2words(5, to="currency", currency="USD") is five dollars, as for 5.0 and "5". Seen: "zero dollars, five
# cents"; a bill of 1000000 becomes ten thousand dollars. A parser that turns "5" into an int and "5.50" into a float
# is wrong by a factor of 100 for the whole amounts alone. Pass a string, or spell the amount with to="cardinal".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet "num2words==0.5.14"
"$folder/venv/bin/python" - <<'PYTHON'
from decimal import Decimal

from num2words import num2words

for number in (5.0, "5", Decimal("5"), 5, 1_000_000):
    print(f"{number!r}: {num2words(number, to='currency', currency='USD')}")
for number in (5.0, "5"):
    assert num2words(number, to="currency", currency="USD") == "five dollars, zero cents"
assert num2words(5, to="currency", currency="USD") == "zero dollars, five cents", "an int is a number of dollars now"
assert num2words(1_000_000, to="currency", currency="USD").startswith("ten thousand dollars")
PYTHON
