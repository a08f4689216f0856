"""Whether a repo's files can be downloaded, why not, and what to do. Downloads nothing.

The client's errors say less than the Hub knows: one class stands for a missing repo, a private one
and a bad token, another for every state of a request at a gate. So ``model_info`` is asked what
kind of repo it is, ``auth_check`` whether it opens and, if not, ``whoami`` whose token that was.
"""

from __future__ import annotations

import os
import re
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_utils.errors import CourseError, HubTrouble
from course_utils.hub import access_steps
from course_utils.hub.client import SECONDS, api, ask, causes
from course_utils.report import Report
from course_utils.session import colab
from course_utils.session.masking import without_secret

if TYPE_CHECKING:
    from huggingface_hub import HfApi

LONGEST_WORDS = 300
TOKEN_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")  # the first that is set counts

STATUSES = {
    "open": "anybody may download it",
    "granted": "you may download it",
    "login needed": "it has a gate, and the Hub does not know who asks (401)",
    "terms not accepted": "the Hub knows you, and you have not agreed to the terms (403)",
    "pending": "you asked, and the authors have not decided yet (403)",
    "rejected": "you asked, and the authors said no (403)",
    "reset": "the authors set your request back, so you may ask again (403)",
    "token lacks gated permission": "your fine-grained token may not read gated repos (403)",
    "bad token": "your token is not valid, for this repo or any other",
    "expired token": "your token was valid once, and is no longer",
    "missing or private": "no repo of this name is shown to you",
    "disabled": "the Hub has shut it for everybody",
    "refused at the gate": "the gate lets you not in, in words that are not known here (403)",
    "refused by region": "the Hub does not give it out where you are, whoever asks",
    "refused": "the Hub refuses, for a reason of its own",
    "rate limited": "too many requests: the Hub does not answer for a while (429)",
    "hub error": "the Hub has a problem of its own",
    "no answer": "the Hub did not answer in time",
    "captive portal": "something between you and the Hub answered in its place",
    "no network": "the Hub cannot be reached",
    "offline mode": "the Hub was not asked, because offline mode is set",
}
# Problems of ``HUB_PROBLEMS`` that mean the same whoever asks.
ON_THE_WAY = {
    "rate limited": "rate limited",
    "server error": "hub error",
    "garbled": "hub error",
    "slow": "no answer",
    "page": "captive portal",
    "no network": "no network",
    "offline": "offline mode",
    "disabled": "disabled",
}
# All 403s of a gate carry the same code; only the Hub's words tell them apart.
AT_THE_GATE = {
    "authorized list": "terms not accepted",
    "ask for access": "terms not accepted",
    "awaiting a review": "pending",
    "has been rejected": "rejected",
    "has been reset": "reset",
}
SECRET_TROUBLE = {
    "denied": "there may be one in the Colab secret HF_TOKEN, which this notebook may not read",
    "timed out": "there may be one in the Colab secret HF_TOKEN; Colab did not answer in time",
    "failed": "there may be one in the Colab secret HF_TOKEN; Colab could not read it",
}
UNAVAILABLE_FOR_LEGAL_REASONS = 451
BY_REGION = re.compile(
    r"\bregions?\b|\b((in|from|for|to|within) (this|the)|your|certain|some|embargoed|sanctioned) "
    r"(country|countries|location|jurisdictions?|territor(y|ies)|area)\b"
    r"|\b(geo-?(block|restrict|fenc)|sanction|embargo|export control|not available in (the )?"
    r"(eu|uk|us|european|united|china|russia)\b)",
    re.IGNORECASE,
)
READ_BY_ALL = re.compile(r"\.|README\.md|LICEN[CS]E")  # what no gate keeps back begins so


@dataclass(frozen=True, repr=False)
class AccessReport(Report):
    """``status`` is one of ``STATUSES``, and ``next_steps`` are for exactly that one.

    ``evidence`` tells what was asked and what came back. ``wait`` is the number of seconds after
    which a rate-limited Hub answers again, where it says so.
    """

    repo_id: str
    status: str
    next_steps: tuple[str, ...]
    evidence: tuple[str, ...]
    wait: int | None = None

    @property
    def may_download(self) -> bool:
        return self.status in ("open", "granted")

    def title(self) -> str:
        return f"{self.repo_id}: {self.status}"

    def rows(self) -> Iterator[tuple[str, str]]:
        yield "meaning", STATUSES[self.status]
        for number, step in enumerate(self.next_steps):
            yield "" if number else "next", step
        for number, line in enumerate(self.evidence):
            yield "" if number else "evidence", line


def check_access(repo_id: str) -> AccessReport:
    """Whether a model's files may be downloaded with the token that the client would send.

    Takes at most about ten seconds. The token is shown nowhere, not even in part.

    Raises:
        CourseError: ``repo_id`` is no repo id, or no Hub is chosen yet.
    """
    client = api()
    return _Inquiry(client, _checked(repo_id)).report()


class _Inquiry:
    """The questions about one repo. They share one deadline."""

    def __init__(self, client: HfApi, repo_id: str) -> None:
        self.api = client
        self.repo_id = repo_id
        self.deadline = time.monotonic() + SECONDS
        self.token = _Token(None, "none was found")
        self.account: _Account | None = None
        self.secret_trouble = ""
        self.gate: str | bool | None = None
        self.wait: int | None = None
        self.evidence: list[str] = []

    @property
    def seconds_left(self) -> float:
        return max(0.1, self.deadline - time.monotonic())

    def report(self) -> AccessReport:
        try:
            status = self.bad_token_here() or self.ask_the_hub()
        except HubTrouble as trouble:
            status = self.status_of(_Refusal.of(trouble))
        at = access_steps.Situation(
            repo_id=self.repo_id,
            endpoint=without_secret(self.api.endpoint),
            in_a_room=without_secret(self.api.endpoint) != self.api.endpoint,
            token_place=self.token.place if self.token.value else None,
            account=self.account.name if self.account else None,
            gate=self.gate,
            wait=self.wait,
            secret_trouble=self.secret_trouble,
        )
        steps = tuple(access_steps.next_steps(status, at))
        return AccessReport(self.repo_id, status, steps, tuple(self.evidence), self.wait)

    def bad_token_here(self) -> str | None:
        """Find the token; "bad token" if it need not be sent to know."""
        try:
            self.token = self.find_token()
        except HubTrouble:
            raise
        except Exception as error:  # a token file that cannot be read, an OIDC login that failed
            self.note("token", f"it cannot be read: {_error_words(error)}")
            return "bad token"
        self.note("token", self.token.place)
        if self.token.can_be_sent:
            return None
        self.note("token", "not sent, because no token holds a space or a letter like that one")
        return "bad token"

    def ask_the_hub(self) -> str:
        info = self.ask_about_repo(self.api.model_info, expand=["gated", "private", "siblings"])
        self.gate = info.gated
        kind = f"gated ({info.gated})" if info.gated else "private" if info.private else "not gated"
        self.note("model_info", kind)
        self.repo_id = info.id  # the Hub sends on who uses an old name
        self.ask_about_repo(self.api.auth_check)
        self.note("auth_check", "OK")
        self.ask_for_a_file([one.rfilename for one in info.siblings or ()])
        return "granted" if info.gated or info.private else "open"

    def ask_for_a_file(self, names: list[str]) -> None:
        """Ask for the headers of one file: some Hubs open the repo and refuse its files."""
        from huggingface_hub import get_hf_file_metadata, hf_hub_url

        names = [name for name in names if not READ_BY_ALL.match(name)]
        if not names:
            return
        name = "config.json" if "config.json" in names else names[0]
        url = hf_hub_url(self.repo_id, name, endpoint=self.api.endpoint)
        token = self.token.value or False
        try:
            self.within_time(get_hf_file_metadata, url, token=token, timeout=self.seconds_left)
        except HubTrouble as trouble:
            refusal = _Refusal.of(trouble)
            if refusal.code is not None and refusal.code in (401, 403, 451):
                self.note(name, refusal.told)
                raise

    def status_of(self, refusal: _Refusal) -> str:
        self.wait = refusal.wait
        if refusal.problem in ON_THE_WAY:
            return ON_THE_WAY[refusal.problem]
        if refusal.is_by_region:
            return "refused by region"
        if self.token.value is None:
            # To a stranger a private repo is missing, with the 401 of somebody unknown.
            unknown = {"gated": "login needed", "missing": "missing or private"}
            unknown["bad token"] = "missing or private"
            return unknown.get(refusal.problem, "refused")
        return self.problem_of_token() or self.status_of_account(refusal)

    def problem_of_token(self) -> str | None:
        """What is wrong with the token itself. Of all routes only ``whoami`` says it."""
        try:
            self.account = self.within_time(self.whose_token)
        except HubTrouble as trouble:
            refusal = _Refusal.of(trouble)
            self.note("whoami", refusal.told)
            if refusal.problem == "bad token":
                return "expired token" if "expired" in refusal.words else "bad token"
            self.wait = refusal.wait
            return ON_THE_WAY.get(refusal.problem)
        self.note("whoami", self.account.words())
        return None

    def whose_token(self) -> _Account:
        return _Account.of(self.api.whoami(token=self.token.value))

    def status_of_account(self, refusal: _Refusal) -> str:
        if refusal.problem == "missing":
            return "missing or private"
        if refusal.problem == "gated" and refusal.code == 403:
            states = (AT_THE_GATE[words] for words in AT_THE_GATE if words in refusal.words)
            return next(states, "refused at the gate" if refusal.words else "terms not accepted")
        may_not = self.gate and self.account is not None and not self.account.reads_gated
        if refusal.problem == "forbidden" and (may_not or "fine-grained token" in refusal.words):
            return "token lacks gated permission"
        return "refused"

    def find_token(self) -> _Token:
        from huggingface_hub import constants, get_token

        if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN:
            return _Token(None, "none is sent, because HF_HUB_DISABLE_IMPLICIT_TOKEN is set")
        # On Colab a person may first have to let the notebook read its secret: no time limit there.
        colab.watch_token_secret()
        value = get_token() if colab.on_colab() else ask(get_token, seconds=self.seconds_left)
        if value:
            return _Token(value, _place_of_token())
        self.secret_trouble = colab.secret_trouble()
        return _Token(None, _why_no_token(self.secret_trouble))

    def ask_about_repo(self, question: Callable[..., Any], **options: Any) -> Any:
        token = self.token.value or False
        try:
            return self.within_time(question, self.repo_id, token=token, **options)
        except HubTrouble as trouble:
            self.note(question.__name__, _Refusal.of(trouble).told)
            raise

    def within_time(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        try:
            return ask(function, *arguments, seconds=self.seconds_left, **options)
        except HubTrouble:
            raise
        except Exception as error:  # JSON came, but not what a Hub sends
            raise HubTrouble("garbled") from error

    def note(self, asked: str, came_back: str) -> None:
        hidden = self.token.value
        words = came_back.replace(hidden, "…") if hidden else came_back
        self.evidence.append(f"{asked}: {without_secret(words)}")


@dataclass(frozen=True)
class _Token:
    """``value`` is None where none is sent; ``place`` says where it lies, or why there is none."""

    value: str | None = field(repr=False)
    place: str

    @property
    def can_be_sent(self) -> bool:
        value = self.value or ""
        return value.isascii() and value.isprintable() and " " not in value


@dataclass(frozen=True)
class _Account:
    """Whose token it is, in whoami's words."""

    name: str
    token_name: str
    role: str
    reads_gated: bool

    @classmethod
    def of(cls, answer: dict[str, Any]) -> _Account:
        token = (answer.get("auth") or {}).get("accessToken") or {}
        permissions = token.get("fineGrained") or {}
        return cls(
            name=str(answer.get("name")),
            token_name=str(token.get("displayName", "")),
            role=str(token.get("role", "")),
            reads_gated=token.get("role") != "fineGrained"
            or bool(permissions.get("canReadGatedRepos")),
        )

    def words(self) -> str:
        return f'{self.name}, with the token "{self.token_name}" ({self.role})'


@dataclass(frozen=True)
class _Refusal:
    """What came instead of an answer. ``problem`` is one of ``HUB_PROBLEMS``.

    ``code`` is the HTTP status and ``words`` are the Hub's, if it was the Hub that answered.
    """

    problem: str
    told: str
    code: int | None = None
    words: str = ""
    wait: int | None = None

    @property
    def is_by_region(self) -> bool:
        return self.code == UNAVAILABLE_FOR_LEGAL_REASONS or (
            self.code in (401, 403) and bool(BY_REGION.search(self.words))
        )

    @classmethod
    def of(cls, trouble: HubTrouble) -> _Refusal:
        from huggingface_hub.errors import HfHubHTTPError

        answers = [error for error in causes(trouble) if isinstance(error, HfHubHTTPError)]
        if not answers:
            intercepted = any(isinstance(error, ssl.SSLError) for error in causes(trouble))
            told = _error_words(trouble.__cause__) if trouble.__cause__ else str(trouble)
            return cls("page" if intercepted else trouble.problem, told)
        code = answers[0].response.status_code
        words = next((error.server_message for error in answers if error.server_message), "")
        words = " ".join(words.split())[:LONGEST_WORDS]
        said = f'. The Hub says: "{words}"' if words else ""
        told = f"{code} {type(answers[0]).__name__}{said}"
        wait = _seconds_to_wait(answers[0].response.headers) if code == 429 else None
        return cls(trouble.problem, told, code, words, wait)


def _error_words(error: BaseException) -> str:
    """Class and, of the innermost error of the system, its reason: no text that holds a token."""
    reasons = [one.strerror for one in causes(error) if isinstance(one, OSError) and one.strerror]
    return ": ".join([type(error).__name__, *reasons[-1:]])


def _seconds_to_wait(headers: Any) -> int | None:
    from huggingface_hub.utils import parse_ratelimit_headers

    limit = parse_ratelimit_headers(headers)
    if limit is not None and limit.remaining == 0:
        return limit.reset_in_seconds
    after = headers.get("retry-after", "")
    return int(after) if after.isdecimal() else None


def _place_of_token() -> str:
    """Where the client found its token. Its order: OIDC, variables, file, Colab's secret."""
    from huggingface_hub import constants

    if os.environ.get("HF_OIDC_RESOURCE"):
        return "an OIDC login, asked for by the variable HF_OIDC_RESOURCE"
    named = next((name for name in TOKEN_VARIABLES if os.environ.get(name)), None)
    if named and os.environ[named].strip():
        return f"the variable {named}"
    path = Path(constants.HF_TOKEN_PATH)
    if path.is_file() and path.read_text(errors="replace").strip():
        return f"the file {path}"
    return "the Colab secret HF_TOKEN"


def _why_no_token(secret_trouble: str) -> str:
    if secret_trouble:
        return SECRET_TROUBLE[secret_trouble]
    empty = [name for name in TOKEN_VARIABLES if name in os.environ]
    return f"none was found; {empty[0]} is set and empty" if empty else "none was found"


def _checked(repo_id: str) -> str:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    if not isinstance(repo_id, str):
        raise CourseError(f'A repo id is text, "owner/name"; this is a {type(repo_id).__name__}.')
    wanted = repo_id.strip()
    if "://" in wanted:
        named = "/".join(wanted.split("://")[1].split("/")[1:3])
        raise CourseError(f'That is an address. Its repo id: "{named[:LONGEST_WORDS]}"')
    try:
        validate_repo_id(wanted)
    except HFValidationError:
        shown = f"{wanted[:60]!r}" if wanted else "Empty text"
        raise CourseError(
            f'{shown} is no repo id. One looks like "owner/name": letters, digits, hyphens, '
            "underscores and stops."
        ) from None
    return wanted
