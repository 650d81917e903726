"""Building a language model, and fitting decoder and confidences to it."""
