"""Repo ids, and the addresses that people paste in their place."""

from __future__ import annotations

import re

REPO_ID = re.compile(r"[\w][\w.-]*(/[\w][\w.-]*)?", re.ASCII)
NO_OWNERS = r"(?:datasets|spaces|docs|blog|papers|collections|learn|models|api|settings|posts)/"
ADDRESS = re.compile(
    r"(?:(?:https?:)?//)?(?:www\.)?(?:huggingface\.co|hf\.co|hf-mirror\.com)/"
    rf"(?!{NO_OWNERS})(?P<id>[^/\s]+/[^/\s?#]+)|hf://(?:models/)?(?!{NO_OWNERS})"
    r"(?P<short>[^/\s]+/[^/\s?#@]+)",
    re.IGNORECASE,
)


def repo_id_of(name: str) -> str:
    """A repo id without blanks around it; of an address of a model on the Hub, its repo id.

    Anything else, the address of a dataset included, comes back as it is.
    """
    found = ADDRESS.match(name.strip())
    return (found["id"] or found["short"]) if found else name.strip()
