"""Repo ids, and the addresses that people paste in their place."""

from __future__ import annotations

import re

REPO_ID = re.compile(r"[\w][\w.-]*(/[\w][\w.-]*)?", re.ASCII)
ADDRESS = re.compile(r"https?://(www\.)?(huggingface\.co|hf\.co)/(?P<id>[^/\s]+/[^/\s?#]+)")


def repo_id_of(name: str) -> str:
    """A repo id without blanks around it; of an address of the Hub, the repo id in it."""
    found = ADDRESS.match(name.strip())
    return found["id"] if found else name.strip()
