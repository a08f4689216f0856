"""Makes a kernel look like Colab: ``google.colab`` in ``sys.modules``, one secret in its vault."""

from __future__ import annotations

import builtins
import importlib.machinery
import sys
import types


def install(secret: str | None = None, fake_shell: bool = False, refuses: str = "") -> list[str]:
    """Install the stand-in; returns the list to which every name asked of the vault is added.

    ``refuses`` is the class of the vault's errors that it raises instead, "NotebookAccessError" or
    "TimeoutException". ``fake_shell`` also answers ``get_ipython()`` as Colab's shell does;
    huggingface_hub asks it.
    """
    reads: list[str] = []
    google, colab = types.ModuleType("google"), types.ModuleType("google.colab")
    userdata = types.ModuleType("google.colab.userdata")
    errors = types.ModuleType("google.colab.errors")

    class Error(Exception):
        pass

    class SecretNotFoundError(Error):
        pass

    class NotebookAccessError(Error):
        pass

    class TimeoutException(Error):
        pass

    def get(key: str) -> str:
        reads.append(key)
        if refuses:
            raise getattr(userdata, refuses)(key)
        if secret is None:
            raise SecretNotFoundError(key)
        return secret

    userdata.get = get  # type: ignore[attr-defined]
    userdata.SecretNotFoundError = SecretNotFoundError  # type: ignore[attr-defined]
    userdata.TimeoutException = TimeoutException  # type: ignore[attr-defined]
    userdata.NotebookAccessError = NotebookAccessError  # type: ignore[attr-defined]
    errors.Error = Error  # type: ignore[attr-defined]
    google.colab = colab  # type: ignore[attr-defined]
    colab.userdata, colab.errors = userdata, errors  # type: ignore[attr-defined]
    for module in (google, colab, userdata, errors):
        module.__spec__ = importlib.machinery.ModuleSpec(module.__name__, None)
        sys.modules[module.__name__] = module

    if fake_shell:

        class Shell:
            def __str__(self) -> str:
                return "<google.colab._shell.Shell object>"

        builtins.get_ipython = Shell  # type: ignore[attr-defined]
    return reads
