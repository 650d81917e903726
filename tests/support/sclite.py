"""NIST's sclite, where it is installed: `apt-get install sctk`, which leaves it out of the path."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

SCLITE = shutil.which("sclite", path="/usr/lib/sctk/bin") or shutil.which("sclite")

needs_sclite = pytest.mark.skipif(SCLITE is None, reason="needs sclite of NIST's SCTK (Debian: sctk)")

_SUM = re.compile(r"\| +Sum +\| +(\d+) +(\d+) +\| +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)")


def sclite_counts(reference: Path, hypothesis: Path) -> tuple[int, ...]:
    """Utterances, words, hits, substitutions, deletions, insertions, errors, and utterances with an error.

    The formats are those of the suffixes.
    """
    assert SCLITE is not None
    files = [SCLITE, "-r", reference, reference.suffix[1:], "-h", hypothesis, hypothesis.suffix[1:]]
    options = ["-i", "spu_id"] if reference.suffix == ".trn" else []
    report = subprocess.run(
        [*files, *options, "-o", "rsum", "stdout"], capture_output=True, text=True, check=True
    ).stdout
    found = _SUM.search(report)
    assert found is not None, report
    return tuple(map(int, found.groups()))
