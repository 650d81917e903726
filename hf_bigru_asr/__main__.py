"""Entry point of `python -m hf_bigru_asr`."""

import sys

from .cli.main import main

if __name__ == "__main__":
    sys.exit(main())
