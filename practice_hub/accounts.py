"""Who may do what: people, their tokens, their requests at gates, their logins under way.

All of it lives in memory and ends with the Hub. A token's value is shown once, when it is made; the
Hub keeps only its hash.
"""

from __future__ import annotations

import datetime
import hashlib
import secrets
import threading
import time
import uuid
from dataclasses import dataclass, field, replace

TOKEN_PREFIX = "hf_practice_"
OAUTH_PREFIX = f"{TOKEN_PREFIX}oauth_"  # of what a device login hands out
ROLES = ("read", "write", "fineGrained")
STATUSES = ("pending", "accepted", "rejected", "reset")
OWNER = "practice"  # the account that the held repos belong to
LEARNER = "learner"  # who a visitor of the pages is
DEVICE_CODE_SECONDS = 300
LOGIN_SECONDS = 30 * 24 * 3600
MOST_TOKENS = 100
MOST_LOGINS = 20
REVOKED_KEPT = 20
MOST_WAITING = 20  # device logins of one person that wait at once
MOST_WAITING_IN_ALL = 2_000
LONGEST_LIFE = 10 * 365 * 24 * 3600  # of a token, in seconds
MOST_FIELDS = 40
LONGEST_FIELDS = 10_000  # characters of a gate's form, questions and answers together
LOGIN = "login "


def now_text(seconds: float | None = None) -> str:
    """A time as the Hub writes it: 2026-10-06T13:49:34.895Z."""
    moment = datetime.datetime.fromtimestamp(seconds or time.time(), datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Token:
    """What the Hub remembers of a token. ``digest`` is the SHA-256 of its value."""

    digest: str
    user: str
    name: str
    role: str
    reads_gated: bool
    created_at: str
    masked: str
    expires: float | None = None
    revoked: bool = False
    by_login: bool = False

    def is_valid(self) -> bool:
        return not self.revoked and (self.expires is None or time.time() < self.expires)


@dataclass(frozen=True)
class Caller:
    """Who is asking. ``token`` is None for an anonymous caller and for a bad token.

    ``expired`` is the name of a token whose time is over, a bad one like any other.
    """

    token: Token | None = None
    bad_token: bool = False
    expired: str | None = None

    @property
    def user(self) -> str | None:
        return self.token.user if self.token else None


ANONYMOUS = Caller()


@dataclass(frozen=True)
class GateRequest:
    """One person's request at one gate."""

    user: str
    repo_id: str
    status: str
    asked_at: str
    fields: dict[str, str] = field(default_factory=dict)
    reviewed_at: str | None = None
    reviewer: str | None = None


@dataclass(frozen=True)
class DeviceLogin:
    """A ``login()`` that waits for its code to be typed on the device page."""

    device_code: str
    user_code: str
    begun_by: str
    expires: float
    approved_by: str | None = None
    denied: bool = False


class AccountError(ValueError):
    """A request about accounts that makes no sense; the message says why."""


class Accounts:
    """The Hub's memory of people. Safe to use from several threads.

    Args:
        auto_approve: device logins and manual gates need no person to say yes.
    """

    def __init__(self, auto_approve: bool = False) -> None:
        self.auto_approve = auto_approve
        self._lock = threading.RLock()
        self._tokens: dict[str, Token] = {}
        self._requests: dict[tuple[str, str], GateRequest] = {}
        self._logins: dict[str, DeviceLogin] = {}
        self._refresh: dict[str, str] = {}

    # Tokens

    def create_token(
        self,
        user: str,
        name: str,
        role: str = "read",
        reads_gated: bool = True,
        seconds: float | None = None,
    ) -> str:
        """Make a token and return its value, which cannot be had again.

        ``reads_gated`` matters for fine-grained tokens only: the others always may.
        """
        name = " ".join(name.split())
        if not name or len(name) > 100:
            raise AccountError("A token needs a name of 1 to 100 characters.")
        if role not in ROLES:
            raise AccountError(f"A token's role is one of {', '.join(ROLES)}.")
        if not isinstance(reads_gated, bool):
            raise AccountError("reads_gated is True or False.")
        check_seconds(seconds)
        return self._create_token(user, name, role, reads_gated, seconds, by_login=False)

    def _create_token(
        self,
        user: str,
        name: str,
        role: str,
        reads_gated: bool,
        seconds: float | None,
        by_login: bool,
    ) -> str:
        value = (OAUTH_PREFIX if by_login else TOKEN_PREFIX) + secrets.token_hex(12)
        token = Token(
            digest=digest(value),
            user=user,
            name=name,
            role=role,
            reads_gated=reads_gated or role != "fineGrained",
            created_at=now_text(),
            masked=f"{TOKEN_PREFIX}…{value[-4:]}",
            expires=None if seconds is None else time.time() + seconds,
            by_login=by_login,
        )
        with self._lock:
            if by_login:
                self._tokens[token.digest] = token
                return value
            held_ones = [held for held in self.tokens_of(user) if not held.by_login]
            valid = [held for held in held_ones if held.is_valid()]
            self._drop([held for held in held_ones if not held.is_valid()][:-REVOKED_KEPT])
            if any(held.name == name for held in self.tokens_of(user) if held.is_valid()):
                raise AccountError(f"You have a token named {name!r} already. Revoke it first.")
            if len(valid) >= MOST_TOKENS:
                raise AccountError(f"{MOST_TOKENS} tokens are enough. Revoke one first.")
            self._tokens[token.digest] = token
        return value

    def tokens_of(self, user: str) -> list[Token]:
        with self._lock:
            return [token for token in self._tokens.values() if token.user == user]

    def revoke_token(self, user: str, name: str) -> None:
        with self._lock:
            for token in self.tokens_of(user):
                if token.name == name and token.is_valid():
                    self._tokens[token.digest] = replace(token, revoked=True)
                    return
        raise AccountError(f"You have no token named {name!r}.")

    def identify(self, authorization: str | None) -> Caller:
        """Read an ``Authorization: Bearer …`` header."""
        if authorization is None:
            return ANONYMOUS
        scheme, _, value = authorization.partition(" ")
        with self._lock:
            token = self._tokens.get(digest(value.strip()))
        if scheme.lower() != "bearer" or token is None or not token.is_valid():
            return Caller(bad_token=True, expired=name_of_expired(token))
        return Caller(token)

    # Gates

    def request_of(self, user: str, repo_id: str) -> GateRequest | None:
        with self._lock:
            return self._requests.get((user, repo_id))

    def requests_at(self, repo_id: str, status: str) -> list[GateRequest]:
        with self._lock:
            found = list(self._requests.values())
        return [
            request for request in found if (request.repo_id, request.status) == (repo_id, status)
        ]

    def ask(self, user: str, repo_id: str, gate: str, fields: dict[str, str]) -> GateRequest:
        """Agree to the terms. An automatic gate opens at once, a manual one waits for its owner.

        Raises:
            AccountError: the form is longer than any that a gate here asks for.
        """
        length = sum(len(label) + len(answer) for label, answer in fields.items())
        if len(fields) > MOST_FIELDS or length > LONGEST_FIELDS:
            raise AccountError(
                f"A form here has at most {MOST_FIELDS} answers, {LONGEST_FIELDS:,} characters "
                "with their questions."
            )
        with self._lock:
            earlier = self.request_of(user, repo_id)
            if earlier is not None and earlier.status in ("pending", "accepted", "rejected"):
                return earlier
            at_once = gate == "auto" or self.auto_approve
            status = "accepted" if at_once else "pending"
            request = GateRequest(user, repo_id, status, now_text(), fields)
            self._requests[user, repo_id] = request
            return request

    def cancel(self, user: str, repo_id: str) -> None:
        with self._lock:
            request = self.request_of(user, repo_id)
            if request is None or request.status != "pending":
                raise AccountError("No pending access request found for this repo and this user")
            del self._requests[user, repo_id]

    def review(self, user: str, repo_id: str, status: str) -> GateRequest:
        """The owner's decision about one person's request."""
        if status not in STATUSES:
            raise AccountError(f"A request is one of {', '.join(STATUSES)}, not {status!r}.")
        with self._lock:
            request = self.request_of(user, repo_id)
            if request is None or request.status == status:
                raise AccountError("No access request found matching your criteria")
            reviewed = None if status == "pending" else now_text()
            reviewer = OWNER if status in ("accepted", "rejected") else None
            request = replace(request, status=status, reviewed_at=reviewed, reviewer=reviewer)
            self._requests[user, repo_id] = request
            return request

    def forget(self, user: str) -> None:
        """As if this person had never been here."""
        with self._lock:
            gone = {token.digest for token in self.tokens_of(user)}
            self._refresh = {r: access for r, access in self._refresh.items() if access not in gone}
            waiting = [
                login
                for login in self._logins.values()
                if user not in (login.begun_by, login.approved_by)
            ]
            self._logins = {login.device_code: login for login in waiting}
            self._tokens = {d: token for d, token in self._tokens.items() if token.user != user}
            self._requests = {k: made for k, made in self._requests.items() if made.user != user}

    # Device login

    def begin_login(self, user: str) -> DeviceLogin:
        letters = "BCDFGHJKLMNPQRSTVWXZ"
        spell = "".join(secrets.choice(letters) for _ in range(4))
        login = DeviceLogin(
            device_code=str(uuid.uuid4()),
            user_code=f"{spell}-{secrets.randbelow(10_000):04d}",
            begun_by=user,
            expires=time.time() + DEVICE_CODE_SECONDS,
            approved_by=user if self.auto_approve else None,
        )
        with self._lock:
            self._drop_old_logins()
            own = [made for made in self._logins.values() if made.begun_by == user]
            too_many = own[: 1 - MOST_WAITING]  # the oldest make room
            if len(self._logins) - len(too_many) >= MOST_WAITING_IN_ALL:
                raise AccountError("Too many logins wait. Try again in five minutes.")
            for made in too_many:
                del self._logins[made.device_code]
            self._logins[login.device_code] = login
        return login

    def waiting_code(self, user: str) -> str:
        """The code of the login that this user's kernel began last, if it still waits."""
        with self._lock:
            self._drop_old_logins()
            for login in reversed(self._logins.values()):
                if login.begun_by == user and login.approved_by is None and not login.denied:
                    return login.user_code
        raise AccountError("No login of yours waits.")

    def approve_login(self, user: str, user_code: str, yes: bool = True) -> None:
        wanted = user_code.strip().upper()
        with self._lock:
            self._drop_old_logins()
            for login in self._logins.values():
                if login.user_code == wanted and login.approved_by is None and not login.denied:
                    approved_by = user if yes else None
                    self._logins[login.device_code] = replace(
                        login, approved_by=approved_by, denied=not yes
                    )
                    return
        shown = repr(wanted) if len(wanted) < 20 else "that you typed"
        raise AccountError(
            f"No login waits for the code {shown}. Codes live five minutes and work once."
        )

    def poll_login(self, device_code: str) -> tuple[str, str] | str:
        """(access token, refresh token) once approved, otherwise the name of the OAuth error."""
        with self._lock:
            login = self._logins.get(device_code)
            if login is None or login.expires < time.time():
                return "expired_token"
            if login.denied:
                del self._logins[device_code]
                return "access_denied"
            if login.approved_by is None:
                return "authorization_pending"
            del self._logins[device_code]
            return self._grant(login.approved_by)

    def refresh_login(self, refresh_token: str) -> tuple[str, str] | str:
        with self._lock:
            access = self._tokens.get(self._refresh.pop(digest(refresh_token), ""))
            if access is None or access.revoked:
                return "invalid_grant"
            return self._grant(access.user)

    def _drop(self, tokens: list[Token]) -> None:
        for token in tokens:
            del self._tokens[token.digest]
        self._refresh = {r: made for r, made in self._refresh.items() if made in self._tokens}

    def _grant(self, user: str) -> tuple[str, str]:
        logins = [token for token in self.tokens_of(user) if token.by_login]
        self._drop(logins[: 1 - MOST_LOGINS])  # the oldest make room
        name = LOGIN + secrets.token_hex(6)
        access = self._create_token(user, name, "write", True, LOGIN_SECONDS, by_login=True)
        refresh = secrets.token_urlsafe(24)
        self._refresh[digest(refresh)] = digest(access)
        return access, refresh

    def _drop_old_logins(self) -> None:
        alive = [login for login in self._logins.values() if login.expires >= time.time()]
        self._logins = {login.device_code: login for login in alive}


def check_seconds(seconds: float | None) -> None:
    """A token lives for a number of seconds, or (None) as long as the Hub."""
    if seconds is None:
        return
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not is_number or not -LONGEST_LIFE <= seconds <= LONGEST_LIFE:
        raise AccountError("A token lives for a number of seconds, at most ten years.")


def name_of_expired(token: Token | None) -> str | None:
    return token.name if token and not token.revoked and not token.is_valid() else None


def digest(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()
