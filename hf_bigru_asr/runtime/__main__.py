"""Entry point of `python -m hf_bigru_asr.runtime FILE ...`."""

import sys

from .recognizer import main

if __name__ == "__main__":
    sys.exit(main())
