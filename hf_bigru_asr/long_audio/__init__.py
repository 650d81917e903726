"""Recordings of any length through the network in bounded memory, as exactly as in one pass."""

from .network import log_probs_of_long_audio

__all__ = ["log_probs_of_long_audio"]
