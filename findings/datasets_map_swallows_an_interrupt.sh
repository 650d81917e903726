#!/usr/bin/env bash
# datasets 5.2.0: Ctrl-C while `map` computes a fingerprint is swallowed, and the program runs on.
#
# Guess: `KeyboardInterrupt` leaves `Dataset.map` wherever it comes, and the program ends. Seen: `update_fingerprint` has a
# bare `except:` around the hashing of the function and of its arguments. The interrupt is reported as an argument that
# "couldn't be hashed properly, a random hash was used instead", `map` goes through all rows, and no exception comes.
# Hashing takes as long as pickling what the function holds, so with a model in it Ctrl-C often comes here.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet datasets==5.2.0
cat > "$folder/program.py" <<'PY'
import logging
import os
import signal

import datasets
from datasets import Dataset

messages = []
handler = logging.Handler()
handler.emit = lambda record: messages.append(record.getMessage())
datasets.logging.get_logger("datasets.fingerprint").addHandler(handler)


class Interrupting:
    """Pickled to its end; Ctrl-C comes meanwhile."""

    def __reduce__(self):
        os.kill(os.getpid(), signal.SIGINT)
        return str, ("value",)


rows = Dataset.from_dict({"text": ["A", "B"]})
argument = Interrupting()
try:
    mapped = rows.map(lambda row, argument: {"text": row["text"] * 2}, fn_kwargs={"argument": argument})
except KeyboardInterrupt:
    raise SystemExit("the interrupt comes through now")
print(datasets.__version__, list(mapped["text"]), sum("couldn't be hashed" in text for text in messages))
assert list(mapped["text"]) == ["AA", "BB"]
assert any("couldn't be hashed properly" in message for message in messages)
PY
HF_HOME="$folder/home" "$folder/venv/bin/python" "$folder/program.py"
