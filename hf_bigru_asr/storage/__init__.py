"""How results reach the disk: whole or not at all, and one process at a time."""

from .locks import FolderInUseError, folder_lock
from .writing import flush_tree, naming_the_file, whole_file, whole_folder, write_bytes, write_json, write_text

__all__ = [
    "FolderInUseError",
    "flush_tree",
    "folder_lock",
    "naming_the_file",
    "whole_file",
    "whole_folder",
    "write_bytes",
    "write_json",
    "write_text",
]
