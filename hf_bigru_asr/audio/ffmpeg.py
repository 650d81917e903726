"""Decoding by the `ffmpeg` program, in blocks, for everything that libsndfile cannot read."""

import re
import shutil
import subprocess
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from .demuxers import ALLOWED_DEMUXERS, refused_demuxer
from .findings import RE_ENCODE, AudioError, Findings
from .riff import UNKNOWN_RIFF_SIZE
from .sources import Bytes, Source

__all__ = ["Blocks", "ffmpeg_blocks", "find_ffmpeg"]

Blocks = Iterator[tuple[npt.NDArray[np.float32], int]]
"""Float32 samples `(samples, channels)` and their rate in hertz, block by block."""

# Formats without a mark at their beginning and with one rate: ffmpeg knows them by the ending of the name alone.
_KNOWN_BY_SUFFIX = (".g722", ".gsm", ".g729", ".g723_1", ".tco", ".rco", ".sln", ".amr")

# ffmpeg mixes any layout that it knows; the scale of the mix is that of the loudest output it can have.
_MIX = ",aresample=rematrix_maxval=1.0,aformat=channel_layouts=mono"

MIN_HOLE_S = 0.1
"""Shorter holes in time stamps are rounding, drift or the delay of a codec; they count when they add up to more."""
MIN_HOLE_OF_DAMAGE_S = 0.03
"""The same where what is left of a damaged recording is used: two frames of speech codecs that are missing."""
MAX_HOLE_S = 12 * 3600.0
"""What is longer, also together, is no hole: time stamps jump, as those of a clock that was set."""
MIN_START_S = 0.05
"""An earlier start beside a picture is the delay of a codec."""

_FRAME = re.compile(r"\[Parsed_ashowinfo_\d+ @ \w+\] \[info\] n:\s*\d+ pts:\s*(\S+) .*? nb_samples:(\d+)")
_MESSAGE = re.compile(r"^(?:\[[^\]]+ @ 0x\w+\] )?\[(?:error|fatal|panic)\] (.*)")
_COMFORT_NOISE = "is AMR with comfort noise (pauses that are not sent), or damaged; this ffmpeg cannot decode it"
_COMFORT_NOISE_REMEDY = (
    'SoX can: convert it with `sox INPUT OUTPUT.wav`, or have silence in these pauses with on_damage="warn"'
)


def find_ffmpeg() -> str | None:
    """Return the path of the program, `None` if it is not installed."""
    return shutil.which("ffmpeg")


def ffmpeg_blocks(
    source: Source,
    findings: Findings,
    block_frames: int,
    *,
    mix: bool,
    failure: str,
    damage: str,
    skip_frames: int = 0,
) -> Blocks:
    """Decode the first audio stream of a recording.

    Where its time stamps begin later than the picture, or have holes, there is silence of that length. So times in
    the result are times of the medium.

    Args:
        source: The recording.
        findings: Gets what is wrong with it.
        block_frames: Length of a block in samples per channel.
        mix: Whether to mix more than two channels into one, by the layout that the recording states.
        failure: What to say of it if ffmpeg finds no audio; it completes a sentence about the recording.
        damage: The same if ffmpeg finds damage behind some audio.
        skip_frames: Samples per channel that are dropped at the beginning.

    Yields:
        See [`Blocks`].

    Raises:
        AudioError: Nothing could be decoded, or there is damage, which is refused. Damage at the end is found after
            the last block.
    """
    program = find_ffmpeg()
    if program is None:
        raise AudioError(findings.name, f"{failure}: the ffmpeg program is not on PATH; install ffmpeg")
    with tempfile.TemporaryDirectory(prefix="hf_bigru_asr-") as folder:
        path = _place(source, Path(folder))
        run = _Run(program, path, findings, block_frames, damage)
        with closing(run.blocks("ashowinfo")) as blocks:  # type: ignore[type-var] # a generator
            first = next(blocks, None)
            is_mixed = mix and first is not None and first[0].shape[1] > 2
            if not is_mixed and first is not None:
                yield from _without_beginning(_chained(first, blocks), skip_frames)
        if is_mixed and first is not None:
            num_channels = first[0].shape[1]
            run = _Run(program, path, findings, block_frames, damage)
            yield from _without_beginning(run.blocks("ashowinfo" + _MIX), skip_frames)
            if run.num_samples == 0:
                raise AudioError(
                    findings.name,
                    f"has {num_channels} channels in a layout that ffmpeg cannot mix; allowed are 1 and 2, or a known "
                    'layout: select one with channels=N, or take each with channels="split"',
                )
        if run.num_samples == 0:
            raise AudioError(findings.name, _without_audio(run.log, path, failure))
        if run.is_damaged:
            findings.damage(*run.problem())


def _place(source: Source, folder: Path) -> Path:
    """Put a recording where ffmpeg finds it: a file, for an MP4 file with its index at its end needs seeking.

    It never has the name that came, whose ending makes ffmpeg choose formats, and beside which other files may lie.
    """
    path = folder / f"input{source.suffix if source.suffix in _KNOWN_BY_SUFFIX else ''}"
    if source.path is not None:
        try:
            path.symlink_to(source.path.resolve())
            return path
        except OSError:  # Windows allows links to few users
            pass
    _copy(source.data, path)
    return path


def _copy(data: Bytes, path: Path) -> None:
    with path.open("wb") as file:
        for first in range(0, len(data), 1 << 20):
            file.write(data[first : first + (1 << 20)])


def _chained(first: tuple[npt.NDArray[np.float32], int], blocks: Blocks) -> Blocks:
    yield first
    yield from blocks


def _without_beginning(blocks: Blocks, num_frames: int) -> Blocks:
    for samples, rate in blocks:
        kept = samples[num_frames:]
        num_frames = max(num_frames - len(samples), 0)
        if len(kept):
            yield kept, rate


def _without_audio(log: "_Log", path: Path, failure: str) -> str:
    """Say why ffmpeg gave no sample."""
    reason = log.reason.replace(f"file:{path}: ", "")
    if log.refused is not None:
        return (
            f"is what ffmpeg calls {log.refused!r}, and is not opened: it names other files, as playlists do, or is "
            "no recording; give the recording itself, such as WAV, FLAC, MP3, M4A or MKV"
        )
    if log.has_reference:
        return (
            "has its sound in another file, which is not opened; give that file, or export a film that holds its sound"
        )
    if "matches no streams" in reason:
        return "has no audio in it (ffmpeg finds no audio stream); give a file with audio in it"
    if log.is_amr:
        return f"{_COMFORT_NOISE}; {_COMFORT_NOISE_REMEDY}"
    return f"{failure} (ffmpeg says: {reason}); {RE_ENCODE}"


class _Run:
    """One run of the program."""

    def __init__(self, program: str, path: Path, findings: Findings, block_frames: int, damage: str) -> None:
        self._damage = damage
        with path.open("rb") as file:
            self._is_stream = _is_mpeg_stream(file.read(200))
        self._path, self._findings, self._block_frames = path, findings, block_frames
        self._command = [program, "-nostdin", "-nostats", "-hide_banner", "-v", "level+info"]
        # What was given, and nothing that it names: by the content, for no ending of a name is shown.
        self._command += ["-protocol_whitelist", "file", "-format_whitelist", ",".join(ALLOWED_DEMUXERS)]
        self._command += ["-i", f"file:{path}", "-map", "0:a:0"]
        self.num_samples = 0
        self.is_damaged = False
        self.log = _Log()

    def blocks(self, filters: str) -> Blocks:
        """Decode, and find in the end whether there is damage."""
        command = [*self._command, "-af", filters, "-c:a", "pcm_f32le", "-f", "wav", "pipe:1"]
        if self._is_stream:
            # In these formats ffmpeg counts from the first of the streams that it uses; so it has to use the picture.
            command += ["-map", "0:v:0?", "-c:v", "copy", "-f", "null", "-"]
        log = self._path.with_name("errors")
        # Opened twice: a position that is shared with the program would move where it writes.
        with log.open("wb") as written, log.open("rb") as errors:
            with subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=written
            ) as process:
                if process.stdout is not None:
                    yield from self._placed(_wav_blocks(process.stdout, self._block_frames), errors)
            self._read_log(errors)
            self.is_damaged = process.returncode != 0 or bool(self.log.messages)

    def _placed(self, blocks: Blocks, errors: IO[bytes]) -> Blocks:
        """Put silence where the time stamps have it."""
        clock: _Clock | None = None
        for samples, rate in blocks:
            # ffmpeg writes the line for a frame before its samples, so the log has those of this block.
            self._read_log(errors)
            if self.log.messages and not self._findings.is_lenient:
                self._findings.damage(*self.problem())
            clock = clock or _Clock(rate, self.log.has_picture, is_lenient=self._findings.is_lenient)
            for piece in clock.pieces(samples, self.log.frames, self._block_frames):
                self.num_samples += len(piece)
                yield piece, rate

    def _read_log(self, errors: IO[bytes]) -> None:
        errors.seek(self.log.num_bytes)
        self.log.add(errors.read())

    def problem(self) -> tuple[str, str]:
        """What is wrong, and what to do about it."""
        if self.log.is_amr:
            return _COMFORT_NOISE, _COMFORT_NOISE_REMEDY
        reason = self.log.reason.replace(f"file:{self._path}: ", "")
        return f"{self._damage} (ffmpeg says: {reason})", RE_ENCODE


def _is_mpeg_stream(head: bytes) -> bool:
    """Whether a file is an MPEG transport stream, with packets of 188 or of 4 and 188 bytes, or a program stream."""
    is_transport = any(
        head[first : first + 1] + head[first + step :][:1] == b"GG" for first, step in ((0, 188), (4, 192))
    )
    return is_transport or head.startswith(b"\0\0\1\xba")


class _Log:
    """What ffmpeg writes to its error output."""

    def __init__(self) -> None:
        self.num_bytes = 0
        self.frames: deque[tuple[int | None, int]] = deque()
        self.messages: list[str] = []
        self.refused: str | None = None
        self.has_picture = self.is_amr = self.has_reference = False
        self._last_line = ""

    @property
    def reason(self) -> str:
        """The first error; without one what was written last."""
        return self.messages[0] if self.messages else self._last_line or "nothing"

    def add(self, text: bytes) -> None:
        """Read the whole lines of what was written since."""
        whole = text.rfind(b"\n") + 1
        self.num_bytes += whole
        for line in text[:whole].decode(errors="replace").splitlines():
            if refused := refused_demuxer(line):
                self.refused = refused
            elif frame := _FRAME.match(line):
                stamp, num_samples = frame.groups()
                self.frames.append((int(stamp) if stamp.lstrip("-").isdigit() else None, int(num_samples)))
            elif message := _MESSAGE.match(line):
                self.messages.append(message[1].strip())
            elif "corrupt input packet" in line:
                self.messages.append("corrupt input packet")
            elif "Skipped opening external track" in line:
                self.has_reference = True
            elif "Stream #" in line:
                self.has_picture |= ": Video:" in line and "(attached pic)" not in line
                self.is_amr |= ": Audio: amr_" in line
            elif line.strip():
                self._last_line = line.strip()


class _Clock:
    """Compares the time stamps of frames with the samples before them."""

    def __init__(self, rate: int, has_picture: bool, *, is_lenient: bool) -> None:
        self._rate, self._has_picture = rate, has_picture
        self._min_hole = (MIN_HOLE_OF_DAMAGE_S if is_lenient else MIN_HOLE_S) * rate
        self._origin: int | None = None  # the time stamp of sample 0
        self._num_samples = 0
        self._num_missing = 0
        self._left_of_frame = 0

    def pieces(
        self, samples: npt.NDArray[np.float32], frames: deque[tuple[int | None, int]], block_frames: int
    ) -> Iterator[npt.NDArray[np.float32]]:
        """Yield samples, and zeros where they are missing."""
        first = position = 0
        while position < len(samples):
            if self._left_of_frame == 0:
                if not frames:
                    break
                stamp, self._left_of_frame = frames.popleft()
                hole = 0 if stamp is None else self._hole_before(stamp)
                self._num_samples += hole + self._left_of_frame
                if hole > 0 and position > first:
                    yield samples[first:position]
                    first = position
                for start in range(0, hole, block_frames):
                    yield np.zeros((min(block_frames, hole - start), samples.shape[1]), dtype=np.float32)
            step = min(self._left_of_frame, len(samples) - position)
            self._left_of_frame -= step
            position += step
        if first < len(samples):
            yield samples[first:]

    def _hole_before(self, stamp: int) -> int:
        """Return the number of samples that are missing before a frame."""
        if self._origin is None:
            is_late = self._has_picture and stamp >= MIN_START_S * self._rate
            self._origin = 0 if is_late and stamp <= MAX_HOLE_S * self._rate else stamp
            return stamp - self._origin
        hole = stamp - self._origin - self._num_samples
        if hole < self._min_hole:
            return 0
        if self._num_missing + hole > MAX_HOLE_S * self._rate:
            self._origin += hole
            return 0
        self._num_missing += hole
        return hole


def _wav_blocks(stream: IO[bytes], block_frames: int) -> Blocks:
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
    block_frames = max(2 * block_frames // max(num_channels, 2), 1)
    left = float("inf") if size >= UNKNOWN_RIFF_SIZE else size // frame_bytes
    while left > 0:
        block = stream.read(int(min(left, block_frames)) * frame_bytes)
        samples = np.frombuffer(block[: len(block) // frame_bytes * frame_bytes], dtype="<f4")
        if samples.size == 0:
            return
        yield samples.reshape(-1, num_channels), rate
        left -= block_frames
