#!/usr/bin/env bash
# kaldifst 1.8.3: determinize_star(fst, max_states=N) raises RuntimeError where its documentation promises True.
#
# Guess, from its documentation: "Returns: False if determinization completed normally, and true if it was stopped early
# by reaching the 'max-states' limit, and a partial FST was generated." Seen: below the limit False, at the limit
# RuntimeError "Determinization aborted since passed 50 states". No partial FST is to be had: the automaton that was
# passed stays as it was. A caller that tests the return value alone never sees the limit.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet "kaldifst==1.8.3"
"$folder/venv/bin/python" - <<'PYTHON'
import kaldifst

A, B = 1, 2
# (a|b)* a (a|b){8}: 10 states, and 2 ** 9 when deterministic.
lines = [f"0 0 {label} {label}" for label in (A, B)] + [f"0 1 {A} {A}"]
lines += [f"{state} {state + 1} {label} {label}" for state in range(1, 9) for label in (A, B)] + ["9"]
text = "\n".join([*lines, ""])

assert "true if it was stopped early" in " ".join(kaldifst.determinize_star.__doc__.split())
fst = kaldifst.compile(text)
print("limit 2000:", kaldifst.determinize_star(fst, max_states=2000), fst.num_states, "states")
assert fst.num_states == 512
fst = kaldifst.compile(text)
try:
    returned = kaldifst.determinize_star(fst, max_states=50)
except RuntimeError as error:
    print("limit 50:", str(error).strip().splitlines()[-1], "; left with", fst.num_states, "states")
    assert "passed 50 states" in str(error) and fst.num_states == 10
else:
    raise SystemExit(f"limit 50: it returned {returned} now, as documented")
PYTHON
