"""The Hugging Face hub, and nothing else that touches the network.

Files live in the hub's own cache (``HF_HOME``) and are shared with every other program.
What is in the cache is used without asking the hub again, so that a run is the same
tomorrow, and works offline; a hub that does not answer is given up within seconds.
"""

from __future__ import annotations

from pathlib import Path

from headstart.errors import BackboneError

__all__ = ["cached_file", "fetch_file", "why_missing", "ways_to_supply"]

# Seconds for the hub's first answer. One try: hf_hub_download itself would retry for minutes.
_PATIENCE = 5.0
_WAYS = "What to do, one of:"


def cached_file(repo: str, file: str) -> Path | None:
    """Returns the file's place in the hub's cache, or None if it is not there.

    Args:
        repo: ``organisation/name``, with ``@revision`` if not the main one.
        file: Name of the file in the repository.
    """
    from huggingface_hub import try_to_load_from_cache

    name, _, revision = repo.partition("@")
    found = try_to_load_from_cache(name, file, revision=revision or None)
    return Path(found) if isinstance(found, str) else None


def fetch_file(repo: str, file: str) -> Path:
    """Returns the file's place in the hub's cache, downloading it there first if need be.

    Raises:
        BackboneError: If the hub cannot be reached, refuses, or has no such file; the message
            says what was wanted and every way to supply it.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if found := cached_file(repo, file):
        return found
    name, _, revision = repo.partition("@")
    try:
        # Asked first, with little patience, because the download retries for half a minute.
        get_hf_file_metadata(hf_hub_url(name, file, revision=revision or None), timeout=_PATIENCE)
        return Path(hf_hub_download(name, file, revision=revision or None, etag_timeout=_PATIENCE))
    except Exception as error:  # the hub's HTTP library changes from version to version
        if isinstance(error, OfflineModeIsEnabled):
            reason = "HF_HUB_OFFLINE is set and the file is not in the cache"
        elif isinstance(error, GatedRepoError):
            reason = "its owner asks for a login: accept its terms on the hub, then `hf auth login`"
        elif isinstance(error, RevisionNotFoundError):
            reason = f"the repository has no revision {revision}"
        elif isinstance(error, RepositoryNotFoundError):
            reason = "the hub has no such repository, or it is private and you are not logged in"
        elif isinstance(error, EntryNotFoundError):
            reason = (
                "the repository has no such file; Headstart loads safetensors in timm's layout only"
            )
        else:
            text = " ".join(str(error).split())[:200]
            reason = f"{_endpoint()} does not answer ({type(error).__name__}: {text})"
        raise BackboneError(
            f"cannot get {file} of {repo}: {reason}. {ways_to_supply(repo, file)}"
        ) from error


def ways_to_supply(repo: str, file: str) -> str:
    """Returns the sentence that names every way on, what works at once first."""
    from huggingface_hub import constants

    name, _, revision = repo.partition("@")
    pin = f" --revision {revision}" if revision else ""
    files = " ".join(dict.fromkeys(["config.json", file]))
    return (
        f"{_WAYS} (1) --backbone starter, which is bundled and works at once; "
        f"(2) where {_endpoint()} can be reached, `hf download {name} {files}{pin}`, and here "
        f"HF_HOME set to that cache ({constants.HF_HOME} by default); "
        f"(3) the same with `--local-dir FOLDER`, and --backbone FOLDER; "
        f"(4) HF_ENDPOINT set to a mirror"
    )


def why_missing(error: Exception) -> str:
    """Returns why a file could not be had, without the ways on."""
    return str(error).partition(f" {_WAYS}")[0]


def _endpoint() -> str:
    from huggingface_hub import constants

    return str(constants.ENDPOINT)
