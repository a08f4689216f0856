"""Which build of PyTorch pip should take here: prints pip's options, and says why.

    python -m tools.torch_build [cpu|cuda]

On Linux the ordinary build brings gigabytes of CUDA libraries. Without an NVIDIA driver they are of
no use, so there the CPU build is taken from PyTorch's own index, if that answers. macOS and Windows
have one ordinary build each, and it is small. Runs before anything is installed: standard library
only.
"""

from __future__ import annotations

import ctypes
import http.client
import os
import platform
import queue
import re
import sys
import threading
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

CONSTRAINTS = Path(__file__).parent.parent / "constraints.txt"
CPU_PAGE = "https://download.pytorch.org/whl/cpu/torch/"
SECONDS = 5
# Where the loader finds the driver's library, and where Windows puts it for its Linux (WSL 2).
DRIVERS = ("libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1")


@dataclass(frozen=True)
class Choice:
    """``options``: what pip is told beyond the pins. ``words``: what the reader is told."""

    options: tuple[str, ...]
    words: str


def choose(
    wanted: str = "",
    *,
    page: str = CPU_PAGE,
    drivers: tuple[str, ...] = DRIVERS,
    system: str = "",
    seconds: float = SECONDS,
) -> Choice:
    """The build for this machine, or the one that is ``wanted``: "cpu" or "cuda".

    Raises:
        ValueError: ``wanted`` is neither of them, nor empty.
    """
    if wanted not in ("", "cpu", "cuda"):
        raise ValueError(f'TORCH is "cpu", "cuda" or not set. It was {wanted!r}.')
    if (system or platform.system()) != "Linux":
        return Choice((), "PyTorch: the one build that there is for this system.")
    version = pinned_version()
    if wanted == "cuda":
        # Three equals signs: exactly this, so 2.13.0+cpu is another.
        return Choice((f"torch==={version}",), "PyTorch: the CUDA build, as TORCH=cuda asks.")
    if not wanted and has_driver(drivers):
        return Choice((), "PyTorch: the ordinary build. There is an NVIDIA driver here.")
    because = "as TORCH=cpu asks" if wanted else "for there is no NVIDIA driver here"
    if os.environ.get("PIP_NO_INDEX"):
        return Choice((), "PyTorch: PIP_NO_INDEX is set, so pip takes what it finds.")
    try:
        listed = lists_cpu_build(page, version, seconds)
        trouble = "" if listed else f"lists none of {version} for this Python"
    except (OSError, http.client.HTTPException) as error:
        trouble = f"did not answer ({getattr(error, 'reason', error)})"
    if trouble:
        return Choice(
            (),
            f"PyTorch: the CPU build would do, {because}, but {page} {trouble}.\n"
            "pip takes what it finds. On Linux that is often the CUDA build, 4 GB larger.",
        )
    exactly = (f"torch=={version}+cpu",) if wanted else ()
    other = "" if wanted else " TORCH=cuda takes the other."
    return Choice((f"--find-links={page}", *exactly), f"PyTorch: the CPU build, {because}.{other}")


def has_driver(names: tuple[str, ...] = DRIVERS) -> bool:
    """Whether NVIDIA's driver is installed and finds a GPU.

    ``cuInit`` answers 0 if so; a library that lies there without a GPU answers something else.
    """
    for name in names:
        try:
            return bool(ctypes.CDLL(name).cuInit(0) == 0)
        except (OSError, AttributeError):
            continue
    return False


def lists_cpu_build(page: str, version: str, seconds: float = SECONDS) -> bool:
    """Whether the page lists a wheel of that version's CPU build for this Python.

    A login page that answers in its place, as in a hotel, lists none.

    Raises:
        OSError: no answer within ``seconds``, or one that is an error.
    """
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    return f"torch-{version}+cpu-{python}-" in unquote(fetch(page, seconds))


def fetch(page: str, seconds: float) -> str:
    """The page's text. The time is for all of it: a look-up of the name knows no time-out."""
    answers: queue.SimpleQueue[str | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            with urllib.request.urlopen(page, timeout=seconds) as answer:
                answers.put(answer.read().decode("utf-8", "replace"))
        except Exception as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"{seconds:g} s") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def pinned_version(constraints: Path = CONSTRAINTS) -> str:
    (version,) = re.findall(r"^torch==(\S+)$", constraints.read_text(encoding="utf-8"), re.M)
    return version


def main(arguments: list[str]) -> int:
    try:
        choice = choose(*arguments)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print(choice.words, file=sys.stderr)
    print(*choice.options)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
