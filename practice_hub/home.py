"""The folder on a learner's machine that holds what belongs to one practice Hub, and no other.

Tokens and cache of a practice Hub lie in it, apart from those of the real account. In a room it
also holds the learner's address, whose secret the machine's kernels share.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from pathlib import Path

from practice_hub.visitor import claim, is_open

MARKER = "practice-hub-home"
ADDRESS_FILE = "address"
ROOM_ADDRESS = re.compile(r"(?P<room>https?://[^/]+/[^/]+)/(?P<name>[^/~]+)(?:~(?P<secret>[^/]*))?")
SECRET = re.compile(r"(?<=[a-z0-9-])~[0-9a-f]{32}(?![0-9a-f])")
SECONDS_FOR_A_NEIGHBOR = 3.0


def without_secret(text: str) -> str:
    """The same text, with each room's address as it may be shown."""
    return SECRET.sub("", text)


def home_of(url: str, instance: str, named: str | None = None) -> Path:
    """Where the files of the Hub at ``url`` go; ``named`` is a folder chosen by the caller."""
    if named:
        return path_of(named)
    cache = path_of(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "practice-hub" / instance
    found = ROOM_ADDRESS.fullmatch(url)
    return cache / found["name"] if found else cache


def make_home(home: Path) -> Path:
    """Make the folder, readable by its owner only, and mark it.

    Raises:
        OSError: it cannot be made.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    (home / MARKER).touch()
    return home


def enter(url: str, home: Path) -> str:
    """The address that opens the Hub: for a room with the secret, which is claimed if need be.

    Raises:
        ValueError: the room refuses, in its own words.
        OSError: no Hub answers, or the address cannot be kept.
    """
    found = ROOM_ADDRESS.fullmatch(url)
    if found is None:
        return url
    kept = kept_address(home, found["room"], found["name"])
    if kept and is_open(kept):
        return kept
    if found["secret"] and is_open(url):
        return keep(home, url)
    try:
        return keep(home, claim(url))
    except ValueError:
        kept = neighbors_address(home, found["room"], found["name"])
        if kept is None:
            raise
        return kept


def neighbors_address(home: Path, room: str, name: str) -> str | None:
    """The address that another kernel of this machine may have claimed a moment ago."""
    until = time.monotonic() + SECONDS_FOR_A_NEIGHBOR
    while time.monotonic() < until:
        kept = kept_address(home, room, name)
        if kept and is_open(kept):
            return kept
        time.sleep(0.1)
    return None


def kept_address(home: Path, room: str, name: str) -> str | None:
    try:
        kept = (home / ADDRESS_FILE).read_text(encoding="utf-8").strip()
    except OSError:
        return None
    found = ROOM_ADDRESS.fullmatch(kept)
    return kept if found and (found["room"], found["name"]) == (room, name) else None


def keep(home: Path, address: str) -> str:
    """Write the address, readable by its owner only."""
    new = home / f"{ADDRESS_FILE}.{secrets.token_hex(4)}"
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(address + "\n")
    new.replace(home / ADDRESS_FILE)
    return address


def path_of(text: str) -> Path:
    return Path(os.path.expandvars(text)).expanduser()
