"""The compiled part of the package: search, network and features in C, for those who have it."""
