#!/usr/bin/env bash
# flashlight-text 0.0.7: Trie.smear(SmearingMode.MAX) gives a node with two words more than the better one's score, and
# Trie.insert drops the seventh word of one spelling.
#
# Guess: MAX, as its name and torchaudio's use of it say, makes `max_score` of a node the largest score of the words at
# the node or below it; so with scores -1.0 and -1.2 it is -1.0. And a trie takes as many words as are inserted.
# Seen: -0.40, the logarithm of the sum of their exponentials, although KenLM's scores are base-10 logarithms, which
# sum to -0.79. Only over children the largest counts. A beam search expects more of such a node than any word brings,
# and drops others for it. Of eight words of one spelling six are kept: `insert` writes a line to the error output and
# returns as for the others, so that the two can never be recognised.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet "flashlight-text==0.0.7"
"$folder/venv/bin/python" - <<'PYTHON'
import math

from flashlight.lib.text.decoder import SmearingMode, Trie

trie = Trie(4, 0)
trie.insert([1, 2], 0, -1.0)
trie.insert([1, 2], 1, -1.2)
trie.insert([3, 1], 2, -1.0)
trie.insert([3, 2], 3, -1.2)
trie.smear(SmearingMode.MAX)
together, apart = trie.search([1]).max_score, trie.search([3]).max_score
print(f"two words with scores -1.0 and -1.2: max_score {together:.4f} at one node, {apart:.4f} at two")
assert math.isclose(apart, -1.0, abs_tol=1e-6), "children are no longer compared by their largest score"
assert math.isclose(together, math.log(math.exp(-1.0) + math.exp(-1.2)), abs_tol=1e-6), "one node is treated otherwise now"

full = Trie(4, 0)
for word in range(8):
    full.insert([1, 2], word, -1.0)
kept = full.search([1, 2]).labels
print(f"eight words of one spelling: {kept} are kept")
assert kept == [0, 1, 2, 3, 4, 5], "the limit is another now"
PYTHON
