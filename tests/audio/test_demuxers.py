"""What ffmpeg may open: recordings alone, by their content, and never another file that one names."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from encoded_sound import encode, make_tone
from media import make_file, needs_ffmpeg, run_ffmpeg

from hf_bigru_asr.audio.demuxers import ALLOWED_DEMUXERS, refused_demuxer
from hf_bigru_asr.audio.loading import AudioError, load_audio

RATE_HZ = 48_000
PLAYED = make_tone(440, RATE_HZ, RATE_HZ // 4)

RECORDINGS = {
    "a.m4a": ["-c:a", "aac"],
    "alac.m4a": ["-c:a", "alac"],
    "a.mov": ["-c:a", "aac"],
    "a.3gp": ["-c:a", "aac"],
    "a.webm": ["-c:a", "libopus"],
    "a.mkv": ["-c:a", "libvorbis"],
    "a.mka": ["-c:a", "flac"],
    "a.ts": ["-c:a", "aac"],
    "a.mpg": ["-c:a", "mp2"],
    "a.vob": ["-c:a", "ac3"],
    "a.avi": ["-c:a", "libmp3lame"],
    "a.flv": ["-c:a", "libmp3lame", "-ar", "44100"],
    "a.aac": ["-c:a", "aac"],
    "a.ac3": [],
    "a.dts": ["-strict", "-2"],
    "a.tta": [],
    "a.rm": [],
}

PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{}'\n",
    "dash": '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period><AdaptationSet mimeType="audio/mp4">'
    "<Representation id='1'><BaseURL>{}</BaseURL></Representation></AdaptationSet></Period></MPD>\n",
    "sdp": "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nm=audio 5004 RTP/AVP 0\r\na=x:{}\r\n",
    "srt": "1\n00:00:00,000 --> 00:00:01,000\n{}\n",
    "vobsub": "# VobSub index file, v7\nid: en, index: 0\n# {}\n",
}


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the same tone in every container, made in one run of ffmpeg."""
    folder = tmp_path_factory.mktemp("recordings")
    (folder / "in.wav").write_bytes(encode(PLAYED, RATE_HZ))
    outputs = [argument for name, options in RECORDINGS.items() for argument in (*options, folder / name)]
    run_ffmpeg("-i", folder / "in.wav", *outputs)
    return folder


@needs_ffmpeg
@pytest.mark.parametrize("name", RECORDINGS)
def test_recordings_are_read(name: str, recordings: Path) -> None:
    # A loop is no resampler, but shows that all came.
    samples = load_audio(recordings / name, sampling_rate=RATE_HZ, resample=lambda block, _, to: block[: to // 4])
    assert np.abs(samples).max() > 0.2


@needs_ffmpeg
@pytest.mark.parametrize(("name", "suffix"), [*((name, "") for name in PLAYLISTS), ("hls", ".m4a"), ("hls", ".g722")])
def test_what_names_other_files_is_refused(name: str, suffix: str, tmp_path: Path) -> None:
    segment = make_file(tmp_path / "segment.ts", PLAYED, RATE_HZ, "-c:a", "aac") if name == "hls" else "segment.ts"
    path = tmp_path / f"list{suffix}"
    path.write_text(PLAYLISTS[name].format(segment))
    refusal = rf"is what ffmpeg calls '{name}', and is not opened: it names other files.*; give the recording itself"
    with pytest.raises(AudioError, match=refusal):
        load_audio(path)


@needs_ffmpeg
def test_every_way_in_refuses_it(tmp_path: Path) -> None:
    segment = make_file(tmp_path / "segment.ts", PLAYED, RATE_HZ, "-c:a", "aac")
    data = PLAYLISTS["hls"].format(segment).encode()
    for source in (data, io.BytesIO(data)):
        with pytest.raises(AudioError, match="is what ffmpeg calls 'hls'"):
            load_audio(source, on_damage="warn")


def with_reference(film: bytes, target: Path) -> bytes:
    """Let the sound of a MOV file lie in another one, by an alias. Source: QuickTime File Format, data references."""
    # Of an alias ffmpeg reads the volume, the file and names by type, of which 2 is a path behind the volume.
    path = f"vol{target}".encode()
    names = struct.pack(">hh", 2, len(path)) + path.ljust(len(path) + len(path) % 2, b"\0")
    end = struct.pack(">hh", -1, 0)
    alias = bytes(10) + b"\3vol".ljust(28, b"\0") + bytes(12) + b"\1a".ljust(64, b"\0") + bytes(16)
    alias += struct.pack(">hh", 1, 1) + bytes(16) + names + end
    entry = struct.pack(">I4sI", 12 + len(alias), b"alis", 0) + alias
    old = film.index(b"dref") - 4
    size = int.from_bytes(film[old : old + 4])
    whole = film[: old + 16] + entry + film[old + size :]
    grown = bytearray(whole)
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        place = film.rindex(kind, 0, old + 8) - 4
        grown[place : place + 4] = (int.from_bytes(film[place : place + 4]) + 16 + len(entry) - size).to_bytes(4)
    return bytes(grown)


@needs_ffmpeg
def test_a_film_whose_sound_lies_elsewhere(tmp_path: Path) -> None:
    source = make_file(tmp_path / "sound.mov", PLAYED, RATE_HZ, "-c:a", "pcm_s16le")
    path = tmp_path / "reference.mov"
    path.write_bytes(with_reference(source.read_bytes(), source))
    with pytest.raises(AudioError, match="has its sound in another file, which is not opened; give that file"):
        load_audio(path)


def test_lines_of_the_log() -> None:
    line = "[hls @ 0x5575] [error] Format not on whitelist 'aa,ac3'"
    assert refused_demuxer(line) == "hls"
    assert refused_demuxer("[error] file:input: Invalid argument") is None
    assert not {"hls", "applehttp", "dash", "concat", "sdp", "imf", "image2", "vobsub", "mlv"} & set(ALLOWED_DEMUXERS)
