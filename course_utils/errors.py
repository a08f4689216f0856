"""The errors of this package: each is a message that a learner can act on.

Notebooks show the message alone, without a traceback.
"""

from __future__ import annotations


class CourseError(Exception):
    """A problem that the learner can solve. The message names the next step."""

    def _render_traceback_(self) -> list[str]:
        # IPython asks an exception for this before it prints the stack.
        return [str(self)]


class CannotTell(CourseError):
    """A model that cannot be sized, with the reason and what to do instead."""

    def __init__(self, model: str, reason: str) -> None:
        self.model = model
        self.reason = reason
        super().__init__(f"Cannot tell what {model} needs: {reason}")


HUB_PROBLEMS = {
    "gated": "The repo is gated and this request was not let in. cu.check_access() says why.",
    "missing": (
        "There is no such repo, or it is private and not shown to you: the Hub tells strangers the "
        "same of both. Check the spelling of the repo id, then your token."
    ),
    "no file": "The repo has no such file.",
    "no revision": "The repo has no such revision.",
    "disabled": "The Hub has disabled this repo.",
    "no repo id": 'That is no repo id. One looks like "owner/name".',
    "bad token": (
        "The Hub refused the token that was sent. Make a new one, or run `hf auth logout` to go "
        "without."
    ),
    "forbidden": "The Hub refused (403). Look at what your token is allowed to read.",
    "rate limited": (
        "The Hub had too many requests from this address (429). Wait, then run the cell again."
    ),
    "server error": ("The Hub had an error of its own. Wait a minute, then run the cell again."),
    "page": (
        "A web page came where data should be. Does this network ask you to log in first? Open any "
        "page in a browser, then run the cell again."
    ),
    "garbled": "What the Hub sent is cut off or garbled. Run the cell again.",
    "slow": "The Hub did not answer in time. Run the cell again, or look at your network.",
    "no network": "The Hub cannot be reached. Look at your network, then run the cell again.",
    "offline": "Offline mode is set (HF_HUB_OFFLINE). Unset it and restart to ask the Hub.",
    "refused": "The Hub refused the request.",
}


class HubTrouble(CourseError):
    """The Hub gave no usable answer. ``problem`` is one of ``HUB_PROBLEMS``.

    ``__cause__`` is the client's own exception, where there is one.
    """

    def __init__(self, problem: str, about: str = "", detail: str = "") -> None:
        self.problem = problem
        words = HUB_PROBLEMS[problem] + (f" ({detail})" if detail else "")
        super().__init__(f"{about}: {words}" if about else words)
