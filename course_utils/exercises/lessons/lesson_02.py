"""Exercises of notebook 02, Read a model card. It runs on the practice Hub everywhere."""

from __future__ import annotations

from course_utils.exercises.checkers.choice import Choice
from course_utils.exercises.checkers.function import Case, FunctionChecker
from course_utils.exercises.checkers.repo import Condition, Repo, RepoCondition
from course_utils.exercises.declared import Exercise, WrongAnswer

PICKLED = "practice/pickle-sentiment"
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


def languages(repo: Repo) -> tuple[str, ...]:
    named = repo.info.card_data.language if repo.info.card_data else None
    return (named,) if isinstance(named, str) else tuple(named or ())


def renew(snippet: str) -> str:
    return snippet.replace("torch_dtype", "dtype")


EXERCISES = (
    Exercise(
        id="02.1",
        ask="Which of the four questions does the card of parcel-reader leave open: what it does, "
        "inputs and outputs, intended use, or how to load it?",
        checker=Choice(
            {
                "how to load it": ("how it is loaded", "how to load", "loading"),
                "what it does": ("what does it do",),
                "inputs and outputs": ("inputs", "outputs", "what goes in and what comes out"),
                "intended use": ("intended use and misuse", "misuse", "what it is for"),
            },
            answer="how to load it",
        ),
        hints=(
            "Read the sentence under each heading, and forget the heading.",
            "Two headings look alike and mean different things. What does the sentence under "
            "each of them tell you to do?",
            "Could you run this model tomorrow with nothing but this card?",
        ),
        wrong=(
            WrongAnswer(
                "intended use",
                "Under Uses it says what for, and what not. Look at the heading that is spelled "
                "almost like it.",
            ),
            WrongAnswer("inputs and outputs", "One string goes in, three come back. That is said."),
            WrongAnswer("what it does", "The Description says it in one sentence."),
        ),
        solution='"how to load it". Usage promises a snippet and tells of post offices instead; '
        "Uses, two letters away, is the intended use.",
        right=("how to load it", "How to load it.", "loading"),
    ),
    Exercise(
        id="02.2",
        ask="Name a text-classification model by practice that loads without its author's code.",
        checker=RepoCondition(
            (
                Condition("be by practice", lambda repo: repo.id.startswith("practice/")),
                Condition(
                    "be filed under text-classification",
                    lambda repo: repo.info.pipeline_tag == "text-classification",
                ),
                Condition(
                    "keep its weights in safetensors only",
                    lambda repo: (
                        any(name.endswith(".safetensors") for name in repo.files)
                        and not any(name.endswith(PICKLES) for name in repo.files)
                    ),
                    "A pickle can run code when it is opened.",
                ),
                Condition(
                    "need no Python of its own",
                    lambda repo: not any(name.endswith(".py") for name in repo.files),
                    "Its architecture stands in a file of the repo.",
                ),
            )
        ),
        hints=(
            'HfApi().list_models(author="practice", pipeline_tag="text-classification") lists '
            "the candidates.",
            "HfApi().list_repo_files(repo_id) shows what a repo holds: look for .bin and for .py.",
            "Of three candidates one keeps a pickle and one brings its own Python.",
        ),
        wrong=(
            WrongAnswer(PICKLED),
            WrongAnswer("practice/custom-code-classifier"),
            WrongAnswer("practice/tiny-chat"),
            WrongAnswer("practice/no-card"),
        ),
        solution="practice/tiny-sentiment: safetensors, and the architecture (DistilBERT) is a "
        "part of transformers.",
        right=("practice/tiny-sentiment",),
    ),
    Exercise(
        id="02.3",
        ask="Name a sentence-similarity model whose card lists both German and French.",
        checker=RepoCondition(
            (
                Condition(
                    "be filed under sentence-similarity",
                    lambda repo: repo.info.pipeline_tag == "sentence-similarity",
                ),
                Condition(
                    "list German in its metadata",
                    lambda repo: "de" in languages(repo),
                    "Look for `de` among the languages of its card.",
                ),
                Condition(
                    "list French in its metadata",
                    lambda repo: "fr" in languages(repo),
                    "Look for `fr` among the languages of its card.",
                ),
            )
        ),
        hints=(
            'cu.find_models(task="sentence-similarity", language="de") lists candidates.',
            "ModelCard.load(repo_id).data.language shows the languages of one of them.",
        ),
        wrong=(
            WrongAnswer("sentence-transformers/all-MiniLM-L6-v2"),
            WrongAnswer("meta-llama/Llama-3.1-8B-Instruct"),
            WrongAnswer("practice/no-card"),
        ),
        solution="sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2 lists both.",
        right=("sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",),
    ),
    Exercise(
        id="02.4",
        ask="Write renew(snippet): today's name for torch_dtype, and all else as it was.",
        checker=FunctionChecker(
            (
                Case(
                    ("load(name, torch_dtype=torch.float16)",),
                    "load(name, dtype=torch.float16)",
                    "an argument with another value of torch beside it",
                ),
                Case(
                    ('load(name, torch_dtype="auto")',),
                    'load(name, dtype="auto")',
                    "an argument with a text as its value",
                ),
                Case(
                    ("load(name, dtype=torch.bfloat16)",),
                    "load(name, dtype=torch.bfloat16)",
                    "a snippet that is new already",
                ),
            )
        ),
        hints=(
            "Texts have a method that puts one piece in the place of another.",
            "snippet.replace(old, new). What is the old name, and what is the new one?",
        ),
        wrong=(
            WrongAnswer(
                lambda snippet: snippet.replace("torch", ""),
                "It also takes away the `torch` of torch.float16. Replace the whole old name.",
            ),
            WrongAnswer(
                lambda snippet: snippet.replace("torch_dtype=torch.", "dtype=torch."),
                "It passes over a snippet in which the value is a text.",
            ),
            WrongAnswer(lambda snippet: snippet, "Nothing has changed yet."),
        ),
        solution='def renew(snippet):\n    return snippet.replace("torch_dtype", "dtype")',
        right=(renew, lambda snippet: snippet.replace("torch_dtype=", "dtype=")),
    ),
)
