"""What the real Hub has and this one has not: said in words, to programs and to people."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from practice_hub.responses import HubError, text_answer

ALL = ["GET", "POST", "PUT", "PATCH", "DELETE"]
WRITES = ALL[1:]
REPO = "/{owner}/{name}"
MODELS_ONLY = (
    "This is not here: the practice Hub holds models only. See https://huggingface.co{path}"
)
NO_TALK = "Discussions and pull requests are not here: the practice Hub has none."
READ_ONLY = "Uploads are not here: nothing can be pushed to the practice Hub, or changed on it."
USE_DOWNLOAD = (
    "git is not spoken here, as the practice Hub has no git server. Use instead:\n"
    "    hf download {repo_id}\n"
)


def models_only(request: Request) -> Response:
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    raise HubError(404, MODELS_ONLY.format(path=path.removeprefix("/api")[:200]))


def no_discussions(request: Request) -> Response:
    raise HubError(404, NO_TALK)


def read_only(request: Request) -> Response:
    raise HubError(501, READ_ONLY)


def no_git(request: Request) -> Response:
    """git shows a plain text that comes with a refusal."""
    names = request.path_params
    repo_id = "/".join(filter(None, (names.get("owner"), names["name"].removesuffix(".git"))))
    return text_answer(USE_DOWNLOAD.format(repo_id=repo_id), 403)


NOT_HERE_ROUTES = [
    *(
        Route(f"{before}/{kind}{rest}", models_only, methods=ALL)
        for kind in ("datasets", "spaces", "buckets", "collections", "papers")
        for before, rest in (("/api", ""), ("/api", "/{rest:path}"), ("", ""), ("", "/{rest:path}"))
    ),
    *(
        Route(f"{before}{REPO}/discussions{rest}", no_discussions, methods=ALL)
        for before in ("/api/models", "")
        for rest in ("", "/{rest:path}")
    ),
    *(
        Route(f"/api/models{REPO}/{what}{{rest:path}}", read_only, methods=WRITES)
        for what in (
            "preupload/",
            "commit/",
            "upload/",
            "settings",
            "branch/",
            "tag/",
            "super-squash/",
        )
    ),
    Route(f"{REPO}/info/lfs/{{rest:path}}", read_only, methods=WRITES),
    Route("/api/repos/{rest:path}", read_only, methods=WRITES),
    Route("/api/validate-yaml", read_only, methods=["POST"]),
    *(
        Route(f"{repo}/{service}", no_git, methods=["GET", "POST"])
        for repo in (REPO, "/{name}")
        for service in ("info/refs", "git-upload-pack", "git-receive-pack")
    ),
]
