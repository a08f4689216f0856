"""What was once found out, kept on disk for the next kernel: small files, safe to delete.

A file's name stands for all that its content rests on: what was asked, the versions of the
libraries, the GPU, and the code that looked. Where one of them changes, nothing old is read. A file
that is damaged or cannot be written only costs time: what it would say is found out again.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import sys
import tempfile
import zlib
from collections.abc import Callable
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

from course_utils.gpus import current_device

VARIABLE = "COURSE_CACHE"
FOLDER = "hub-and-heavyweights"
# The libraries that build a model, and those that they take in where they are installed.
LIBRARIES = (
    *("transformers", "torch", "bitsandbytes", "accelerate", "kernels", "triton"),
    *("flash-attn", "flash-linear-attention", "causal-conv1d", "mamba-ssm"),
)
TROUBLES = (OSError, ValueError, TypeError, LookupError, EOFError, zlib.error)
Found = TypeVar("Found")


def kept_on_disk(
    asked: str,
    find: Callable[[], Found],
    as_json: Callable[[Found], Any],
    from_json: Callable[[Any], Found],
) -> Found:
    """What was found the last time; else what ``find`` returns, which is kept for the next.

    Args:
        asked: all that the answer rests on, beside this machine's libraries and GPU.
        as_json, from_json: to what ``json`` can write, and back.

    Raises:
        Exception: what ``find`` raises; that is not kept.
    """
    try:
        name = hashlib.sha256(f"{asked}\n{_environment()}".encode()).hexdigest()
        file = cache_folder() / f"{name}.json.gz"
    except (OSError, RuntimeError):  # no home folder
        return find()
    with contextlib.suppress(*TROUBLES):
        return from_json(json.loads(gzip.decompress(file.read_bytes())))
    found = find()
    with contextlib.suppress(*TROUBLES):
        _replace(file, gzip.compress(json.dumps(as_json(found)).encode()))
    return found


def cache_folder() -> Path:
    """``COURSE_CACHE``, or a folder among the user's caches.

    Raises:
        RuntimeError: the user has no home folder.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).expanduser()
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.path.expandvars(caches)).expanduser() / FOLDER


def _replace(file: Path, content: bytes) -> None:
    """In one step, so that nobody reads half a file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as new:
        written = Path(new.name)
        try:
            new.write(content)
            new.close()
            written.replace(file)
        except OSError:
            written.unlink()
            raise


@cache
def _environment() -> str:
    device = current_device()
    versions = [sys.version, *(f"{name} {_version(name)}" for name in LIBRARIES)]
    return "\n".join([*versions, f"{device.name} {device.compute_capability}", _own_code()])


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return ""


def _own_code() -> str:
    """A digest of this package: what an older one found may be wrong."""
    own = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        own.update(file.read_bytes())
    return own.hexdigest()
