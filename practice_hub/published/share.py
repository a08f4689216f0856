"""One copy for all kernels: the Hub's client finds the large files in its cache already."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import psutil

from practice_hub import published

HOMES = "homes"
HOME_PREFIX = "practice-hub-"


def link_into(client_cache: Path, repo_id: str) -> bool:
    """Hard links from the shared folder into a client's cache, under the names that it looks for.

    The client asks the Hub for a file's hash, finds a blob of that name, and downloads nothing. A
    link takes no bytes. Between two file systems there are none: then False, and the client
    downloads a copy as it would from any Hub.
    """
    files = published.published_models()[repo_id].read() or {}
    blobs = client_cache / f"models--{repo_id.replace('/', '--')}" / "blobs"
    for file in files.values():
        if file.sha256 is None or file.local is None:
            continue  # small, and git's hash is no proof of what is in it
        try:
            blobs.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                os.link(file.local, blobs / file.sha256)
        except OSError:
            return False
    return True


def make_temporary_home() -> Path:
    """A folder for one kernel's ``HF_HOME``, into which files can be linked.

    That is the system's temporary folder where it lies on the same file system as the models. Often
    it does not (it may be in memory), and then the home lies beside them.

    Raises:
        OSError: there is no place for it.
    """
    homes = None
    with suppress(OSError):
        homes = folder_for_homes()
    return Path(tempfile.mkdtemp(prefix=f"{HOME_PREFIX}{os.getpid()}-", dir=homes))


def folder_for_homes() -> Path | None:
    models, temporary = published.models_folder(), Path(tempfile.gettempdir())
    if not models.is_dir() or models.stat().st_dev == temporary.stat().st_dev:
        return None
    homes = models / HOMES
    homes.mkdir(exist_ok=True)
    for home in homes.glob(f"{HOME_PREFIX}*"):  # of kernels that were killed: nobody removed them
        owner = home.name.removeprefix(HOME_PREFIX).split("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(home, ignore_errors=True)
    return homes
