"""Exercises of notebook 03, Check the license. It runs on the practice Hub everywhere."""

from __future__ import annotations

from collections.abc import Sequence

from course_utils.exercises.checkers.choice import Choice
from course_utils.exercises.checkers.function import Case, FunctionChecker
from course_utils.exercises.checkers.repo import Condition, Repo, RepoCondition
from course_utils.exercises.declared import Exercise, WrongAnswer
from course_utils.licenses import license_kind


def may_ship(verdicts: Sequence[str]) -> bool:
    return all(verdict in ("yes", "yes-if") for verdict in verdicts)


def has_permissive_tag(repo: Repo) -> bool:
    return license_kind(repo.license) == "permissive"


def is_contradicted(repo: Repo) -> bool:
    bases = [Repo(name) for name in repo.base_models]
    return any(license_kind(base.license) != "permissive" for base in bases)


EXERCISES = (
    Exercise(
        id="03.1",
        ask="Which may go into a product that is sold: Qwen2.5-3B-Instruct, "
        "Qwen2.5-1.5B-Instruct, opt-1.3b or stablelm-2-1_6b-chat?",
        checker=Choice(
            {
                "Qwen/Qwen2.5-1.5B-Instruct": ("Qwen2.5-1.5B-Instruct", "Qwen2.5-1.5B"),
                "Qwen/Qwen2.5-3B-Instruct": ("Qwen2.5-3B-Instruct", "Qwen2.5-3B"),
                "facebook/opt-1.3b": ("opt-1.3b",),
                "stabilityai/stablelm-2-1_6b-chat": ("stablelm-2-1_6b-chat",),
            },
            answer="Qwen/Qwen2.5-1.5B-Instruct",
        ),
        hints=(
            "api.model_info(repo_id).card_data.license is the tag of one of them.",
            "cu.check_license(repo_id) shows the tag, and for `other` the name behind it.",
            "Three of the four are tagged `other`. Do not go by the family's name.",
        ),
        wrong=(
            WrongAnswer(
                "Qwen/Qwen2.5-3B-Instruct",
                "Most of this family is under Apache-2.0, and this size is not: look at the name "
                "of its license. A license belongs to a repo, not to a family.",
            ),
            WrongAnswer(
                "opt-1.3b", "Its name begins like the word open. Its tag says `other`, and why."
            ),
            WrongAnswer(
                "stabilityai/stablelm-2-1_6b-chat",
                "Its tag says `other`: somebody would have to read that license first.",
            ),
        ),
        solution="Qwen/Qwen2.5-1.5B-Instruct, under Apache-2.0. The 3B of the same family is under "
        "`other`, by the name of qwen-research.",
        right=("Qwen/Qwen2.5-1.5B-Instruct", "qwen2.5-1.5b-instruct", "Qwen2.5-1.5B"),
    ),
    Exercise(
        id="03.2",
        ask="Which users does Llama's clause count: those of today, of the month before the "
        "release, or of the month before the download?",
        checker=Choice(
            {
                "month before the release": (
                    "the month before the release",
                    "before the release",
                    "release",
                ),
                "today": ("now", "those of today"),
                "month before the download": (
                    "the month before the download",
                    "before the download",
                    "download",
                ),
            },
            answer="month before the release",
        ),
        hints=(
            "The condition names a date. Who set that date, you or Meta?",
            "The same date holds for everybody who uses this version.",
        ),
        wrong=(
            WrongAnswer("today", "Then the clause would need no date, and it has one."),
            WrongAnswer(
                "month before the download",
                "Then the date would differ from company to company. There is one for all.",
            ),
        ),
        solution="month before the release: the calendar month before the version's release date.",
        right=("month before the release", "The month before the release.", "release"),
    ),
    Exercise(
        id="03.3",
        ask="Find the card whose permissive tag its base model contradicts.",
        checker=RepoCondition(
            (
                Condition("carry a permissive tag", has_permissive_tag),
                Condition(
                    "name a base model",
                    lambda repo: bool(repo.base_models),
                    "Its card says that it was trained from scratch, or says nothing.",
                ),
                Condition(
                    "have a base model whose license asks for more than the tag", is_contradicted
                ),
            )
        ),
        hints=(
            'Go through api.list_models(author="practice") and print each card\'s base_model.',
            "api.model_info(repo_id).card_data is None for a repo without a card.",
            "Only one of them names a base model at all. Compare the two licenses.",
        ),
        wrong=(
            WrongAnswer("practice/noncommercial-chat"),
            WrongAnswer("practice/tiny-chat"),
            WrongAnswer("practice/no-card"),
            WrongAnswer("practice/gated-chat"),
        ),
        solution='for model in api.list_models(author="practice"):\n'
        "    card = api.model_info(model.id).card_data\n"
        '    if card and card.get("base_model"):\n'
        "        print(model.id, card.license, card.base_model)\n"
        "prints practice/relabeled-chat: Apache-2.0 over a base under CC BY-NC 4.0.",
        right=("practice/relabeled-chat",),
    ),
    Exercise(
        id="03.4",
        ask="Write may_ship(verdicts): True if a product of these parts may go out.",
        checker=FunctionChecker(
            (
                Case((["yes", "yes"],), True, "two parts that allow it"),
                Case((["yes", "yes-if"],), True, "a condition, which you keep"),
                Case((["yes", "no", "yes"],), False, "one part that forbids it"),
                Case((["yes", "cannot-tell"],), False, "one part of which nobody knows"),
                Case((["yes-if"],), True, "a single part"),
            )
        ),
        hints=(
            "Which of the four verdicts of a part would stop you?",
            "Python has a word for: this holds for every element.",
            'all(… for verdict in verdicts), and for one verdict: … in ("yes", …)',
        ),
        wrong=(
            WrongAnswer(
                lambda verdicts: "no" not in verdicts,
                "It ships what nobody can tell. That is no permission.",
            ),
            WrongAnswer(
                lambda verdicts: any(verdict in ("yes", "yes-if") for verdict in verdicts),
                "One good part is enough for it. A chain is as weak as its weakest link.",
            ),
            WrongAnswer(
                lambda verdicts: all(verdict == "yes" for verdict in verdicts),
                "It refuses every Llama. Conditions can be kept.",
            ),
            WrongAnswer(lambda verdicts: verdicts[-1]),
        ),
        solution="def may_ship(verdicts):\n"
        '    return all(verdict in ("yes", "yes-if") for verdict in verdicts)',
        right=(may_ship, lambda verdicts: not {"no", "cannot-tell"} & set(verdicts)),
    ),
)
