"""How processes end: programs by a signal, in one line, and workers with their parent. Nothing heavy is imported."""
