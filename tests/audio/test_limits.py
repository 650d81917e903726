"""Sampling rates, channels and lengths that no recording has are refused by name, before memory is taken for them."""

import io
import tracemalloc
import wave

import numpy as np
import pytest
from encoded_sound import encode
from media import needs_ffmpeg

from hf_bigru_asr.audio.ffmpeg import MAX_HOLE_S, _Clock
from hf_bigru_asr.audio.limits import MAX_RATE_HZ, MIN_RATE_HZ
from hf_bigru_asr.audio.live import live_sound
from hf_bigru_asr.audio.loading import AudioError, audio_duration_s, count_channels, load_audio, to_mono_float32

ODD_RATES = [1, 1_999, 768_001, 16_777_216]


def wav(rate: int, num_channels: int = 1, num_bytes: int = 48_000) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(num_channels)
        writer.setsampwidth(1)
        writer.setframerate(rate)
        writer.writeframes(bytes([128]) * num_bytes)
    return file.getvalue()


@pytest.mark.parametrize("rate", ODD_RATES)
def test_odd_rates_are_refused_by_every_reader(rate: int) -> None:
    refusal = (
        rf"audio of \d+ bytes: has a sampling rate of {rate} Hz; allowed are 2000 to 768000 Hz: correct its header"
    )
    tracemalloc.start()
    try:
        for read in (load_audio, audio_duration_s, count_channels):
            with pytest.raises(AudioError, match=refusal):
                read(wav(rate))
        with pytest.raises(AudioError, match=f"standard input: has a sampling rate of {rate} Hz"):
            live_sound([encode(np.zeros(2), rate)], lambda block, *_: block)
        for settings in ({"sampling_rate_from": rate}, {"sampling_rate_from": 16_000, "sampling_rate_to": rate}):
            with pytest.raises(ValueError, match=rf"is {rate}; it must be an integer in hertz from 2000 to 768000"):
                to_mono_float32(np.zeros(48_000), **settings)
        with pytest.raises(ValueError, match=f"sampling_rate is {rate}; it must be"):
            load_audio(wav(16_000), sampling_rate=rate)
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()


@needs_ffmpeg
def test_odd_rates_are_refused_behind_ffmpeg() -> None:
    # A file of Creative Voice: one block of 8-bit samples.
    voc = b"Creative Voice File\x1a\x1a\0\x0a\x01\x29\x11"
    body = (1_000).to_bytes(4, "little") + b"\x08\x01\0\0" + bytes(4) + bytes([128]) * 500
    voc += b"\x09" + (len(body)).to_bytes(3, "little") + body + b"\0"
    with pytest.raises(AudioError, match="has a sampling rate of 1000 Hz; allowed are 2000 to 768000 Hz"):
        load_audio(voc)


@pytest.mark.parametrize("rate", [MIN_RATE_HZ, MAX_RATE_HZ])
def test_the_lowest_and_the_highest_rate_are_read(rate: int) -> None:
    assert load_audio(encode(np.zeros(rate // 8), rate)).shape == (2_000,)
    assert to_mono_float32(np.zeros(rate // 8), rate).shape == (2_000,)


def test_more_channels_than_a_recording_has() -> None:
    data = wav(16_000, 257, 257 * 10)
    for read in (load_audio, audio_duration_s, count_channels):
        with pytest.raises(AudioError, match="has 257 channels; allowed are 1 to 256: correct its header"):
            read(data)
    with pytest.raises(AudioError, match="has 257 channels"):
        load_audio(data, channels="split")
    assert load_audio(wav(16_000, 256, 256 * 10), channels="split").shape == (256, 10)


def test_a_length_that_no_file_can_hold() -> None:
    data = bytearray(encode(np.zeros(1_000), format="FLAC"))
    place = data.index(b"fLaC") + 8 + 13  # the last 36 bits of the rate's word are the number of samples
    data[place] |= 0x0F
    data[place + 1 : place + 5] = b"\xff" * 4
    for read in (load_audio, audio_duration_s):
        with pytest.raises(AudioError, match=r"its header promises 68719476735 samples, which \d+ bytes cannot hold"):
            read(bytes(data))


def test_holes_in_time_stamps_are_bounded_together() -> None:
    clock = _Clock(10, has_picture=False, is_lenient=False)
    hole = round(MAX_HOLE_S * 10 * 0.4)
    found = []
    for number in range(5):
        found.append(clock._hole_before(number * hole))
        clock._num_samples += found[-1]
    assert found == [0, hole, hole, 0, 0]
