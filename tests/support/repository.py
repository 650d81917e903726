"""Places in the repository that tests read."""

from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
SCRIPTS = REPOSITORY / "scripts"
SAMPLE = REPOSITORY / "tests" / "data" / "samples" / "easy.flac"
