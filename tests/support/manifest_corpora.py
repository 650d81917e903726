"""Three recordings and their transcripts in the layouts of many tools, made as these write them."""

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from speech_rows import RATE_HZ, make_waveform

UTTERANCES = (("ann-1", "ann", "HELLO"), ("bob-1", "bob", "IT'S ME"), ("bob-2", "bob", "NO MORE"))
"""Name, speaker and transcript; the samples of number `n` are `waveform(n)`."""
GAP_S = 0.25
"""Silence before each utterance in the long recording."""


def waveform(number: int) -> np.ndarray:
    return make_waveform(number, 8000 + 1600 * number)


def write_sound(path: Path, samples: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, RATE_HZ, subtype="PCM_16")
    return path


def write_clips(folder: Path, suffix: str = ".flac") -> list[str]:
    """The utterances as files of their own; their names."""
    for number, (name, _, _) in enumerate(UTTERANCES):
        write_sound(folder / f"{name}{suffix}", waveform(number))
    return [f"{name}{suffix}" for name, _, _ in UTTERANCES]


def write_long(path: Path) -> list[tuple[float, float]]:
    """All utterances in one recording; where each begins, and its length, in seconds."""
    gap = np.zeros(round(GAP_S * RATE_HZ), np.float32)
    pieces, places, begin = [], [], 0.0
    for number in range(len(UTTERANCES)):
        samples = waveform(number)
        begin += GAP_S
        places.append((begin, len(samples) / RATE_HZ))
        begin += len(samples) / RATE_HZ
        pieces += [gap, samples]
    write_sound(path, np.concatenate([*pieces, gap]))
    return places


def write_lines(path: Path, lines: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def _rows() -> list[tuple[str, tuple[str, str, str]]]:
    return [(f"{name}.flac", (name, speaker, text)) for name, speaker, text in UTTERANCES]


def csv_table(folder: Path, delimiter: str = ",") -> Path:
    write_clips(folder / "sounds")
    path = folder / "recordings.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as stream:  # as Excel writes it
        writer = csv.writer(stream, delimiter=delimiter)
        writer.writerow(["path", "sentence", "speaker"])
        writer.writerows([f"sounds/{file}", text, speaker] for file, (_, speaker, text) in _rows())
    return path


def semicolon_table(folder: Path) -> Path:
    return csv_table(folder, ";")


def common_voice(folder: Path) -> Path:
    write_clips(folder / "clips")
    lines = [f"{speaker}\t{file}\t{text}\t2" for file, (_, speaker, text) in _rows()]
    write_lines(folder / "test.tsv", ["client_id\tpath\tsentence\tup_votes", *lines])
    write_lines(folder / "dev.tsv", ["client_id\tpath\tsentence\tup_votes", *lines[:1]])
    write_lines(folder / "clip_durations.tsv", ["clip\tduration[ms]", "ann-1.flac\t500"])
    return folder


def audio_folder_csv(folder: Path) -> Path:
    write_clips(folder / "test")
    lines = [f'{file},"{text}",{speaker}' for file, (_, speaker, text) in _rows()]
    write_lines(folder / "test" / "metadata.csv", ["file_name,transcription,speaker_id", *lines])
    return folder


def audio_folder_jsonl(folder: Path) -> Path:
    write_clips(folder / "data" / "test")
    rows = [{"file_name": f"data/test/{file}", "text": text, "speaker_id": who} for file, (_, who, text) in _rows()]
    write_lines(folder / "metadata.jsonl", [json.dumps(row) for row in rows])
    return folder


def nemo_clips(folder: Path) -> Path:
    names = write_clips(folder / "wav", ".wav")
    rows = [
        {"audio_filepath": f"wav/{file}", "duration": len(waveform(number)) / RATE_HZ, "text": text, "speaker": who}
        for number, (file, (_, who, text)) in enumerate(zip(names, UTTERANCES, strict=True))
    ]
    return write_lines(folder / "test_manifest.json", [json.dumps(row) for row in rows])


def nemo_parts(folder: Path) -> Path:
    places = write_long(folder / "talk.wav")
    rows = [
        {"audio_filepath": "talk.wav", "offset": begin, "duration": length, "text": text, "speaker": speaker}
        for (begin, length), (_, speaker, text) in zip(places, UTTERANCES, strict=True)
    ]
    return write_lines(folder / "manifest.jsonl", [json.dumps(row) for row in rows])


def kaldi_files(folder: Path) -> Path:
    """Paths from the folder of the recipe, two above the data directory, as Kaldi and ESPnet write them."""
    write_clips(folder / "downloads")
    data = folder / "data" / "test"
    write_lines(data / "wav.scp", [f"{name} downloads/{file}" for file, (name, _, _) in _rows()])
    return _kaldi_texts(data)


def kaldi_segments(folder: Path) -> Path:
    data = folder / "data" / "test"
    places = write_long(data / "talk.flac")
    ends = [f"{begin:.3f} {begin + length:.3f}" for begin, length in places]
    names = [name for name, _, _ in UTTERANCES]
    write_lines(data / "wav.scp", [f"talk {data / 'talk.flac'}"])
    write_lines(data / "segments", [f"{name} talk {end}" for name, end in zip(names, ends, strict=True)])
    return _kaldi_texts(data)


def _kaldi_texts(data: Path) -> Path:
    write_lines(data / "text", [f"{name} {text}" for name, _, text in UTTERANCES])
    write_lines(data / "utt2spk", [f"{name} {speaker}" for name, speaker, _ in UTTERANCES])
    return data


def espnet_dump(folder: Path) -> Path:
    kaldi_files(folder).rename(folder / "test")
    dump = folder / "dump" / "raw"
    dump.mkdir(parents=True)
    (folder / "test").rename(dump / "test")
    write_lines(dump / "test" / "utt2num_samples", [f"{name} 8000" for name, _, _ in UTTERANCES])
    write_lines(dump / "test" / "feats_type", ["raw"])
    return dump


def lhotse_cuts(folder: Path) -> Path:
    """As lhotse 1.33 writes it: one cut with three supervisions in the first file, a cut for each in the other."""
    places = write_long(folder / "talk.wav")
    recording = lhotse_recording("talk.wav", RATE_HZ * 3)
    supervisions = [
        {"id": name, "recording_id": "talk", "start": begin - 0.1, "duration": length, "channel": 0, "text": text}
        | {"speaker": speaker}
        for (begin, length), (name, speaker, text) in zip(places, UTTERANCES, strict=True)
    ]
    cut = {"id": "talk-0", "start": 0.1, "duration": 2.5, "channel": 0, "supervisions": supervisions}
    path = folder / "cuts_test.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as stream:
        stream.write(json.dumps(cut | {"recording": recording, "type": "MonoCut"}) + "\n")
    return path


def lhotse_recording(source: str, num_samples: int, **more: Any) -> dict[str, Any]:
    sources = [{"type": "file", "channels": [0], "source": source}]
    about = {"sampling_rate": RATE_HZ, "num_samples": num_samples, "duration": num_samples / RATE_HZ}
    return {"id": "talk", "sources": sources, **about, "channel_ids": [0], **more}


def aishell(folder: Path) -> Path:
    for number, (name, speaker, _) in enumerate(UTTERANCES):
        write_sound(folder / "wav" / "test" / speaker / f"{name}.wav", waveform(number))
    write_lines(
        folder / "transcript" / "aishell_transcript_v0.8.txt", [f"{name} {text}" for name, _, text in UTTERANCES]
    )
    return folder


def multilingual_librispeech(folder: Path) -> Path:
    lines = []
    for number, (_, _, text) in enumerate(UTTERANCES):
        name = f"{10 + number}_7_{number:06d}"
        write_sound(folder / "test" / "audio" / str(10 + number) / "7" / f"{name}.flac", waveform(number))
        lines.append(f"{name}\t{text}")
    write_lines(folder / "test" / "transcripts.txt", lines)
    return folder


def ted_lium(folder: Path) -> Path:
    places = write_long(folder / "test" / "sph" / "talk.wav")
    (folder / "test" / "sph" / "talk.wav").rename(folder / "test" / "sph" / "talk.sph")  # by its content
    lines = [
        f"talk 1 {speaker} {begin:.3f} {begin + length:.3f} <o,f0,{speaker}> {text}"
        for (begin, length), (_, speaker, text) in zip(places, UTTERANCES, strict=True)
    ]
    write_lines(folder / "test" / "stm" / "talk.stm", [";; a comment", *lines])
    return folder


def lj_speech(folder: Path) -> Path:
    write_clips(folder / "wavs", ".wav")
    write_lines(folder / "metadata.csv", [f"{name}|{text.lower()}|{text}" for name, _, text in UTTERANCES])
    return folder


LAYOUTS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "csv": (csv_table, "all"),
    "semicolons": (semicolon_table, "all"),
    "common voice": (common_voice, "test"),
    "audiofolder csv": (audio_folder_csv, "test"),
    "audiofolder jsonl": (audio_folder_jsonl, "all"),
    "nemo": (nemo_clips, "test"),
    "nemo parts": (nemo_parts, "all"),
    "kaldi": (kaldi_files, "test"),
    "kaldi segments": (kaldi_segments, "test"),
    "espnet": (espnet_dump, "test"),
    "lhotse": (lhotse_cuts, "test"),
    "aishell": (aishell, "test"),
    "mls": (multilingual_librispeech, "test"),
    "ted-lium": (ted_lium, "test"),
    "ljspeech": (lj_speech, "all"),
}
"""A writer for every layout, which gives the path to load, and the split that holds all utterances."""
