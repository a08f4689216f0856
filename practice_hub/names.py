"""The names of a room's learners, and the secrets that prove them.

Whoever claims a name first is given a secret for it. Each client of that learner (a browser, a
kernel) has a secret of its own, handed out by a one-time code. Only their hashes are kept, in
memory; they end with the Hub.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Iterable

from practice_hub.accounts import AccountError, digest

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,29}")
INSTRUCTOR = "instructor"
NOT_LEARNERS = frozenset({"practice", "learner", "static", "claim", INSTRUCTOR})
SECONDS_FOR_A_CODE = 600
MOST_NAMES = 500
MOST_NAMES_OF_ONE_ADDRESS = 100  # a class may share one; nobody alone takes all names
MOST_CLIENTS = 20


class Names:
    """Who has claimed which name. Safe to use from several threads.

    Args:
        reserved: names that nobody may take; owners of repos pass their own gates.
    """

    def __init__(self, reserved: Iterable[str] = (), most: int = MOST_NAMES) -> None:
        self.reserved = NOT_LEARNERS | {name.lower() for name in reserved}
        self.most = most
        self.most_clients = MOST_CLIENTS
        self._lock = threading.Lock()
        self._clients: dict[str, list[str]] = {}
        self._claimed_from: dict[str, str] = {}
        self._codes: dict[str, tuple[str, float]] = {}

    def claim(self, name: str, address: str = "") -> str:
        """Take a free name and return its first secret. ``address`` is where the claim came from.

        Raises:
            AccountError: the name is taken, reserved, or none at all; or there are too many.
        """
        if not NAME.fullmatch(name):
            raise AccountError(
                "A name here has 1 to 30 small letters, digits and hyphens, and begins with a "
                "letter or digit."
            )
        if name in self.reserved:
            raise AccountError(f"The name {name} may not be taken. Choose another.")
        with self._lock:
            if name in self._clients:
                raise AccountError(
                    f"The name {name} is taken. If it is yours, make a one-time link where you are "
                    "in already (the page Connect, or visitor.one_time_link()). If you lost your "
                    "address, the instructor can free the name."
                )
            if len(self._clients) >= self.most:
                raise AccountError(f"{self.most} names are enough for a room.")
            of_address = sum(one == address for one in self._claimed_from.values())
            if address and of_address >= MOST_NAMES_OF_ONE_ADDRESS:
                raise AccountError(
                    f"{MOST_NAMES_OF_ONE_ADDRESS} names were taken from this address. The "
                    "instructor can free some."
                )
            self._clients[name] = []
            self._claimed_from[name] = address
            return self._new_client(name)

    def knows(self, name: str, secret: str) -> bool:
        with self._lock:
            return digest(secret) in self._clients.get(name, ())

    def is_taken(self, name: str) -> bool:
        with self._lock:
            return name in self._clients

    def taken(self) -> list[str]:
        with self._lock:
            return sorted(self._clients)

    def clients_of(self, name: str) -> tuple[str, ...]:
        """The hashes of this name's secrets."""
        with self._lock:
            return tuple(self._clients.get(name, ()))

    def one_time_code(self, name: str, seconds: float = SECONDS_FOR_A_CODE) -> str:
        """A code that lets one more client in, once. An earlier one is void."""
        code = secrets.token_hex(16)
        with self._lock:
            self._codes[name] = digest(code), time.time() + seconds
        return code

    def is_code(self, name: str, code: str) -> bool:
        with self._lock:
            return self._is_code(name, code)

    def spend(self, name: str, code: str) -> str | None:
        """A new secret for this code; None if the code was spent, is too old, or never was one."""
        with self._lock:
            if name not in self._clients or not self._is_code(name, code):
                return None
            del self._codes[name]
            return self._new_client(name)

    def free(self, name: str) -> None:
        """As if nobody had ever claimed it."""
        with self._lock:
            if self._clients.pop(name, None) is None:
                raise AccountError(f"Nobody has taken the name {name!r}.")
            self._codes.pop(name, None)
            self._claimed_from.pop(name, None)

    def _is_code(self, name: str, code: str) -> bool:
        kept, until = self._codes.get(name, ("", 0.0))
        return digest(code) == kept and time.time() < until

    def _new_client(self, name: str) -> str:
        secret = secrets.token_hex(16)
        clients = self._clients[name]
        clients.append(digest(secret))
        del clients[: -self.most_clients]  # the oldest makes room
        return secret
