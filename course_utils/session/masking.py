"""Keeps a room's secret out of what a kernel shows: outputs, errors, logs, saved notebooks."""

from __future__ import annotations

import sys
from typing import IO, Any


def without_secret(text: str) -> str:
    """The text as it may be shown and saved: each room's address without the secret in it.

    A browser that was let in finds its way from there; another needs a one-time link first.
    """
    from practice_hub.home import without_secret as masked

    return masked(text)


def hide(secret: str) -> None:
    """Leave ``secret`` out of everything that this Python shows from now on.

    In a notebook that is every message of the kernel, whatever wrote it. In a plain Python it is
    the error stream, where tracebacks and logs go; what a program prints on purpose stays whole.
    """
    session = _kernel_session()
    if session is None:
        sys.stderr = _Without(sys.stderr, secret)
        return
    pack = session.pack
    session.pack = lambda content: pack(content).replace(secret.encode(), b"")


def _kernel_session() -> Any:
    """What sends a kernel's messages; None outside of a kernel."""
    if "IPython" not in sys.modules:
        return None
    kernel = getattr(sys.modules["IPython"].get_ipython(), "kernel", None)
    return getattr(kernel, "session", None)


class _Without:
    """A stream that writes all but one word."""

    def __init__(self, stream: IO[str], word: str) -> None:
        self._stream, self._word = stream, word

    def write(self, text: str) -> int:
        self._stream.write(text.replace(self._word, ""))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
