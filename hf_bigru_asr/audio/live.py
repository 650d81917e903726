"""Sound as it comes in: through a pipe as PCM or WAV, or from a microphone."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import FileIO
from typing import Any

import numpy as np
import numpy.typing as npt

from ..extras import needs_extra
from ..model.waveforms_bigru_ctc import mean_of_channels
from .containers import container_of
from .findings import AudioError
from .limits import check_form
from .resampling import blocks_at_rate
from .riff import StreamFormat, stream_format

__all__ = ["Backlog", "LiveSound", "live_sound", "open_microphone", "read_in_thread"]

Samples = npt.NDArray[np.float32]

PCM_BYTES = 2
READ_BYTES = 1 << 16
WAIT_S = 0.1
"""How often a thread that waits looks whether it is to end. Only so is Ctrl-C seen on Windows."""

HEAD_BYTES = 16
MAX_HEADER_BYTES = 1 << 20
MPEG_SYNC = b"\xff"
"""How MPEG frames begin, and PCM with a small negative sample as well."""

_SAMPLE_TYPES = {(1, 16): "<i2", (1, 32): "<i4", (3, 32): "<f4"}
"""NumPy types by WAV's format tag and bits per sample."""


class Backlog:
    """Sound that has come in and is not worked on yet: bytes, in order, of a bounded size.

    Args:
        max_bytes: The bound.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.num_lost_bytes = 0
        self.num_overflows = 0
        self.is_closed = False
        self._changed = threading.Condition()
        self._blocks: deque[bytes | int] = deque()  # a number is that of bytes that were lost
        self._num_bytes = self._gap_bytes = 0
        self._error: Exception | None = None

    @property
    def num_bytes(self) -> int:
        """What waits."""
        return self._num_bytes

    def put(self, block: bytes) -> None:
        """Add sound, and wait until there is room: what can wait, such as a pipe, loses nothing."""
        with self._changed:
            while self._num_bytes >= self.max_bytes and not self.is_closed:
                self._changed.wait(WAIT_S)
            self._add(block)

    def offer(self, block: bytes) -> None:
        """Add sound without waiting. What finds no room is counted, and silence takes its place: times stay right."""
        with self._changed:
            if self._num_bytes + len(block) > self.max_bytes:
                self.num_lost_bytes += len(block)
                self._gap_bytes += len(block)
                return
            if self._gap_bytes:
                self._blocks.append(self._gap_bytes)
                self._gap_bytes = 0
            self._add(block)

    def _add(self, block: bytes) -> None:
        if self.is_closed:
            return
        self._blocks.append(block)
        self._num_bytes += len(block)
        self._changed.notify_all()

    def close(self, error: Exception | None = None) -> None:
        """Take no more. To be called by a signal handler too, which must not wait for a lock: see `WAIT_S`.

        Args:
            error: Is raised where everything before it has been taken.
        """
        self._error = error
        self.is_closed = True

    def __iter__(self) -> Iterator[bytes]:
        """What comes in, until it is closed and empty."""
        while True:
            with self._changed:
                while not self._blocks:
                    if self.is_closed:
                        if self._error is not None:
                            raise self._error
                        return
                    self._changed.wait(WAIT_S)
                block = self._blocks.popleft()
                self._num_bytes -= len(block) if isinstance(block, bytes) else 0
                self._changed.notify_all()
            if isinstance(block, bytes):
                yield block
            else:
                yield from (bytes(min(READ_BYTES, block - first)) for first in range(0, block, READ_BYTES))


def read_in_thread(file: FileIO, backlog: Backlog) -> threading.Thread:
    """Read a pipe to its end while others work.

    Args:
        file: Open for reading; the thread closes it. It has no buffer: a thread that waits holds the buffer's lock,
            and the process could not end.
        backlog: Gets the bytes; closed at the end.
    """

    def read() -> None:
        error = None
        try:
            with file:
                while not backlog.is_closed and (block := file.read(READ_BYTES)):
                    backlog.put(block)
        except OSError as raised:
            error = raised
        backlog.close(error)

    thread = threading.Thread(target=read, name="listen", daemon=True)
    thread.start()
    return thread


@dataclass(frozen=True)
class LiveSound:
    """A stream of sound.

    Args:
        bytes_per_s: Bytes that come in a second.
        blocks: `(samples,)` float32 in [-1, 1] at the rate that was asked for, as they come.
    """

    bytes_per_s: int
    blocks: Iterator[Samples]


def live_sound(
    chunks: Iterable[bytes],
    resample: Callable[[Samples, int, int], Samples],
    *,
    rate: int | None = None,
    num_channels: int | None = None,
    rate_to: int = 16_000,
    name: str = "standard input",
    is_pcm: bool = False,
) -> LiveSound:
    """Samples of a stream of bytes: 16-bit PCM, or a WAV file without an end.

    Args:
        chunks: The bytes, in pieces of any length.
        resample: As in [`load_audio`].
        rate: Rate of PCM in hertz; 16000 if `None`. A WAV file states its own.
        num_channels: Channels of PCM, whose mean is taken; 1 if `None`. A WAV file states its own.
        rate_to: Rate of the result.
        name: What messages call the stream.
        is_pcm: Whether it is known to be PCM.

    Raises:
        AudioError: If the stream begins as a file in another format, or is not as it was said to be.
    """
    chunks = iter(chunks)
    head = b""
    while not is_pcm and len(head) < HEAD_BYTES and (chunk := next(chunks, None)) is not None:
        head += chunk
    container = None if head[:1] == MPEG_SYNC else container_of(head[:HEAD_BYTES])[0]
    form = StreamFormat(0, 1, 8 * PCM_BYTES, rate or 16_000, num_channels or 1)
    if container == "WAV":
        form, head = _wav_format(head, chunks, name)
        _check_as_stated(form, rate, num_channels, name)
    elif container is not None:
        raise AudioError(
            name, f"is {container}; listen takes 16-bit PCM or WAV: ... | ffmpeg -i - -f wav - | hf-bigru-asr listen -"
        )
    check_form(form.rate, form.num_channels, name)
    blocks = blocks_at_rate(_samples(head, chunks, form), form.rate, rate_to, resample)
    bytes_per_s = form.rate * form.num_channels * form.bits // 8
    return LiveSound(bytes_per_s, (block.clip(-1.0, 1.0) for block in blocks))


def _wav_format(head: bytes, chunks: Iterator[bytes], name: str) -> tuple[StreamFormat, bytes]:
    while (form := stream_format(head)) is None:
        chunk = next(chunks, None)
        if chunk is None or len(head) > MAX_HEADER_BYTES:
            raise AudioError(name, "is a WAV file without samples; send them after its header")
        head += chunk
    if (form.codec, form.bits) not in _SAMPLE_TYPES or form.is_big_endian or not (form.rate and form.num_channels):
        raise AudioError(
            name,
            f"is WAV with {form.bits} bits per sample and format tag {form.codec} at {form.rate} Hz; listen takes 16 "
            "or 32-bit PCM, or 32-bit floats: ... | ffmpeg -i - -f wav -c:a pcm_s16le - | hf-bigru-asr listen -",
        )
    return form, head[form.first_byte :]


def _check_as_stated(form: StreamFormat, rate: int | None, num_channels: int | None, name: str) -> None:
    for what, stated, given in (("rate", form.rate, rate), ("channels", form.num_channels, num_channels)):
        if given is not None and given != stated:
            raise AudioError(name, f"is WAV, and its header says {what} {stated}, not {given}; leave that option out")


def _samples(head: bytes, chunks: Iterator[bytes], form: StreamFormat) -> Iterator[Samples]:
    kind = np.dtype(_SAMPLE_TYPES[form.codec, form.bits])
    size = kind.itemsize * form.num_channels
    scale = 1.0 if kind.kind == "f" else 2.0 ** (form.bits - 1)
    waiting = head
    while True:
        end = len(waiting) // size * size
        if end:
            frames = np.frombuffer(waiting[:end], dtype=kind).reshape(-1, form.num_channels)
            yield mean_of_channels((frames.T / scale).astype(np.float32))
        waiting = waiting[end:]
        chunk = next(chunks, None)
        if chunk is None:
            return
        waiting += chunk


def open_microphone(backlog: Callable[[int], Backlog], device: str | None, rate: int | None) -> Any:  # noqa: ANN401 - sounddevice is optional
    """Start a microphone.

    Args:
        backlog: Makes what gets its sound, 16-bit PCM of one channel, from the rate in hertz.
        device: Number of the device, or a part of its name; the default one if `None`.
        rate: Rate to record at; the device's own if `None`.

    Returns:
        A started `sounddevice.RawInputStream`, to be closed.

    Raises:
        AudioError: If there is no such device, or it cannot record.
        ImportError: If the extra `mic`, or the library PortAudio, is not installed.
    """
    try:
        import sounddevice
    except ImportError as error:
        raise ImportError(needs_extra("The microphone", "mic")) from error
    except OSError as error:
        raise ImportError(
            "The microphone needs the library PortAudio: apt-get install libportaudio2, or pipe the sound: "
            f"{_PIPE_EXAMPLE}."
        ) from error
    chosen = int(device) if device is not None and device.isdecimal() else device
    try:
        rate = rate or int(sounddevice.query_devices(chosen, "input")["default_samplerate"])
        target = backlog(rate)

        def receive(data: Any, frames: int, time: Any, status: Any) -> None:  # noqa: ANN401 - the library's form
            if status.input_overflow:
                target.num_overflows += 1
            target.offer(bytes(data))

        stream = sounddevice.RawInputStream(
            samplerate=rate, device=chosen, channels=1, dtype="int16", callback=receive
        )
        stream.start()
    except (sounddevice.PortAudioError, ValueError) as error:
        raise AudioError(
            "the microphone",
            f"cannot be used ({' '.join(str(error).split())}); connect one, name another with --device (python -m "
            f"sounddevice lists them), or pipe the sound: {_PIPE_EXAMPLE}",
        ) from error
    return stream


_PIPE_EXAMPLE = "arecord -f S16_LE -r 16000 | hf-bigru-asr listen -"
