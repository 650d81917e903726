"""Prepared data sets on the Hub."""

from pathlib import Path

from huggingface_hub import HfApi, get_token

from .release import HubError, hub_refusals_explained

__all__ = ["push_data_set"]


def push_data_set(folder: str | Path, repo_id: str, *, private: bool = True) -> str:
    """Push a folder of Parquet files with its card; hidden files stay here.

    Args:
        folder: What `prepare` wrote.
        repo_id: `NAMESPACE/NAME`; the data set is made if need be.
        private: Whether a new one can be seen by its owner alone: recordings are personal data.

    Returns:
        Address of the commit.

    Raises:
        HubError: If there is no token, or the Hub refuses the push or cannot be reached; the message says what to do.
    """
    if get_token() is None:
        raise HubError("There is no Hugging Face token; set HF_TOKEN or run `hf auth login`.")
    with hub_refusals_explained(repo_id, "main"):
        api = HfApi()
        api.create_repo(repo_id, repo_type="dataset", private=private, exist_ok=True)
        pushed = api.upload_folder(
            folder_path=str(folder),
            repo_id=repo_id,
            repo_type="dataset",
            commit_message="Add speech with transcripts",
            ignore_patterns=[".*", "**/.*"],
        )
    return str(pushed.commit_url)
