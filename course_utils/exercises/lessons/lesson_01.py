"""Exercises of notebook 01, Browse the Hub."""

from __future__ import annotations

from course_utils.exercises.checkers.choice import Choice
from course_utils.exercises.checkers.number import Number
from course_utils.exercises.checkers.repo import Condition, Repo, RepoCondition
from course_utils.exercises.declared import Exercise, WrongAnswer
from course_utils.hub.client import is_described
from course_utils.licenses import license_kind
from course_utils.memory.headers import stored_bytes
from course_utils.units import GB, GIB

THREE_B = "Qwen/Qwen2.5-3B-Instruct"
REMOVED = "Transformers 5 removed this pipeline. The Hub still files models under that task."
SMALL = 1_000_000_000


def download_bytes() -> int:
    counted = stored_bytes(Repo(THREE_B).parameters_by_dtype)
    if counted is None:
        raise ValueError(f"{THREE_B} is stored in a dtype of unknown size")
    return counted


def parameters() -> int:
    return Repo(THREE_B).parameters


def is_permissive(repo: Repo) -> bool:
    return license_kind(repo.license) == "permissive"


def has_safetensors(repo: Repo) -> bool:
    return any(name.endswith(".safetensors") for name in repo.files)


def has_no_code(repo: Repo) -> bool:
    return not any(name.endswith(".py") for name in repo.files)


EXERCISES = (
    Exercise(
        id="01.1",
        ask="Which of these tasks does pipeline() still run: question-answering, "
        "token-classification, text2text-generation or translation?",
        checker=Choice(
            {
                "token-classification": ("ner",),
                "question-answering": (),
                "text2text-generation": (),
                "translation": (),
            },
            answer="token-classification",
        ),
        hints=(
            "Transformers keeps a list of the tasks that it runs. A cell above calls it `runs`.",
            'Try each of the four: "translation" in runs',
        ),
        wrong=(
            WrongAnswer("question-answering", REMOVED),
            WrongAnswer("text2text-generation", REMOVED),
            WrongAnswer("translation", REMOVED),
        ),
        solution='for task in ("question-answering", "token-classification",\n'
        '             "text2text-generation", "translation"):\n'
        "    print(task, task in runs)\n"
        "Only token-classification is there.",
        right=("token-classification", "Token Classification"),
    ),
    Exercise(
        id="01.2",
        ask="Name an open text-generation model under MIT with three to five billion parameters.",
        checker=RepoCondition(
            (
                Condition(
                    "be filed under text-generation",
                    lambda repo: repo.info.pipeline_tag == "text-generation",
                ),
                Condition("be open, without a gate", lambda repo: not repo.info.gated),
                Condition("have the license MIT", lambda repo: repo.license == "mit"),
                Condition(
                    "have three to five billion parameters",
                    lambda repo: 3e9 <= repo.parameters <= 5e9,
                    "model_info(…).safetensors.total has the count.",
                ),
            )
        ),
        hints=(
            "You need four filters of list_models: pipeline_tag, gated, filter and num_parameters.",
            'filter="license:mit" and num_parameters="min:3B,max:5B".',
        ),
        wrong=(
            WrongAnswer("Qwen/Qwen3-4B"),
            WrongAnswer("microsoft/phi-4"),
            WrongAnswer("openai-community/gpt2"),
        ),
        solution='for model in api.list_models(pipeline_tag="text-generation", gated=False,\n'
        '                            filter="license:mit", num_parameters="min:3B,max:5B",\n'
        '                            sort="downloads", limit=5):\n'
        "    print(model.id)\n"
        "Each one that this prints is right; microsoft/Phi-3.5-mini-instruct is one.",
        right=("microsoft/Phi-3.5-mini-instruct", "microsoft/Phi-3-mini-4k-instruct"),
    ),
    Exercise(
        id="01.3",
        ask=f"How large is the download of the weights of {THREE_B}?",
        checker=Number(download_bytes, unit="bytes", tolerance=0.02),
        hints=(
            "Parameters times bytes. How many bytes does one parameter take, as it is stored?",
            f'The count is api.model_info("{THREE_B}").safetensors.total, and BF16 takes 2 bytes.',
        ),
        wrong=(
            WrongAnswer(
                lambda: f"{parameters() / GB} GB",
                "That is the number of parameters. Each of them takes more than one byte.",
            ),
            WrongAnswer(
                lambda: f"{4 * parameters() / GB} GB",
                "Older texts assume 4 bytes for each. This model is stored in BF16.",
            ),
            WrongAnswer(
                lambda: f"{8 * download_bytes() / GB} GB",
                "Those are bits. A byte has eight of them.",
            ),
            WrongAnswer(lambda: f"{download_bytes() / GIB} GB"),
        ),
        solution=lambda: (
            f"{parameters():,} parameters, 2 bytes each in BF16:\n"
            f"{download_bytes():,} bytes = {download_bytes() / GB:.1f} GB "
            f"= {download_bytes() / GIB:.1f} GiB"
        ),
        right=(
            download_bytes,
            lambda: f"{download_bytes() / GB} GB",
            lambda: f"{download_bytes() / GIB} GiB",
        ),
    ),
    Exercise(
        id="01.4",
        ask="Find a text-classification model that you would run.",
        checker=RepoCondition(
            (
                Condition(
                    "be filed under text-classification",
                    lambda repo: repo.info.pipeline_tag == "text-classification",
                ),
                Condition("be open, without a gate", lambda repo: not repo.info.gated),
                Condition("be permissively licensed", is_permissive),
                Condition(
                    "be stored as safetensors",
                    has_safetensors,
                    "The older format can run code when it is loaded. Notebook 02 says more.",
                ),
                Condition(
                    "come without code of its own",
                    has_no_code,
                    "You would have to trust that code with your machine.",
                ),
                Condition(
                    "hold weights here",
                    lambda repo: not is_described(repo.info),
                    "On the practice Hub it is only described. Take one by practice.",
                ),
                Condition(
                    "have fewer than a billion parameters",
                    lambda repo: repo.parameters < SMALL,
                    "It is to run anywhere, and soon.",
                ),
            )
        ),
        hints=(
            'Ask cu.find_models(task="text-classification", license="permissive", gated=False).',
            "A model without a number of parameters has no safetensors file. For code of its own, "
            "look for names that end in .py: api.model_info(repo).siblings lists the files.",
            'On the practice Hub add author="practice". Then few are left to look through.',
        ),
        wrong=(
            WrongAnswer("practice/pickle-sentiment"),
            WrongAnswer("practice/custom-code-classifier"),
            WrongAnswer("practice/tiny-chat"),
            WrongAnswer("distilbert/distilbert-base-uncased-finetuned-sst-2-english"),
        ),
        solution='for model in cu.find_models(task="text-classification", license="permissive"):\n'
        "    files = [file.rfilename for file in api.model_info(model.repo_id).siblings]\n"
        "    print(model.repo_id, model.gate, model.parameters, files)\n"
        "On the practice Hub only practice/tiny-sentiment is right. On huggingface.co many are.",
        right=("practice/tiny-sentiment",),
    ),
)
