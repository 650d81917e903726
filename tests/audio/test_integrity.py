"""Cut and damaged files are found, and what looks cut and is not is read."""

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from encoded_sound import CODECS, Samples, encode, make_tone

from hf_bigru_asr.audio.loading import AudioError, audio_duration_s, iterate_audio, load_audio


def pages_of(ogg: bytes) -> list[bytes]:
    starts = [position for position in range(len(ogg)) if ogg.startswith(b"OggS", position)]
    return [ogg[start:end] for start, end in zip(starts, [*starts[1:], len(ogg)], strict=True)]


@pytest.mark.parametrize("num_channels", [1, 2])
@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("tag", [b"", b"TAG" + bytes(125), bytes(1000)], ids=["plain", "id3v1", "zeros"])
def test_mp3_without_a_length_header_is_read_to_its_end(num_channels: int, rate: int, tag: bytes) -> None:
    # Quiet, then noise: a bitrate that grows, from which libsndfile's estimate makes a third of the true length.
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (2 * rate, num_channels))
    noise[:rate] *= 0.0
    data = encode(noise, rate, "MP3", "MPEG_LAYER_III")
    second = data.index(data[:2], 4)  # the first frame holds the header
    samples = load_audio(data[second:] + tag, sampling_rate=rate)
    assert 2 * rate <= len(samples) <= 2 * rate + 3 * 1152
    assert audio_duration_s(data[second:] + tag) == len(samples) / rate
    assert np.abs(samples[-rate // 2 : -3 * 1152]).max() > 0.1


def test_mp3_with_an_id3_tag(speechlike: Samples) -> None:
    tag = b"ID3\x04\x00\x00" + bytes([0, 0, 2, 1]) + bytes(2 * 128 + 1)
    data = encode(speechlike, format="MP3")
    np.testing.assert_array_equal(load_audio(tag + data), load_audio(data))


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_every_link_of_a_chained_ogg_file_is_read(subtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = (encode(make_tone(440 * n, 16_000, 16_000 * n), 16_000, "OGG", subtype) for n in (1, 2))
    expected = np.concatenate([load_audio(one), load_audio(two)])
    assert len(expected) == 48_000
    np.testing.assert_array_equal(load_audio(one + two), expected)
    assert audio_duration_s(one + two) == 3.0
    # The same stream number again, and bytes that are no Ogg page behind the end.
    np.testing.assert_array_equal(load_audio(two + two + b"notes"), np.tile(expected[16_000:], 2))
    assert audio_duration_s(two + two + b"notes") == 4.0
    monkeypatch.setattr("hf_bigru_asr.audio.sound_files._BLOCK_FRAMES", 1_000)
    np.testing.assert_array_equal(np.concatenate(list(iterate_audio(one + two))), expected)


def test_links_may_differ_in_rate_channels_and_codec() -> None:
    stereo = np.stack([make_tone(300, 44_100, 44_100), make_tone(700, 44_100, 44_100)], axis=1)
    links = [
        encode(make_tone(500, 16_000, 8_000), 16_000, "OGG", "VORBIS"),
        encode(stereo, 44_100, "OGG", "VORBIS"),
        encode(make_tone(500, 8_000, 8_000), 8_000, "OGG", "OPUS"),
    ]
    np.testing.assert_array_equal(load_audio(b"".join(links)), np.concatenate([load_audio(link) for link in links]))
    assert audio_duration_s(b"".join(links)) == 2.5


def test_a_link_may_lack_its_last_page() -> None:
    link = encode(make_tone(440, 16_000, 64_000), 16_000, "OGG", "OPUS")
    *pages, last = pages_of(link)
    cut = b"".join(pages)
    assert not cut.endswith(last)
    np.testing.assert_array_equal(load_audio(cut + link), np.concatenate([load_audio(cut), load_audio(link)]))


@pytest.mark.parametrize("function", [load_audio, audio_duration_s])
@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_damage_in_a_later_link_is_refused(
    function: Callable[[bytes], object], subtype: str, speechlike: Samples
) -> None:
    link = encode(speechlike, 16_000, "OGG", subtype)
    with pytest.raises(AudioError, match="truncated Ogg file"):
        function(link + link[:-100])
    with pytest.raises(AudioError, match=f"broken Ogg file \\(damage at byte {len(link)}\\)"):
        function(link + b"".join(pages_of(link)[1:]))  # the page that begins a stream is missing


@pytest.mark.parametrize("kept", ["all but one byte", 0.99, 0.5, 0.1, 0.02])
@pytest.mark.parametrize(("format", "subtype", "tolerance"), CODECS)
def test_cut_file_is_refused(
    speechlike: Samples, format: str, subtype: str, tolerance: float, kept: float | str
) -> None:
    data = encode(speechlike, 16_000, format, subtype)
    num_kept = len(data) - 1 if isinstance(kept, str) else int(len(data) * kept)
    with pytest.raises(AudioError, match=r"broken|truncated") as caught:
        load_audio(data[:num_kept])
    assert "record or download it again" in str(caught.value)


@pytest.mark.parametrize(
    ("format", "subtype"), [("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", None)]
)
def test_damaged_file_is_refused(speechlike: Samples, format: str, subtype: str | None) -> None:
    data = encode(np.tile(speechlike, 4), 16_000, format, subtype)
    middle = len(data) // 2
    with pytest.raises(AudioError, match="broken"):
        load_audio(data[:middle] + bytes(300) + data[middle + 300 :])


def test_missing_ogg_page_is_refused(speechlike: Samples) -> None:
    data = encode(np.tile(speechlike, 20), 16_000, "OGG", "OPUS")
    starts = [position for position in range(len(data)) if data.startswith(b"OggS", position)]
    assert len(starts) > 4
    with pytest.raises(AudioError, match="broken Ogg file"):
        load_audio(data[: starts[3]] + data[starts[4] :])


def test_cut_rf64_is_refused(speechlike: Samples) -> None:
    data = encode(speechlike, format="RF64")
    with pytest.raises(AudioError, match="is truncated: its header promises 32000 bytes"):
        load_audio(data[:-1000])


@pytest.mark.parametrize("function", [load_audio, audio_duration_s])
@pytest.mark.parametrize("flags", [0, 1], ids=["without a frame count", "with a frame count"])
def test_mp3_of_its_header_frame_alone_is_refused(
    function: Callable[[bytes], object], flags: int, speechlike: Samples
) -> None:
    data = encode(speechlike, format="MP3")
    header = bytearray(data[: data.index(data[:2], 4)])
    mark = max(header.find(b"Info"), header.find(b"Xing"))
    header[mark + 4 : mark + 12] = flags.to_bytes(4) + bytes(4)
    with pytest.raises(AudioError, match=r"truncated MP3 file \(no audio frame behind its header\)"):
        function(bytes(header))


def test_damage_behind_the_first_block_is_found(speechlike: Samples, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hf_bigru_asr.audio.sound_files._BLOCK_FRAMES", 1_000)
    data = encode(speechlike, format="FLAC")
    blocks = iterate_audio(data[: len(data) // 2])
    assert len(next(blocks)) == 1_000
    with pytest.raises(AudioError, match="broken or truncated FLAC"):
        list(blocks)


def test_error_names_its_source_and_survives_pickling(tmp_path: Path) -> None:
    path = tmp_path / "noise.wav"
    path.write_bytes(b"RIFF\x00\x00\x00\x00WAVE")
    with pytest.raises(AudioError) as caught:
        load_audio(path)
    assert str(caught.value).startswith(f"audio file {str(path)!r}: is broken or truncated")
    copied = pickle.loads(pickle.dumps(caught.value))
    assert (copied.source, copied.problem, str(copied)) == (
        caught.value.source,
        caught.value.problem,
        str(caught.value),
    )
