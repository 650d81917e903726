"""Which sampling rates and how many channels a recording of speech has, and how much sound its bytes can hold."""

from .findings import AudioError

__all__ = ["MAX_CHANNELS_OF_A_FILE", "MAX_RATE_HZ", "MIN_RATE_HZ", "check_form", "check_length", "check_rate"]

MIN_RATE_HZ = 2_000
"""Below 1 kHz nothing of speech but its pitch is left; the lowest rates of recorders are 4,000 and 5,512 Hz."""
MAX_RATE_HZ = 768_000
"""The highest rate of converters; DSD128 gives 705,600 Hz."""
MAX_CHANNELS_OF_A_FILE = 256
"""Ambisonics of the order 15; consoles record 128."""

_SAMPLES_PER_BYTE = 8_192
"""The most that a codec packs: a FLAC frame of 65,535 equal samples takes eleven bytes."""


def check_rate(rate: int, name: str) -> None:
    """Refuse a sampling rate that no recording of speech has: at 1 Hz, a byte would become 64,000 in memory.

    Raises:
        AudioError: It is below `MIN_RATE_HZ` or above `MAX_RATE_HZ`.
    """
    if not MIN_RATE_HZ <= rate <= MAX_RATE_HZ:
        raise AudioError(
            name,
            f"has a sampling rate of {rate} Hz; allowed are {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz: correct its header, or "
            "give its samples with the right rate",
        )


def check_form(rate: int, num_channels: int, name: str) -> None:
    """Refuse a sampling rate or a number of channels that no recording of speech has.

    Raises:
        AudioError: As `check_rate`, or for more than `MAX_CHANNELS_OF_A_FILE` channels, or none.
    """
    check_rate(rate, name)
    if not 0 < num_channels <= MAX_CHANNELS_OF_A_FILE:
        raise AudioError(
            name,
            f"has {num_channels} channels; allowed are 1 to {MAX_CHANNELS_OF_A_FILE}: correct its header, or export "
            "the channels with speech",
        )


def check_length(num_frames: int, num_bytes: int, name: str) -> None:
    """Refuse a length that its bytes cannot hold.

    Args:
        num_frames: Samples per channel that a header promises.
        num_bytes: Size of the file.
        name: Of the recording, for messages.

    Raises:
        AudioError: No codec packs so much into so little.
    """
    if num_frames > num_bytes * _SAMPLES_PER_BYTE:
        raise AudioError(
            name,
            f"is broken: its header promises {num_frames} samples, which {num_bytes} bytes cannot hold; record or "
            "download it again",
        )
