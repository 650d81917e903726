"""Entry point of `python -m hf_bigru_asr.runtime FILE ...`."""

import sys

from ..processes.interrupts import begin_script

if __name__ == "__main__":
    begin_script(__name__, prog="python -m hf_bigru_asr.runtime")
    from .recognizer import main

    sys.exit(main())
