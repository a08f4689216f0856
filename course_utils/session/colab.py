"""The only file that touches ``google.colab``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

TOKEN_SECRET = "HF_TOKEN"


def on_colab() -> bool:
    return "google.colab" in sys.modules


def guard_token_secret(may_pass: Callable[[str], bool] | None) -> None:
    """Stand between the Hub's client and the Colab secret ``HF_TOKEN``.

    huggingface_hub asks ``userdata.get("HF_TOKEN")`` when it finds a token nowhere else. With
    ``may_pass`` None that secret is never read; otherwise it is read and handed on only when
    ``may_pass(token)`` is true. To the client a secret held back looks like one that is not there.
    Why a secret could not be read is kept for ``secret_trouble``.
    """
    if not on_colab():
        return
    from google.colab import userdata

    ask = getattr(userdata.get, "unguarded", userdata.get)

    def get(key: str, *arguments: Any, **options: Any) -> str:
        if key != TOKEN_SECRET:
            return str(ask(key, *arguments, **options))
        if may_pass is None:
            raise userdata.SecretNotFoundError(key)
        get.trouble = ""  # type: ignore[attr-defined]  # a function may carry a note
        try:
            secret = str(ask(key, *arguments, **options))
        except Exception as error:
            get.trouble = _trouble_of(error)  # type: ignore[attr-defined]
            raise
        if not may_pass(secret):
            raise userdata.SecretNotFoundError(key)
        return secret

    get.unguarded = ask  # type: ignore[attr-defined]
    get.trouble = ""  # type: ignore[attr-defined]
    userdata.get = get


def watch_token_secret() -> None:
    """Keep the reason, should the secret ``HF_TOKEN`` not be readable; it is handed on as it is."""
    if not on_colab():
        return
    from google.colab import userdata

    if not hasattr(userdata.get, "unguarded"):
        guard_token_secret(may_pass=lambda secret: True)


def secret_trouble() -> str:
    """Why the secret could not be read when it was last asked for: "denied", "timed out", "failed".

    "" where it was read, is not there, or was not asked for.
    """
    if not on_colab():
        return ""
    from google.colab import userdata

    return str(getattr(userdata.get, "trouble", ""))


def _trouble_of(error: Exception) -> str:
    name = type(error).__name__
    if name == "SecretNotFoundError":
        return ""
    if name == "NotebookAccessError":
        return "denied"
    return "timed out" if "Timeout" in name else "failed"
