"""Uploading a finished dataset folder."""

from pathlib import Path

from z1ray.errors import UserError

_FILES = ("README.md", "manifest.json", "config.yaml", "report.html", "contaminated.jsonl", "data/*.parquet")


def push(output: Path, repository: str) -> str:
    """Upload the dataset to the hub (or to what ``HF_ENDPOINT`` names); files it has already are not sent again.

    Args:
        output: The stage's folder, finished.
        repository: ``owner/name``; made, private, if it is not there.

    Returns:
        The address of the commit.

    Raises:
        UserError: If the hub is out of reach or refuses; the folder stays as it is.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    api = HfApi()
    try:
        api.create_repo(repository, repo_type="dataset", private=True, exist_ok=True)
        commit = api.upload_folder(
            repo_id=repository,
            repo_type="dataset",
            folder_path=str(output),
            allow_patterns=list(_FILES),
            commit_message="Dataset curated with z1ray",
        )
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            "curate.push_to_hub",
            repository,
            f"the dataset is in {output}, but was not uploaded: {reason}",
            "log in with a token that may write there (hf auth login), then run the same command again",
        ) from error
    return str(commit.commit_url)
