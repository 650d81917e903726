#!/usr/bin/env bash
# flashlight-text 0.0.7: LexiconDecoder.decode is C++, and keeps Python's global lock all the while.
#
# Guess: a call that spends its time in C++ and touches no Python object releases the lock, so threads can decode side
# by side. Seen: a thread that counts beside one that decodes gets a few per cent of its speed. Only processes help.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet "flashlight-text==0.0.7" "numpy==2.3.5"
"$folder/venv/bin/python" - <<'PYTHON'
import threading
import time

import numpy as np
from flashlight.lib.text.decoder import CriterionType, LexiconDecoder, LexiconDecoderOptions, SmearingMode, Trie, ZeroLM

TOKENS, FRAMES = 30, 1500
lm = ZeroLM()
trie = Trie(TOKENS, 0)
state = lm.start(False)
rng = np.random.default_rng(0)
spellings = {tuple(rng.integers(1, TOKENS - 1, size=int(rng.integers(3, 9))).tolist()) for _ in range(20000)}
for word, spelling in enumerate(sorted(spellings)):
    trie.insert([*spelling, TOKENS - 1], word, 0.0)
trie.smear(SmearingMode.MAX)
options = LexiconDecoderOptions(500, TOKENS, 100.0, 0.0, 0.0, -1e9, 0.0, False, CriterionType.CTC)
decoder = LexiconDecoder(options, trie, lm, TOKENS - 1, 0, -1, [], False)
emissions = np.ascontiguousarray(np.log(rng.dirichlet(np.full(TOKENS, 0.3), size=FRAMES)), dtype=np.float32)


def count_for(stop: threading.Event) -> int:
    count = 0
    while not stop.is_set():
        count += 1
    return count


def rate(work) -> float:
    stop, counts = threading.Event(), []
    thread = threading.Thread(target=lambda: counts.append(count_for(stop)))
    start = time.perf_counter()
    thread.start()
    work()
    stop.set()
    thread.join()
    return counts[0] / (time.perf_counter() - start)


alone = rate(lambda: time.sleep(1.0))
start = time.perf_counter()
beside = rate(lambda: decoder.decode(emissions.ctypes.data, FRAMES, TOKENS))
print(f"decoding took {time.perf_counter() - start:.1f} s; a counting thread beside it had {beside / alone:.1%} of its speed")
assert time.perf_counter() - start > 0.3, "too short to tell"
assert beside / alone < 0.2, "the lock is released now: threads can decode side by side"
PYTHON
