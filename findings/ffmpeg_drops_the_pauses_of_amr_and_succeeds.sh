#!/usr/bin/env bash
# ffmpeg 5.1 (Debian 12): AMR with comfort noise loses its pauses, and the exit status is 0.
#
# Guess: AMR is what telephones record, so ffmpeg reads it; if it could not, it would fail. Seen: SoX encodes 2 s of tone,
# 4 s of silence and 2 s of tone with discontinuous transmission, as telephones do, and decodes 8 s of it. ffmpeg prints
# "Not yet implemented" for the frames of comfort noise, leaves them out and succeeds: everything behind is too early.
set -euo pipefail
for program in ffmpeg sox; do
    command -v "$program" > /dev/null || { echo "needs $program (Debian 12: ffmpeg 5.1, sox 14.4.2)"; exit 2; }
done
ffmpeg -version | head -1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
sox -D -n -r 8000 -c 1 "$folder/tone.wav" synth 2 sine 300-900 vol 0.3
sox -D "$folder/tone.wav" "$folder/in.wav" pad 0 4
sox -D "$folder/in.wav" "$folder/tone.wav" "$folder/call.wav"
sox -D "$folder/call.wav" "$folder/call.amr-nb"
status=0
ffmpeg -nostdin -v error -i "$folder/call.amr-nb" -f s16le "$folder/ffmpeg.raw" 2> "$folder/messages" || status=$?
sox -D "$folder/call.amr-nb" -t s16 "$folder/sox.raw"
by_ffmpeg=$(($(stat -c %s "$folder/ffmpeg.raw") / 160)) by_sox=$(($(stat -c %s "$folder/sox.raw") / 160))
echo "SoX: $by_sox hundredths of a second; ffmpeg: $by_ffmpeg, status $status; $(sort "$folder/messages" | uniq -c | sort -rn | head -2)"
test "$status" -eq 0 || { echo "ffmpeg fails now"; exit 1; }
grep -q "Not yet implemented" "$folder/messages" || { echo "ffmpeg has comfort noise now"; exit 1; }
test "$by_sox" -ge 790 || { echo "SoX has changed"; exit 1; }
test "$by_ffmpeg" -le 600 || { echo "ffmpeg keeps the pauses now"; exit 1; }
