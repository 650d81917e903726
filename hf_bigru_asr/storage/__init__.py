"""How results reach the disk: whole or not at all, and one process at a time."""
