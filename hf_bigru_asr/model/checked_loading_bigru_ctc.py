"""Loading parts of a processor from files that are checked."""

from typing import Any

from .checked_files_bigru_ctc import check_model_files, library_errors_named, local_folder

__all__ = ["CheckedFilesMixin"]


class CheckedFilesMixin:
    """Checks the files of a model before the library's `from_pretrained` reads them; stands before its class."""

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as in the library
        """As in the library, with files that are checked.

        Raises:
            ValueError: If a file of the model is broken or a value out of range, or if the files in a folder belong to
                different models.
        """
        folder = local_folder(pretrained_model_name_or_path, kwargs)
        if folder is not None:
            check_model_files(folder)
        with library_errors_named(pretrained_model_name_or_path, of_values=True):
            return super().from_pretrained(pretrained_model_name_or_path, *args, **kwargs)  # type: ignore[misc]
