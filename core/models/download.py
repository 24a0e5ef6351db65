"""Models from the hub into the Hugging Face cache: weights by our own downloads, the rest by the hub's client.

The client begins a file anew when a download was cut; ``files/download.py`` resumes, verifies and can be cancelled. It
puts weights where the client keeps them, under their SHA-256, so that the client finds them there.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..activity import Activity
from ..errors import InvalidRequestError, ModelError, Problem, SyncDiffusionError
from ..files.download import Remote, fetch_all


def fetch_snapshot(hub_id: str, choose: Callable[[list[str]], list[str]], activity: Activity) -> Path:
    """Download those files of a model that ``choose`` picks from their names; returns the folder of its snapshot.

    Raises InvalidRequestError when the hub refuses the id, ModelError or DownloadError when it cannot be had.
    """
    import huggingface_hub
    from huggingface_hub import errors

    try:
        info = huggingface_hub.HfApi().model_info(hub_id, files_metadata=True)
        names = choose([item.rfilename for item in info.siblings or ()])
        wanted = frozenset(names)
        large = [item for item in info.siblings or () if item.lfs is not None and item.rfilename in wanted]
        fetch_all([_remote(hub_id, info.sha, item.rfilename, item.lfs) for item in large], activity)
        return Path(huggingface_hub.snapshot_download(hub_id, allow_patterns=names))
    except errors.GatedRepoError:
        raise _refuse(f"{hub_id!r} is gated: accept its licence on the hub and log in there first") from None
    except errors.RepositoryNotFoundError:
        raise _refuse(f"{hub_id!r} is no folder or file here, and the hub has no model of that id") from None
    except SyncDiffusionError:
        raise
    except Exception as error:  # whatever the hub's client and the HTTP library under it raise
        raise ModelError(
            f"model: {hub_id!r} could not be downloaded ({type(error).__name__}); check the connection and the free "
            "space, and try again: what has arrived is kept"
        ) from error


def _remote(hub_id: str, revision: str | None, name: str, lfs: object) -> Remote:
    from huggingface_hub import constants, hf_hub_url
    from huggingface_hub.file_download import repo_folder_name

    folder = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=hub_id, repo_type="model")
    url = hf_hub_url(hub_id, name, revision=revision)
    return Remote(url, folder / "blobs" / lfs.sha256, lfs.sha256, lfs.size, label=name)


def _refuse(sentence: str) -> InvalidRequestError:
    return InvalidRequestError([Problem("model", sentence)])
