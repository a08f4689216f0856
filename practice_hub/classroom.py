"""A Hub for a room of learners: a key at the door, and a name with a secret for each of them.

Key, name and secret stand in the address, ``http://host:port/KEY/anna~SECRET``, so the libraries
need no change: ``HF_ENDPOINT`` is that address. Where the Hub names an address in words it leaves
the secret out; a browser that was let in finds its way from there by a cookie.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import socket
import threading
import time
from functools import cache

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from practice_hub.accounts import AccountError, digest
from practice_hub.foreign_tokens import foreign_token_sent, refuse_foreign_token
from practice_hub.limits import NAME as SERVER
from practice_hub.names import INSTRUCTOR, NAME, Names
from practice_hub.rendering import render
from practice_hub.responses import HubError, json_answer
from practice_hub.state import address_of_client, form_of, refuse_cross_site, wants_page

KEY = re.compile(r"[A-Za-z0-9_-]{8,100}")
DOOR = re.compile(
    r"/(?P<key>[^/]+)(?:/(?P<name>[^/~]*)(?:~(?P<secret>[^/]*))?(?P<rest>/.*)?)?", re.DOTALL
)
HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?")
SECONDS = 60
MOST_WRONG = 60  # wrong keys and secrets from one address in that time
MOST_ADDRESSES = 10_000
CLOSED = (
    "This practice Hub belongs to a room. Its address goes on with the room's key and your name "
    "(small letters, digits, hyphens): http://host:port/KEY/your-name"
)
NO_SECRET = (
    "A name alone opens nothing here: the address needs the secret that was given to whoever "
    "claimed the name. Run cu.start() or open this address in a browser to claim it."
)
WAIT = f"Too many wrong addresses were tried from here. Wait {SECONDS} seconds."


class Classroom:
    """Lets in who knows the key and a name's secret, and tells the Hub which learner it is.

    Args:
        desk_key: the secret of the name ``instructor``.
    """

    def __init__(self, app: ASGIApp, key: str, names: Names, desk_key: str) -> None:
        if not KEY.fullmatch(key):
            raise ValueError("A room's key has 8 to 100 letters, digits, hyphens or underscores.")
        self.app = app
        self.key = key
        self.names = names
        self.desk_key = desk_key
        self.brake = Brake()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        found = DOOR.fullmatch(scope["path"])
        door = found.groupdict(default="") if found else dict.fromkeys(DOOR.groupindex, "")
        key, name, secret = door["key"], door["name"], door["secret"]
        scope = {**scope, "own_host": own_host(scope), "in_room": True}
        has_key = same(key, self.key)
        if has_key and name == "static" and scope["method"] in ("GET", "HEAD"):
            return await self.app({**scope, "root_path": f"/{key}"}, receive, send)
        if has_key and self.opens(name, secret):
            inside = {
                **scope,
                "root_path": f"/{key}/{name}~{secret}",
                "shown_root": f"/{key}/{name}",
                "visitor": name,
            }
            return await self.app(inside, receive, send)
        request = Request({**scope, "root_path": f"/{key}" if has_key else ""}, receive)
        try:
            answer = await self.at_the_door(request, has_key, name, secret, door["rest"])
        except HubError as error:
            answer = error.answer(request)
        answer.headers["X-Powered-By"] = SERVER
        return await answer(scope, receive, send)

    def opens(self, name: str, secret: str) -> bool:
        if name == INSTRUCTOR:
            return same(secret, self.desk_key)
        return bool(secret) and self.names.knows(name, secret)

    async def at_the_door(
        self, request: Request, has_key: bool, name: str, secret: str, rest: str
    ) -> Response:
        """Answer whoever has no valid secret: with a way to get one, or with 403 in words."""
        is_code = has_key and bool(secret) and self.names.is_code(name, secret)
        is_wrong = not has_key or (bool(secret) and not is_code)
        if self.brake.holds(address_of_client(request.scope), is_wrong):
            raise HubError(429, WAIT, None, {"Retry-After": str(SECONDS)})
        if foreign_token_sent(request.scope):
            raise refuse_foreign_token()
        if not has_key:
            raise HubError(403, CLOSED)
        if request.method == "POST" and (name, rest) == ("claim", ""):
            refuse_cross_site(request)
            return self.claim(request, (await form_of(request)).get("name", "").strip(), "")
        if request.method == "POST" and rest == "/claim":
            refuse_cross_site(request)
            return self.claim(request, name, secret)
        if rest == "/api/practice-hub":  # for a kernel: which Hub this is, and that it has a door
            told = {"hub": SERVER, "instance": self.app_instance(), "error": NO_SECRET}
            valid = NAME.fullmatch(name) and name not in self.names.reserved and not secret
            return json_answer(told if valid or is_code else {"error": CLOSED}, 403)
        if not wants_page(request):
            raise HubError(403, NO_SECRET if name else CLOSED)
        known = request.cookies.get(cookie_name(name), "") if NAME.fullmatch(name) else ""
        if known and not secret and request.method == "GET" and self.opens(name, known):
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(f"/{self.key}/{name}~{known}{rest}{query}", 303)
        return self.page(request, name, secret if is_code else "")

    def claim(self, request: Request, name: str, code: str) -> Response:
        """Give a secret for this name: to the first who asks, or for a one-time code."""
        try:
            secret = (
                self.names.spend(name, code)
                if code
                else self.names.claim(name, address_of_client(request.scope))
            )
        except AccountError as error:
            if wants_page(request):
                return self.page(request, name, "", str(error))
            raise HubError(409, str(error)) from None
        if secret is None:
            raise HubError(403, "This link was used before, or it is too old. Make a new one.")
        path = f"/{self.key}/{name}~{secret}"
        if not wants_page(request):
            return json_answer(
                {"address": f"{request.url.scheme}://{request.scope['own_host']}{path}"}
            )
        answer = RedirectResponse(f"{path}/settings/connect", 303)
        answer.set_cookie(
            cookie_name(name), secret, path=f"/{self.key}", httponly=True, samesite="lax"
        )
        return answer

    def page(self, request: Request, name: str, code: str, problem: str | None = None) -> Response:
        valid = bool(NAME.fullmatch(name)) and name not in self.names.reserved
        return render(
            request,
            "door.html",
            400 if problem else 403,
            {"X-Error-Message": NO_SECRET if name else CLOSED},
            key=self.key,
            name=name if valid else "",
            code=code,
            is_taken=valid and self.names.is_taken(name),
            problem=problem,
        )

    def app_instance(self) -> str:
        hub = getattr(getattr(self.app, "state", None), "hub", None)
        return str(getattr(hub, "instance", ""))


class Brake:
    """Counts wrong keys and secrets by address, so that guessing takes too long."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._window = 0
        self._wrong: dict[str, int] = {}

    def holds(self, address: str, is_wrong: bool) -> bool:
        """Whether this address has to wait. A wrong attempt counts."""
        with self._lock:
            window = int(time.monotonic() // SECONDS)
            if window != self._window or len(self._wrong) > MOST_ADDRESSES:
                self._window, self._wrong = window, {}
            tried = self._wrong[address] = self._wrong.get(address, 0) + is_wrong
            return tried > MOST_WRONG


def cookie_name(name: str) -> str:
    return f"practice-hub-{name}"


def same(given: str, right: str) -> bool:
    return hmac.compare_digest(digest(given), digest(right))


def own_host(scope: Scope) -> str:
    """The host that was asked for, if it can be this machine; else the address that was reached.

    What a client claims as Host is repeated in redirects, so a stranger's name is not.
    """
    asked = str(dict(scope["headers"]).get(b"host", b"").decode("latin-1"))
    found = HOST.fullmatch(asked)
    if found and (is_address(found["name"]) or found["name"].lower() in own_names()):
        return asked
    host, port = scope.get("server") or ("127.0.0.1", None)
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{port}" if port else str(host)


def is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


@cache
def own_names() -> frozenset[str]:
    name = socket.gethostname().lower()
    short = name.split(".")[0]
    return frozenset({"localhost", name, short, f"{short}.local", f"{short}.lan"})
