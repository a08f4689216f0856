"""Exercises of notebook 04, Log in to a gated model. It runs on the practice Hub everywhere."""

from __future__ import annotations

import re
from itertools import permutations

from course_utils.exercises.checkers.choice import Choice
from course_utils.exercises.checkers.function import Case, FunctionChecker
from course_utils.exercises.checkers.matching import Matching
from course_utils.exercises.declared import Exercise, WrongAnswer

TOKEN = re.compile(r"hf_[A-Za-z0-9]{34}")
MADE_UP = "hf_" + "aB3" * 11 + "z"  # the shape of a token, and nobody's

LOAD, AGREE, MAKE, GIVE = "abcd"


def mistake(order: tuple[str, ...]) -> str:
    """What the Hub would say to steps in this order."""
    if order.index(GIVE) < order.index(MAKE):
        return "gives what is not made"
    if order.index(LOAD) < order.index(GIVE):
        return "unknown"
    return "closed" if order.index(LOAD) < order.index(AGREE) else "opens"


def spellings(kind: str) -> tuple[str, ...]:
    orders = [order for order in permutations("abcd") if mistake(order) == kind]
    return tuple(separator.join(order) for order in orders for separator in (" ", ""))


EXERCISES = (
    Exercise(
        id="04.1",
        ask="Which order opens the gate: a load the model, b agree on its page, c make a token, d "
        "give the token to the client?",
        checker=Choice(
            {
                kind: spellings(kind)
                for kind in ("opens", "unknown", "closed", "gives what is not made")
            },
            answer="opens",
        ),
        hints=(
            "Nothing in the list is of use after the model is loaded.",
            "The client can only be given what has been made.",
            "Agreeing needs no token, so it fits anywhere before the last step: there is more "
            "than one right order.",
        ),
        wrong=(
            WrongAnswer(
                "b c a d", "Where she loads, the Hub does not know her yet. What status is that?"
            ),
            WrongAnswer(
                "c d a b", "Where she loads, the Hub knows her and has no word from her. A 403."
            ),
            WrongAnswer("b d c a", "She gives the client a token before she has made one."),
            WrongAnswer(["b", "c"]),
        ),
        solution="b c d a. So do c b d a and c d b a: agreeing is a click of the account, and the "
        "token only has to be made before it is given.",
        right=("b c d a", "c b d a", "C, D, B, A", "bcda"),
    ),
    Exercise(
        id="04.2",
        ask="Write leaks(source): True if the text of a cell holds a token.",
        checker=FunctionChecker(
            (
                Case((f'login(token="{MADE_UP}")',), True, "a token in a call"),
                Case((f"# mine, for now: {MADE_UP}\nlogin()",), True, "a token in a comment"),
                Case((f"os.environ['HF_TOKEN'] = '{MADE_UP}'",), True, "a token in a variable"),
                Case(("login()",), False, "no token at all"),
                Case(
                    ('path = hf_hub_download("practice/tiny-chat", "config.json")',),
                    False,
                    "a function whose name begins like a token",
                ),
                Case(
                    ('os.environ["HF_TOKEN"] = secret\nlogin(token=secret)',),
                    False,
                    "a token's name without the token",
                ),
            )
        ),
        hints=(
            "A token begins like hf_hub_download. What comes after tells them apart.",
            "The module re looks for patterns: [A-Za-z0-9] is one letter or digit.",
            're.search(r"hf_[A-Za-z0-9]{…}", source) is None where nothing fits.',
        ),
        wrong=(
            WrongAnswer(
                lambda source: "hf_" in source,
                "It also accuses hf_hub_download, which is in half of all cells. What follows "
                "hf_ in a token?",
            ),
            WrongAnswer(
                lambda source: "token=" in source or "HF_TOKEN" in source,
                "It looks for the word, not for the token. Code that takes a token from a safe "
                "place has the word in it too.",
            ),
            WrongAnswer(
                lambda source: re.search(r'"hf_[A-Za-z0-9]{34}"', source) is not None,
                "Some tokens stand in single quotes, or in a comment.",
            ),
            WrongAnswer(lambda source: TOKEN.search(source)),
        ),
        solution="import re\n\n\ndef leaks(source):\n"
        '    return re.search(r"hf_[A-Za-z0-9]{34}", source) is not None',
        right=(
            lambda source: TOKEN.search(source) is not None,
            lambda source: any(len(word) == 37 for word in re.findall(r"hf_[^\W_]+", source)),
        ),
    ),
    Exercise(
        id="04.3",
        ask="What is the cause of each of the five refusals?",
        checker=Matching(
            {
                "no token": ("not logged in", "login needed", "anonymous"),
                "bad token": ("invalid token", "expired token", "revoked token"),
                "not agreed": ("terms not accepted",),
                "permission": ("no permission", "token lacks gated permission"),
                "no such repo": ("missing repo", "misspelled"),
                "no network": (),
            },
            answer={
                "A": "not agreed",
                "B": "no token",
                "C": "permission",
                "D": "bad token",
                "E": "no such repo",
            },
        ),
        hints=(
            "Read the table from the right: the status says more than the first line.",
            "A 401 means that the Hub does not know who asks. Whether a token was sent tells "
            "which of two reasons it has.",
            "Two refusals are a 403. One of them is about the gate. The other is not, by its "
            "class, and you met its first line just above.",
        ),
        wrong=(
            WrongAnswer(
                {"C": "no network"},
                "One first line says that nothing could be reached. But a 403 is an answer, and "
                "only a Hub that was reached can give it.",
            ),
            WrongAnswer(
                {"D": "no token"},
                "Two refusals are the same 401. In one of them a token was sent, and the Hub still "
                "asks who that is.",
            ),
            WrongAnswer(
                {"A": "bad token"},
                "A bad token leaves you unknown, and that is a 401. At a 403 the Hub knows you.",
            ),
            WrongAnswer(
                {"A": "permission", "C": "not agreed"},
                "The two 403s are swapped. One of them is about the gate, and its class says so.",
            ),
            WrongAnswer(
                {"B": "bad token"}, "A token can only be bad if it was sent. See the second column."
            ),
            WrongAnswer({"A": "no token", "B": "not agreed", "C": "permission"}),
        ),
        solution='{"A": "not agreed", "B": "no token", "C": "permission", "D": "bad token", '
        '"E": "no such repo"}\n'
        "D is the one that a message cannot tell from B: at a gate a bad token looks like none.",
        right=(
            {
                "A": "not agreed",
                "B": "no token",
                "C": "permission",
                "D": "bad token",
                "E": "no such repo",
            },
            {
                "A": "Terms not accepted",
                "B": "login needed",
                "C": "no permission",
                "D": "Expired token",
                "E": "missing repo",
            },
        ),
    ),
)
