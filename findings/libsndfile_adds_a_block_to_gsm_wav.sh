#!/usr/bin/env bash
# soundfile 0.14.0 (libsndfile 1.2.2): GSM 6.10 in WAV with an odd number of blocks gives 320 samples that do not exist.
#
# Guess: libsndfile reads back what it wrote, and the fact chunk says how many samples there are. Seen: the byte that pads
# a chunk of odd size is taken for one more block of 65 bytes, which is decoded to 320 loud samples. Files of an even
# number of blocks are right. ffmpeg, where it is installed, gives the right number.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet "soundfile==0.14.0" "numpy==2.3.5"
"$folder/venv/bin/python" - <<'PYTHON'
import io

import numpy as np
import soundfile

for blocks in (8, 9, 10, 11):
    tone = 0.05 * np.sin(2 * np.pi * 440 * np.arange(320 * blocks) / 8_000)
    file = io.BytesIO()
    soundfile.write(file, tone, 8_000, format="WAV", subtype="GSM610")
    data = file.getvalue()
    place = data.index(b"fact") + 8
    stated = int.from_bytes(data[place : place + 4], "little")
    samples, _ = soundfile.read(io.BytesIO(data), dtype="float32")
    extra = samples[stated:]
    print(f"{blocks} blocks: fact says {stated}, {len(samples)} come; peak behind: {abs(extra).max() if len(extra) else 0:.2f}")
    assert stated == 320 * blocks
    assert len(extra) == (320 if blocks % 2 else 0), "an odd number of blocks is right now"
    assert blocks % 2 == 0 or abs(extra).max() > 3 * abs(tone).max(), "what is added is quiet now"
PYTHON
