#!/usr/bin/env bash
# onnxruntime 1.32.0 on Linux: `import onnxruntime` writes an identifier of the machine into the home folder.
#
# Guess: importing the package writes nothing anywhere. Seen: without a session, a model or a call, the import leaves
# ~/.cache/Microsoft/DeveloperTools/.onnxruntime/deviceid, a UUID that stays, and onnxruntime.db. Privacy.md in the
# wheel says why: reports of the use are sent to its maker unless one objects. Where the home cannot be written, every
# process prints a warning instead. `disable_telemetry_events()` comes too late, for it needs the import. The variable
# ORT_DISABLE_TELEMETRY=1, set before, prevents all of it; 0 does not. This package sets it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet "onnxruntime==1.32.0"

import_in() { # the home, and what is set besides; nothing of continuous integration, where it is silent
    mkdir "$1"
    env -i PATH="$PATH" HOME="$1" "${@:2}" "$folder/venv/bin/python" -c "import onnxruntime"
    (cd "$1" && find . -type f | sort)
}
plain=$(import_in "$folder/plain")
echo "$plain"
grep -qE '^[0-9a-f]{8}-[0-9a-f-]{27}' "$folder/plain/.cache/Microsoft/DeveloperTools/.onnxruntime/deviceid"
case $plain in *onnxruntime.db*) ;; *) echo "no queue of reports"; exit 1 ;; esac
[ -z "$(import_in "$folder/off" ORT_DISABLE_TELEMETRY=1)" ]
[ -n "$(import_in "$folder/zero" ORT_DISABLE_TELEMETRY=0)" ]
