"""Verifies utterances of LibriSpeech: their transcripts, and all samples of their audio."""

import hashlib
import io
import re

import numpy as np
import soundfile

from ...text.normalization import ALPHABET
from .index import SAMPLING_RATE_HZ, Reject, RejectReason, Utterance, UtteranceError

__all__ = ["verify_utterance"]

_NOT_IN_ALPHABET = re.compile(f"[^{re.escape(ALPHABET)}]")


def verify_utterance(utterance: Utterance) -> int:
    """The number of samples of an utterance, after decoding all of them and checking them and the transcript.

    The transcript must be A to Z, space and apostrophe, and not empty; the audio 16 kHz, mono, finite, not empty, as
    long as its header says and, for 16-bit FLAC, equal to the checksum in that header.

    Args:
        utterance: What `iterate_openslr` yields.

    Returns:
        Number of samples at 16 kHz, at least 1.

    Raises:
        UtteranceError: A check failed.

    Source:
        RFC 9639, section 8.2: STREAMINFO holds the MD5 of the unencoded samples in its last 16 bytes; zero is "unset".
    """
    if not utterance.text:
        raise _fault(utterance, RejectReason.EMPTY_TRANSCRIPT, "expected at least one character")
    if foreign := sorted({*_NOT_IN_ALPHABET.findall(utterance.text)}):
        detail = f"has {foreign}, allowed are A to Z, space and apostrophe: {utterance.text!r}"
        raise _fault(utterance, RejectReason.ALPHABET, detail)
    try:
        with soundfile.SoundFile(io.BytesIO(utterance.audio_bytes)) as audio:
            return _verify_audio(audio, utterance)
    except soundfile.LibsndfileError as error:
        raise _fault(utterance, RejectReason.BROKEN_AUDIO, f"libsndfile says: {error.error_string}") from error


def _verify_audio(audio: soundfile.SoundFile, utterance: Utterance) -> int:
    if audio.samplerate != SAMPLING_RATE_HZ:
        detail = f"{audio.samplerate} Hz, expected {SAMPLING_RATE_HZ} Hz"
        raise _fault(utterance, RejectReason.SAMPLING_RATE, detail)
    if audio.channels != 1:
        raise _fault(utterance, RejectReason.CHANNELS, f"{audio.channels} channels, expected 1")
    is_flac = audio.format == "FLAC" and audio.subtype == "PCM_16" and utterance.audio_bytes.startswith(b"fLaC")
    digest = hashlib.md5(usedforsecurity=False)
    num_samples = 0
    while len(block := audio.read(SAMPLING_RATE_HZ * 60, dtype="int16" if is_flac else "float32")):
        num_samples += len(block)
        if is_flac:
            digest.update(block.astype("<i2", copy=False).tobytes())
        elif not np.isfinite(block).all():
            raise _fault(utterance, RejectReason.NOT_FINITE, "expected finite samples only")
    if num_samples != audio.frames:
        detail = f"decodes to {num_samples:,} samples, its header promises {audio.frames:,}"
        raise _fault(utterance, RejectReason.BROKEN_AUDIO, detail)
    if num_samples == 0:
        raise _fault(utterance, RejectReason.NO_SAMPLES, "expected a duration above 0 s")
    expected = utterance.audio_bytes[26:42]
    if is_flac and any(expected) and digest.digest() != expected:
        raise _fault(utterance, RejectReason.BROKEN_AUDIO, "the samples do not have the MD5 of its header")
    return num_samples


def _fault(utterance: Utterance, reason: RejectReason, detail: str) -> UtteranceError:
    return UtteranceError(Reject(utterance.path, reason, detail))
