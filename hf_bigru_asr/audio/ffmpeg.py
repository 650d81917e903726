"""Decoding by the `ffmpeg` program, in blocks, for containers that libsndfile cannot read."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from .integrity import RE_ENCODE, UNKNOWN_RIFF_SIZE, AudioError

__all__ = ["ffmpeg_blocks"]


def ffmpeg_blocks(
    data: bytes, name: str, formats: str, block_frames: int
) -> Iterator[tuple[npt.NDArray[np.float32], int]]:
    """Decode the first audio stream of a file.

    Args:
        data: The whole file.
        name: Name of the file for error messages.
        formats: Formats that are read without the program, for the message that it is missing.
        block_frames: Length of a block in samples per channel.

    Yields:
        Float32 samples `(samples, channels)` and their rate, block by block.

    Raises:
        AudioError: If the program is missing, or it finds damage. Damage at the end is found after the last block.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        raise AudioError(
            name,
            f"is not {formats.replace(' and ', ' or ')}; every other format is read through the ffmpeg "
            "program, which is not on PATH: install ffmpeg, or convert the file to one of these formats",
        )
    with tempfile.TemporaryDirectory(prefix="hf_bigru_asr-") as folder, Path(folder, "errors").open("w+b") as errors:
        # A file and not standard input: an MP4 file whose index stands at its end cannot be read from a pipe.
        path = Path(folder, "input")
        path.write_bytes(data)
        command = [program, "-nostdin", "-v", "error", "-xerror", "-protocol_whitelist", "file", "-i", f"file:{path}"]
        command += ["-map", "0:a:0", "-c:a", "pcm_f32le", "-f", "wav", "pipe:1"]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors) as process:
            if process.stdout is not None:
                yield from _wav_blocks(process.stdout, block_frames)
        errors.seek(0)
        # ffmpeg ends with status 0 after a cut WebM file; only its messages at level "error" report the cut.
        message = errors.read().decode(errors="replace").replace(f"file:{path}: ", "").strip()
    if process.returncode != 0 or message:
        reason = message.splitlines()[0] if message else f"exit status {process.returncode}"
        raise AudioError(name, f"is broken, truncated or no audio file (ffmpeg says: {reason}); {RE_ENCODE}")


def _wav_blocks(stream: IO[bytes], block_frames: int) -> Iterator[tuple[npt.NDArray[np.float32], int]]:
    """Yield the samples of a float32 WAV stream. Its header, unlike raw f32le, gives the number of channels."""
    stream.read(12)
    num_channels = rate = 0
    while len(head := stream.read(8)) == 8:
        identifier, size = head[:4], int.from_bytes(head[4:], "little")
        if identifier == b"data":
            break
        body = stream.read(size + size % 2)
        if identifier == b"fmt ":
            num_channels, rate = (int.from_bytes(part, "little") for part in (body[2:4], body[4:8]))
    if num_channels == 0 or rate == 0:
        return
    frame_bytes = 4 * num_channels
    left = float("inf") if size >= UNKNOWN_RIFF_SIZE else size // frame_bytes
    while left > 0:
        block = stream.read(int(min(left, block_frames)) * frame_bytes)
        samples = np.frombuffer(block[: len(block) // frame_bytes * frame_bytes], dtype="<f4")
        if samples.size == 0:
            return
        yield samples.reshape(-1, num_channels), rate
        left -= block_frames
