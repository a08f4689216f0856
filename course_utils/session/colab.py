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
    """
    if not on_colab():
        return
    from google.colab import userdata  # type: ignore[import-not-found]  # only on Colab

    ask = getattr(userdata.get, "unguarded", userdata.get)

    def get(key: str, *arguments: Any, **options: Any) -> str:
        if key == TOKEN_SECRET and may_pass is None:
            raise userdata.SecretNotFoundError(key)
        secret: str = ask(key, *arguments, **options)
        if key == TOKEN_SECRET and may_pass is not None and not may_pass(secret):
            raise userdata.SecretNotFoundError(key)
        return secret

    get.unguarded = ask  # type: ignore[attr-defined]
    userdata.get = get
