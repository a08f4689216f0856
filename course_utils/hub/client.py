"""Asking the Hub from inside the package: within a time limit, and refusals in plain words."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from course_utils.errors import HubTrouble
from course_utils.session import current_session

if TYPE_CHECKING:
    from huggingface_hub import CardData, HfApi, ModelInfo

SECONDS = 10.0
LARGEST_TEXT = 2_000_000  # bytes of a README or LICENSE; the largest seen have half a million
Answer = TypeVar("Answer")


def ask(
    function: Callable[..., Answer],
    *arguments: Any,
    about: str = "",
    seconds: float = SECONDS,
    **options: Any,
) -> Answer:
    """What ``function`` of huggingface_hub returns for these arguments.

    Looking up a name, a trickle of bytes and the client's own retries outlast any socket timeout,
    so the wait as a whole is bounded here. The call goes on in its thread and is forgotten.

    Args:
        about: what is asked about, for the message; a repo id, say.

    Raises:
        HubTrouble: no answer within ``seconds``, or a refusal, with the next step in its words.
    """
    returned: list[Answer] = []
    raised: list[Exception] = []

    def call() -> None:
        try:
            returned.append(function(*arguments, **options))
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(seconds)
    if returned:
        return returned[0]
    if not raised:
        raise HubTrouble("slow", about, f"waited {seconds:g} s")
    problem, detail = diagnose(raised[0])
    if problem is None:
        raise raised[0]
    raise HubTrouble(problem, about, detail) from raised[0]


def api() -> HfApi:
    """The Hub's client, on the Hub that ``start()`` chose.

    Raises:
        CourseError: huggingface_hub is not imported yet and no Hub is chosen. Importing it would
            choose one.
    """
    if "huggingface_hub" not in sys.modules:
        current_session()
    from huggingface_hub import HfApi

    return HfApi()


def model_info(
    repo_id: str, seconds: float = SECONDS, *, files_metadata: bool = False
) -> ModelInfo:
    """What the Hub tells of a model; gated ones included. ``files_metadata`` adds files' sizes.

    Raises:
        HubTrouble: as ``ask``.
    """
    return ask(
        api().model_info,
        repo_id,
        files_metadata=files_metadata,
        timeout=seconds,
        about=repo_id,
        seconds=seconds,
    )


def is_described(info: ModelInfo) -> bool:
    """Whether the practice Hub knows facts about this model and holds no weights of it."""
    return getattr(info, "practiceHub", "held") == "described"


def card_metadata(card: CardData | None) -> dict[str, Any]:
    """The metadata of a card as the Hub, or the client, parsed them; {} for none."""
    return dict(card.to_dict()) if card else {}  # type: ignore[no-untyped-call]  # untyped there


def read_text(
    repo_id: str, name: str, seconds: float = SECONDS, largest: int = LARGEST_TEXT
) -> str | None:
    """A text file at a repo's root, at most ``largest`` bytes of it; None if it has none.

    Bytes that are no UTF-8 become U+FFFD. Nothing is cached, retried or drawn as a progress bar.

    Raises:
        HubTrouble: as ``ask``.
    """
    about = f"{name} of {repo_id}"
    try:
        return decoded(ask(_fetch, repo_id, name, about, largest, about=about, seconds=seconds))
    except HubTrouble as trouble:
        if trouble.problem == "no file":
            return None
        raise


def decoded(content: bytes) -> str:
    """Text without a byte order mark; what is no UTF-8 becomes U+FFFD."""
    return content.decode("utf-8-sig", "replace")


def diagnose(error: BaseException) -> tuple[str | None, str]:
    """A problem of ``HUB_PROBLEMS`` and a detail; (None, "") for errors that are not the Hub's.

    The client hides some reasons inside others: a refusal in a ``LocalEntryNotFoundError``, say.
    """
    for one in causes(error):
        problem, detail = _problem(one)
        if problem:
            return problem, detail
    return None, ""


def _fetch(repo_id: str, name: str, about: str, largest: int) -> bytes:
    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

    url, headers = hf_hub_url(repo_id, name, endpoint=api().endpoint), build_hf_headers()
    with get_session().stream("GET", url, headers=headers, timeout=SECONDS) as response:
        if response.is_error:
            response.read()
        hf_raise_for_status(response)
        if not any("x-repo-commit" in one.headers for one in (*response.history, response)):
            is_page = "html" in response.headers.get("content-type", "")
            raise HubTrouble("page" if is_page else "garbled", about)
        content = bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) >= largest:
                break
    return bytes(content[:largest])


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it came from, outermost first."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _problem(error: BaseException) -> tuple[str | None, str]:
    from huggingface_hub import errors

    by_class = (
        (errors.HFValidationError, "no repo id"),
        (errors.OfflineModeIsEnabled, "offline"),
        (errors.GatedRepoError, "gated"),
        (errors.DisabledRepoError, "disabled"),
        (errors.RepositoryNotFoundError, "missing"),
        (errors.RevisionNotFoundError, "no revision"),
        (errors.RemoteEntryNotFoundError, "no file"),
    )
    for error_class, problem in by_class:
        if isinstance(error, error_class):
            return problem, ""
    if isinstance(error, errors.HfHubHTTPError):
        return _problem_of_status(error)
    if isinstance(error, json.JSONDecodeError):
        page = error.doc.lstrip()[:1] == "<"
        return ("page" if page else "garbled"), ""
    if isinstance(error, errors.FileMetadataError):
        return "page", "no file came from there"
    if isinstance(
        error, errors.HTTPError
    ):  # of httpx2 below huggingface_hub 2.x, of httpx below 1.x
        return _problem_of_failure(type(error).__name__), ""
    return None, ""


def _problem_of_failure(name: str) -> str:
    if "Timeout" in name:
        return "slow"
    return "garbled" if name in ("RemoteProtocolError", "DecodingError") else "no network"


def _problem_of_status(error: Any) -> tuple[str, str]:
    status = error.response.status_code
    if status == 401:
        return "bad token", ""
    if status == 403:
        return "forbidden", ""
    if status == 429:
        reset = re.search(r"\bt=(\d+)", error.response.headers.get("RateLimit", ""))
        return "rate limited", f"the Hub says: {reset[1]} s" if reset else ""
    return ("server error" if status >= 500 else "refused"), f"status {status}"
