"""Sound from pipes and microphones; the oracle is what the test sent."""

import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from hf_bigru_asr.audio.findings import AudioError
from hf_bigru_asr.audio.live import Backlog, live_sound, open_microphone, read_in_thread

RNG = np.random.default_rng(0)
PCM = RNG.integers(-20_000, 20_000, 1000, dtype=np.int16)


def wav(samples: np.ndarray, rate: int = 16_000, subtype: str = "PCM_16", size: bytes | None = b"\xff" * 4) -> bytes:
    """A WAV file whose sizes are those of a program that writes to a pipe."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype=subtype)
    data = file.getvalue()
    place = data.index(b"data") + 4
    return data if size is None else data[:4] + size + data[8:place] + size + data[place + 4 :]


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[first : first + size] for first in range(0, len(data), size))


def every_other(samples: np.ndarray, rate_from: int, rate_to: int) -> np.ndarray:
    return samples[:: rate_from // rate_to]


def heard(chunks: Iterator[bytes] | list[bytes], **settings: Any) -> np.ndarray:
    return np.concatenate(list(live_sound(chunks, every_other, **settings).blocks))


@pytest.mark.parametrize("size", [1, 7, 640, 10_000])
def test_pcm_in_pieces_of_any_size(size: int) -> None:
    np.testing.assert_array_equal(heard(pieces(PCM.tobytes(), size)), PCM / np.float32(32768))


def test_channels_are_mixed_and_half_a_sample_at_the_end_is_left_out() -> None:
    frames = PCM.reshape(-1, 2)
    found = heard(pieces(frames.tobytes() + b"\x01\x02\x03", 9), num_channels=2)
    np.testing.assert_allclose(found, frames.mean(1) / 32768, atol=1e-7)


def test_another_rate_is_resampled() -> None:
    found = heard(pieces(PCM.tobytes(), 64), rate=32_000)
    np.testing.assert_array_equal(found, PCM[::2] / np.float32(32768))


def test_pcm_that_begins_like_mpeg_or_is_known_to_be_pcm_is_pcm() -> None:
    quiet = np.array([-1, -1] * 20, dtype="<i2")  # FF FF
    np.testing.assert_array_equal(heard([quiet.tobytes()]), quiet / np.float32(32768))
    riff = b"RIFF0000WAVEfmt " * 4
    assert len(heard([riff], is_pcm=True)) == 32


def test_nothing_is_no_sound() -> None:
    assert list(live_sound([], every_other).blocks) == []


@pytest.mark.parametrize("size", [1, 50, 100_000])
@pytest.mark.parametrize("stated", [b"\xff" * 4, b"\0" * 4, None], ids=["largest", "zero", "right"])
def test_wav_without_an_end(size: int, stated: bytes | None) -> None:
    data = wav(PCM.reshape(-1, 2), 32_000, size=stated)
    assert live_sound([data], every_other).bytes_per_s == 128_000
    expected = (PCM.reshape(-1, 2) / np.float32(32768)).mean(1)[::2]
    np.testing.assert_allclose(heard(pieces(data, size)), expected, atol=1e-7)


@pytest.mark.parametrize("subtype", ["FLOAT", "PCM_32"])
def test_other_samples_of_wav(subtype: str) -> None:
    samples = PCM / np.float32(32768)
    np.testing.assert_allclose(heard([wav(samples, subtype=subtype)]), samples, atol=1e-7)


def file_of(kind: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, PCM, 16_000, format=kind)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "settings", "message"),
    [
        (file_of("FLAC"), {}, r"pipe: is FLAC; listen takes 16-bit PCM or WAV: .*ffmpeg"),
        (b"ID3\x04\0\0\0\0\x01\0" + bytes(200), {}, "is MP3"),
        (wav(PCM, subtype="PCM_24"), {}, r"is WAV with 24 bits per sample and format tag 1.*pcm_s16le"),
        (wav(PCM, subtype="ULAW"), {}, "8 bits per sample and format tag 7"),
        (wav(PCM), {"rate": 8000}, "its header says rate 16000, not 8000; leave that option out"),
        (wav(PCM), {"num_channels": 2}, "its header says channels 1, not 2"),
        (wav(PCM)[:30], {}, "is a WAV file without samples"),
        (b"RIFF\xff\xff\xff\xffWAVEjunk\xff\xff\xff\x7f" + bytes(2 << 20), {}, "is a WAV file without samples"),
    ],
)
def test_what_is_no_pcm_is_refused_by_name(data: bytes, settings: dict[str, int], message: str) -> None:
    with pytest.raises(AudioError, match=message):
        heard(pieces(data, 1 << 16), name="pipe", **settings)


def test_a_backlog_gives_everything_in_order() -> None:
    backlog = Backlog(4)
    sender = threading.Thread(target=lambda: [backlog.put(bytes([number])) for number in range(100)])
    sender.start()
    received = iter(backlog)
    assert [next(received)[0] for _ in range(100)] == list(range(100))
    sender.join()
    assert backlog.num_bytes == 0
    backlog.put(b"last")
    backlog.close()
    backlog.put(b"too late")
    assert list(received) == [b"last"]


def test_a_full_backlog_lets_a_pipe_wait_and_counts_what_a_microphone_loses() -> None:
    backlog = Backlog(4)
    for block in (b"ab", b"cd", b"XY", b"Z"):
        backlog.offer(block)
    assert backlog.num_lost_bytes == 3
    received = iter(backlog)
    assert next(received) == b"ab"
    backlog.offer(b"ef")
    waiting = threading.Thread(target=backlog.put, args=[b"gh"])
    waiting.start()
    waiting.join(0.01)
    assert waiting.is_alive()
    # Silence takes the place of what was lost.
    assert [next(received) for _ in range(4)] == [b"cd", bytes(3), b"ef", b"gh"]
    waiting.join()


def test_a_pipe_is_read_to_its_end() -> None:
    read, write = os.pipe()
    backlog = Backlog(10)
    read_in_thread(io.FileIO(read), backlog)
    os.write(write, b"first")
    received = iter(backlog)
    assert next(received) == b"first"
    os.write(write, b"second")
    os.close(write)
    assert b"".join(received) == b"second"


def test_an_error_comes_after_what_was_read() -> None:
    class Broken(io.RawIOBase):
        blocks = [b"all"]  # noqa: RUF012 - of this test

        def read(self, size: int = -1) -> bytes:
            if not self.blocks:
                raise OSError(5, "Input/output error")
            return self.blocks.pop()

    backlog = Backlog(10)
    read_in_thread(Broken(), backlog).join()
    received = iter(backlog)
    assert next(received) == b"all"
    with pytest.raises(OSError, match="Input/output"):
        next(received)


class PortAudioError(Exception):
    pass


def sounddevice(start: Callable[[], None] = lambda: None, **device: float) -> SimpleNamespace:
    """A stand-in for the library, which needs a sound card."""

    def query_devices(device_name: object, kind: str) -> dict[str, float]:
        if not device:
            raise PortAudioError(f"Error querying\n device {device_name}")
        return device

    def stream(**settings: object) -> SimpleNamespace:
        return SimpleNamespace(start=start, **settings)

    return SimpleNamespace(PortAudioError=PortAudioError, query_devices=query_devices, RawInputStream=stream)


@pytest.mark.parametrize(("asked", "rate"), [(None, 44_100), (8000, 8000)])
def test_a_microphone_fills_the_backlog(asked: int | None, rate: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", sounddevice(default_samplerate=44_100.0))
    rates = []
    backlog = Backlog(4)
    stream = open_microphone(lambda rate: rates.append(rate) or backlog, "3", asked)
    assert rates == [stream.samplerate] == [rate]
    assert (stream.device, stream.channels, stream.dtype) == (3, 1, "int16")
    for block, overflow in ((b"abcd", False), (b"ef", True)):
        stream.callback(memoryview(block), 1, None, SimpleNamespace(input_overflow=overflow))
    assert (backlog.num_lost_bytes, backlog.num_overflows) == (2, 1)
    assert next(iter(backlog)) == b"abcd"


def fails() -> None:
    raise PortAudioError("Invalid sample rate")


@pytest.mark.parametrize(
    ("library", "message"),
    [
        (sounddevice(), r"the microphone: cannot be used \(Error querying device None\); connect one, .*arecord"),
        (sounddevice(fails, default_samplerate=48_000.0), "Invalid sample rate"),
    ],
)
def test_no_microphone_is_one_line(library: Any, message: str, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401 - a stand-in
    monkeypatch.setitem(sys.modules, "sounddevice", library)
    with pytest.raises(AudioError, match=message):
        open_microphone(lambda _: Backlog(4), None, None)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(ImportError, match=r"The microphone needs the extra `mic`"):
        open_microphone(lambda _: Backlog(4), None, None)
