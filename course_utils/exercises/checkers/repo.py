"""Answers that are repos: a repo id that must satisfy conditions, asked of the Hub in use."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from course_utils.errors import CourseError
from course_utils.exercises.checkers.judgement import (
    RIGHT,
    Checker,
    Judgement,
    in_words,
    type_words,
    wrong,
)
from course_utils.hub import client as hub_client

if TYPE_CHECKING:
    from huggingface_hub import HfApi, ModelInfo

T = TypeVar("T")

LONGEST_ID = 200
REPO_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?", re.ASCII)


class Repo:
    """What a condition looks at. Nothing is asked of the Hub before a condition wants it.

    Asking for what the repo does not state raises ``LookupError``, and the condition does not hold.
    """

    def __init__(self, repo_id: str) -> None:
        self.id = repo_id

    @cached_property
    def api(self) -> HfApi:
        return hub_client.api()

    @cached_property
    def info(self) -> ModelInfo:
        return self.api.model_info(self.id, files_metadata=True)

    @property
    def files(self) -> list[str]:
        return [file.rfilename for file in _stated(self.info.siblings, "files")]

    @property
    def parameters(self) -> int:
        return _stated(self.info.safetensors, "number of parameters").total

    @property
    def parameters_by_dtype(self) -> dict[str, int]:
        return _stated(self.info.safetensors, "number of parameters").parameters

    @property
    def license(self) -> str | None:
        """The license that its card's metadata names."""
        return _stated(self.info.card_data, "card").license

    @property
    def base_models(self) -> list[str]:
        named = _stated(self.info.card_data, "card").base_model
        return [named] if isinstance(named, str) else list(named or ())


@dataclass(frozen=True)
class Condition:
    """``words`` complete "the repo must …"; ``feedback`` is added where this one does not hold."""

    words: str
    holds: Callable[[Repo], bool]
    feedback: str = ""


@dataclass(frozen=True)
class RepoCondition(Checker):
    """A model's repo id (or its ``ModelInfo``) that exists and satisfies every condition."""

    conditions: tuple[Condition, ...]

    def judge(self, answer: Any) -> Judgement:
        repo_id = _repo_id(answer)
        if repo_id is None:
            return wrong(f"The answer is a repo id as text; this is {type_words(answer)}.", "type")
        if "://" in repo_id[:10]:
            return wrong("That is an address. Its last two parts are the repo id.", "address")
        if len(repo_id) > LONGEST_ID or not REPO_ID.fullmatch(repo_id):
            return wrong('That is no repo id: one looks like "owner/name".', "no repo id")
        repo = Repo(repo_id)
        try:
            repo.info  # noqa: B018
        except CourseError:
            raise
        except Exception as error:
            return _not_there(error)
        for condition in self.conditions:
            if not _holds(condition, repo):
                words = f"{repo_id} is there, but the repo must {condition.words}."
                return wrong(f"{words} {condition.feedback}".strip(), condition.words)
        return RIGHT

    def same(self, answer: Any, example: Any) -> bool:
        return _repo_id(answer) == _repo_id(example)

    def gives_away(self, text: str) -> bool:
        """Any repo that satisfies the conditions is right, so there is no one value to tell."""
        return False


def _stated(value: T | None, what: str) -> T:
    if value is None:
        raise LookupError(f"The repo states no {what}.")
    return value


def _repo_id(answer: Any) -> str | None:
    found = answer if isinstance(answer, str) else getattr(answer, "id", None)
    return found.strip() if isinstance(found, str) else None


def _not_there(error: Exception) -> Judgement:
    from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError

    if isinstance(error, HFValidationError):
        return wrong('That is no repo id: one looks like "owner/name".', "no repo id")
    if isinstance(error, RepositoryNotFoundError):
        words = "The Hub in use shows you no model of that name: a typing slip, or a private repo."
        return wrong(words, "no such repo")
    raise _not_judged(error) from error


def _holds(condition: Condition, repo: Repo) -> bool:
    from huggingface_hub.errors import EntryNotFoundError, RepositoryNotFoundError

    try:
        return bool(condition.holds(repo))
    except (AttributeError, LookupError, TypeError, EntryNotFoundError, RepositoryNotFoundError):
        return False  # the repo lacks what the condition looks at: a card, a file, a field
    except CourseError:
        raise
    except Exception as error:
        raise _not_judged(error) from error


def _not_judged(error: Exception) -> CourseError:
    return CourseError(f"The Hub gave no answer, so yours was not judged. {in_words(error)}")
