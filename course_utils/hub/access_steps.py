"""What to do about each answer of ``check_access``: one step or a few, for exactly that one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from course_utils.errors import CourseError
from course_utils.session import current_session
from course_utils.session.place import restart_words

STATUS_PAGE = "https://status.huggingface.co"
GIVES_AWAY = "which gives its authors your user name and e-mail address"
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Situation:
    """Who asked for what, and where.

    ``token_place`` is None where no token is sent; ``account`` is whose it is, where that is known.
    ``gate`` is "auto", "manual", or False or None; ``wait`` is in seconds; ``secret_trouble`` is
    what ``colab.secret_trouble`` says. ``endpoint`` is the Hub's address as it may be shown;
    ``in_a_room`` says that it lacks the secret of your name.
    """

    repo_id: str
    endpoint: str
    token_place: str | None
    account: str | None
    gate: str | bool | None
    wait: int | None
    secret_trouble: str = ""
    in_a_room: bool = False

    @property
    def page(self) -> str:
        return f"{self.endpoint}/{self.repo_id}"

    @property
    def tokens_page(self) -> str:
        return f"{self.endpoint}/settings/tokens"

    @property
    def who(self) -> str:
        return self.account or "the account that your token belongs to"


def next_steps(status: str, at: Situation) -> Iterator[str]:
    """What to do now, one step after the other."""
    steps = list(_steps(status, at))
    yield from steps
    if at.in_a_room and any(f"{at.endpoint}/" in step for step in steps):
        yield (
            "Where a browser does not know you yet, open this there first, once: "
            'cu.start("practice").visitor.one_time_link()'
        )


def _steps(status: str, at: Situation) -> Iterator[str]:
    match status:
        case "open" | "granted":
            yield f'Load it: from_pretrained("{at.repo_id}") will be let in.'
        case "login needed" if at.secret_trouble:
            yield "Let this notebook read HF_TOKEN: the key on the left, switch Notebook access on."
            yield f"Colab asks once in a session. {restart_words()}"
            yield _agree_with_same_account(at)
        case "login needed":
            yield f"Make a token that may read: {at.tokens_page}" + _call('create_token("NAME")')
            yield "Give it to the client: login(), or the variable HF_TOKEN."
            yield _agree_with_same_account(at)
        case "terms not accepted":
            yield f"Read the terms and agree, as {at.who}, {GIVES_AWAY}: {at.page}" + _agree(at)
            if at.gate == "manual":
                yield "Then wait: here the authors decide about each request by hand."
        case "pending":
            yield f"Wait for the authors. Your requests: {at.endpoint}/settings/gated-repos"
            yield from _play_the_owner(at, "accepted")
        case "rejected":
            yield "Take another model, or write to the authors: asking again changes nothing."
            yield from _play_the_owner(at, "reset")
        case "reset":
            yield f"Ask again, as {at.who}, {GIVES_AWAY}: {at.page}" + _agree(at)
        case "token lacks gated permission":
            yield f"Give this token read access to public gated repos: {at.tokens_page}"
            yield "Or make one with the scope Read, which has it."
        case "bad token" | "expired token":
            yield f"Make a new token: {at.tokens_page}" + _call('create_token("NAME")')
            yield f"Put it where the old one is: {at.token_place or 'the token file'}."
        case "missing or private":
            yield f"Compare the spelling with the Hub's own list: {at.endpoint}/models"
            if at.token_place:
                yield f"If it is private: ask its owner to let {at.who} in."
            else:
                yield "If it is private: log in first, with login() or the variable HF_TOKEN."
        case "disabled":
            yield f"Take another model. The page may tell why: {at.page}"
        case "refused at the gate":
            yield "Read what the Hub says, below: only its words tell what is missing."
            yield f"The page may say more: {at.page}"
        case "refused by region":
            yield "No token and no agreement changes that: what counts is where you ask from."
            yield "Take another model, or ask its authors whether they offer it where you are."
            yield "Does your network, or a rented machine, lie elsewhere? Ask from where you are."
        case "refused":
            yield "Read what the Hub says, below."
            yield f"Is it the Hub that you meant? HF_ENDPOINT is {at.endpoint}"
        case "rate limited":
            yield f"Wait {'up to five minutes' if at.wait is None else f'{at.wait} s'}, ask again."
            if not at.token_place:
                yield "Log in: without a token, all who share your address share one quota."
        case "hub error" | "no answer":
            yield "Wait a minute, ask again."
            if not _on_this_machine(at):
                yield f"Is it only you? {STATUS_PAGE}"
        case "captive portal":
            yield "Open any page in a browser, log in to this network, ask again."
            yield "In a company: ask which proxy or certificate Python has to use."
        case "no network" if _on_this_machine(at):
            yield f"No Hub runs at {at.endpoint} any more. {restart_words()}"
        case "no network":
            yield f"Look at your network. Does a browser open {at.endpoint}/models ?"
        case "offline mode":
            yield f"Unset HF_HUB_OFFLINE. {restart_words()}"


def _agree_with_same_account(at: Situation) -> str:
    return f"Agree to the terms with the same account, {GIVES_AWAY}: {at.page}" + _agree(at)


def _agree(at: Situation) -> str:
    return _call(f'agree("{at.repo_id}")')


def _play_the_owner(at: Situation, decision: str) -> Iterator[str]:
    if _on_practice_hub():
        call = _call(f'review("{at.repo_id}", "{decision}")')
        yield f"Or play the owner: {at.page}/settings/requests{call}"


def _call(what: str) -> str:
    """The same by call, on the Hub that takes calls for clicks."""
    return f' (or by call: cu.start("practice").visitor.{what})' if _on_practice_hub() else ""


def _on_practice_hub() -> bool:
    try:
        return current_session().on_practice_hub
    except CourseError:
        return False


def _on_this_machine(at: Situation) -> bool:
    return urlsplit(at.endpoint).hostname in LOOPBACK
