"""A small server that speaks the Hugging Face Hub's protocol, for lessons and tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from practice_hub.server import PracticeHub as PracticeHub

__all__ = ["PracticeHub"]


def __getattr__(name: str) -> Any:
    """The server is imported when it is asked for: a client of the Hub needs none of it."""
    if name != "PracticeHub":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from practice_hub.server import PracticeHub

    return PracticeHub
