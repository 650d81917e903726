"""Whole corpora to Parquet on a Ray cluster, without torch."""
