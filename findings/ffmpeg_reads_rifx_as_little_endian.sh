#!/usr/bin/env bash
# ffmpeg 5.1 (Debian 12): big-endian WAV (RIFX) is decoded with the bytes of every sample swapped, without an error.
#
# Guess: ffmpeg knows RIFX, since it reads the sampling rate and the channels of its big-endian header. Seen: the rate is
# right, the exit status is 0, no error is printed, and the samples are noise at full scale. libsndfile swaps them.
set -euo pipefail
for program in ffmpeg sox; do
    command -v "$program" > /dev/null || { echo "needs $program (Debian 12: ffmpeg 5.1, sox 14.4.2)"; exit 2; }
done
ffmpeg -version | head -1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet "soundfile==0.14.0" "numpy==2.3.5"
sox -D -n -r 16000 -b 16 -c 1 "$folder/little.wav" synth 1 sine 440 vol 0.1
sox -D "$folder/little.wav" -B "$folder/big.wav"
test "$(head -c 4 "$folder/big.wav")" = RIFX
ffmpeg -nostdin -v error -i "$folder/big.wav" -f f32le "$folder/big.f32" 2> "$folder/messages"
test ! -s "$folder/messages"
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys

import numpy as np
import soundfile

folder = sys.argv[1]
right, rate = soundfile.read(f"{folder}/little.wav", dtype="float32")
ours, _ = soundfile.read(f"{folder}/big.wav", dtype="float32")
theirs = np.fromfile(f"{folder}/big.f32", dtype="<f4")
swapped = (theirs * 32768).astype("<i2").byteswap() / 32768
print(f"peak of the tone {abs(right).max():.2f}, by libsndfile {abs(ours).max():.2f}, by ffmpeg {abs(theirs).max():.2f}")
assert np.array_equal(ours, right), "libsndfile does not swap the samples any more"
assert len(theirs) == len(right)
assert abs(theirs).max() > 0.9, "ffmpeg swaps the samples now"
assert np.allclose(swapped, right, atol=1e-6), "it is something else than swapped bytes"
PYTHON
