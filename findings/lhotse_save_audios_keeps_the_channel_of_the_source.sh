#!/usr/bin/env bash
# lhotse 1.33.0: `CutSet.save_audios` writes the second channel of a stereo recording into a mono file. The recording of
# the new cut has channel 0 alone, the supervision within it keeps channel 1.
#
# Guess: the supervision follows the cut, as its start and duration do. Seen: cut 0, recording [0], supervision 1. Who
# picks samples by the supervision's channel asks the file for one that it does not have.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet "lhotse==1.33.0" "numpy==2.4.6" "soundfile==0.14.0" "urllib3==2.5.0" # it imports the last one without asking for it
env/bin/python - << 'EOF'
import numpy as np
import soundfile
from importlib.metadata import version
from lhotse import CutSet, MonoCut, Recording, SupervisionSegment

print("lhotse", version("lhotse"))
seconds = np.arange(16_000) / 16_000
stereo = np.stack([np.sin(2 * np.pi * 200 * seconds), np.sin(2 * np.pi * 400 * seconds)], axis=1)
soundfile.write("call.wav", stereo * 0.3, 16_000)
recording = Recording.from_file("call.wav")
said = SupervisionSegment("s", recording.id, start=0, duration=1, channel=1, text="hello")
cut = MonoCut("c", start=0, duration=1, channel=1, recording=recording, supervisions=[said])
(saved,) = CutSet.from_cuts([cut]).save_audios("saved")
print("cut", saved.channel, "recording", saved.recording.channel_ids, "supervision", saved.supervisions[0].channel)
assert (saved.channel, saved.recording.channel_ids) == (0, [0]), "the file is another one now"
assert saved.supervisions[0].channel == 1, "the supervision follows now"
EOF
