#!/usr/bin/env bash
# ffmpeg 5.1 (Debian 12): with only the sound of an MPEG transport or program stream mapped, its time stamps begin at 0.
#
# Guess: time stamps count from the start of the file ("start:" in what ffmpeg prints), as in MP4 and Matroska; so sound
# that begins 1.5 s after the picture has the first stamp 1.5 s. Seen: in MPEG-TS and MPEG-PS they count from the first
# stream that is used. The offset to the picture is gone, unless the picture is mapped as well, for example to "-f null".
set -euo pipefail
command -v ffmpeg > /dev/null || { echo "needs ffmpeg (Debian 12: 5.1)"; exit 2; }
ffmpeg -version | head -1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
sound=(-itsoffset 1.5 -f lavfi -i "sine=d=2:r=48000")
first_stamp() {
    ffmpeg -nostdin -nostats -v info -i "$1" -map 0:a:0 -af ashowinfo -f wav pipe:1 "${@:2}" 2>&1 > /dev/null |
        grep -o 'n:0 *pts:.*pts_time:[-0-9.]*' | head -1 | sed 's/.*pts_time://'
}
for name in film.mp4 film.ts film.mpg; do
    ffmpeg -nostdin -v error -y -f lavfi -i "testsrc=d=4:s=64x64:r=25" "${sound[@]}" -map 0:v -map 1:a \
        -c:v mpeg2video -c:a mp2 "$folder/$name"
    alone=$(first_stamp "$folder/$name")
    both=$(first_stamp "$folder/$name" -map 0:v:0 -c:v copy -f null -)
    echo "$name: first stamp of the sound $alone s alone, $both s beside the picture"
    python3 - "$name" "$alone" "$both" <<'PYTHON'
import sys

name, alone, both = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
assert abs(both - 1.5) < 0.1, "the offset is gone even beside the picture"
if name.endswith("mp4"):
    assert abs(alone - 1.5) < 0.1, "MP4 has changed"
else:
    assert abs(alone) < 0.1, "the stamps count from the start of the file now"
PYTHON
done
