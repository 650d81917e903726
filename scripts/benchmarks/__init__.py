"""Measurements of speed, memory and error rate that `scripts/benchmark*.py` and `scripts/compare_*.py` run."""
