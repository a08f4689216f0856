"""A token that this Hub did not make: refused in words, never kept, never written down."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import huggingface_hub.utils
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError
from starlette.testclient import TestClient

from practice_hub.app import create_app
from practice_hub.environment import KEPT_OUT, LINE_OF, variables_for
from practice_hub.repos import load_held
from tests.support.paths import ROOT

REAL = "hf_" + "NoTokenOfThisHub" * 2
SHUT = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def client() -> TestClient:
    return TestClient(create_app(load_held()), "http://hub.test", follow_redirects=False)


PATHS = [
    "/api/whoami-v2",
    "/api/models",
    "/api/models/practice/tiny-chat",
    "/api/models/practice/tiny-chat/tree/main",
    "/api/models/practice/gated-chat/auth-check",
    "/practice/tiny-chat/resolve/main/config.json",
    "/practice/gated-chat/resolve/main/README.md",
    "/practice/gated-chat/resolve/main/config.json",
    "/practice/nothing/resolve/main/config.json",
    "/gpt2/resolve/main/config.json",
    "/models",
    "/api/no-such-route",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_it_is_refused_with_words_that_say_what_to_do(client, path, scheme):
    answer = client.get(path, headers={"Authorization": f"{scheme} {REAL}"})
    assert answer.status_code == 401
    for words in (answer.text, answer.headers["x-error-message"]):
        assert "not from here" in words
        assert "sent in clear" in words
        assert "revoke it" in words
    assert REAL not in answer.text + str(answer.headers)


def test_the_clients_show_those_words(hub):
    for call in (
        lambda: HfApi().model_info("practice/tiny-chat", token=REAL),
        lambda: HfApi().auth_check("practice/gated-chat", token=REAL),
    ):
        with pytest.raises(HfHubHTTPError, match="not from here") as error:
            call()
        assert "revoke it" in str(error.value)
    with pytest.raises(HfHubHTTPError) as error:  # the client has words of its own for this one
        HfApi().whoami(token=REAL)
    assert "not from here" in str(error.value.__cause__)


def test_nothing_of_it_is_kept_or_logged(client, caplog, capfd):
    import gc

    caplog.set_level(0)
    sent = f"Bearer {REAL}"
    for path in PATHS:
        client.get(path, headers={"Authorization": sent})
    kept = {hash(sent), hash(sent.encode()), f"token {hash(sent.encode())}", sent, REAL}
    for holder in gc.get_objects():
        if type(holder).__module__ == "practice_hub.limits":
            assert not kept & {part for key in holder._used for part in key}
    out, err = capfd.readouterr()
    assert REAL not in out + err + caplog.text


def test_a_token_of_another_practice_hub_is_only_a_bad_one(client):
    answer = client.get("/api/whoami-v2", headers={"Authorization": "Bearer hf_practice_0123"})
    assert answer.status_code == 401
    assert "not from here" not in answer.text


# --- The recipe ----------------------------------------------------------------------------------


def shell(line: str, **variables: str) -> dict[str, str]:
    """The environment after this line of shell."""
    python = shlex.quote(sys.executable)
    show = f"{line}\nexec {python} -c 'import os, json; print(json.dumps(dict(os.environ)))'"
    done = subprocess.run(
        ["sh", "-c", show], env=variables, capture_output=True, text=True, check=True
    )
    import json

    return dict(json.loads(done.stdout))


def recipes_named(client: TestClient) -> dict[str, str]:
    """Every line to copy that names an endpoint, by the place where it stands."""
    import html

    pages = {
        "model page": client.get("/practice/tiny-chat").text,
        "connect page": client.get("/settings/connect").text,
    }
    found = {}
    for place, page in pages.items():
        codes = re.findall(r"<code>([^<]*HF_ENDPOINT=[^<]*)</code>", page)
        assert len(codes) == 1, place
        found[place] = html.unescape(codes[0])
    return found


def planted(home: Path) -> dict[str, str]:
    token = home / ".cache" / "huggingface" / "token"
    token.parent.mkdir(parents=True)
    token.write_text(REAL)
    (home / "elsewhere").write_text(REAL)
    return {
        "HOME": str(home),
        "PATH": "/usr/bin:/bin",
        "HF_TOKEN": REAL,
        "HUGGING_FACE_HUB_TOKEN": REAL,
        "HF_TOKEN_PATH": str(home / "elsewhere"),
        "HF_OIDC_RESOURCE": "model:someone/some-model",
        "HF_OIDC_ID_TOKEN": REAL,
        "HF_HUB_CACHE": str(home / "cache"),
    }


def test_every_place_that_names_the_endpoint_gives_the_whole_recipe_as_one_line(
    client, tmp_path, recording_practice_hub
):
    recipes = recipes_named(client)
    recipes["README"] = readme_line()
    for number, (place, line) in enumerate(recipes.items()):
        assert "\n" not in line
        home = tmp_path / str(number)
        line = re.sub(r"HF_ENDPOINT=\S+", f"HF_ENDPOINT={recording_practice_hub.url}", line)
        after = shell(line, **planted(home))
        recording_practice_hub.authorizations.clear()
        code = (
            "import huggingface_hub as h; print('token', h.get_token());"
            "h.HfApi().model_info('practice/tiny-chat');"
            "h.hf_hub_download('practice/tiny-chat', 'config.json')"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], env=after, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{place}: {done.stderr}"
        assert "token None" in done.stdout, place
        assert set(recording_practice_hub.authorizations) == {None}, place
        assert not (home / "cache").exists(), place


def readme_line() -> str:
    readme = (ROOT / "README.md").read_text()
    section = readme.partition("## The practice Hub alone")[2].partition("### For a room")[0]
    lines = [line for line in section.splitlines() if "HF_ENDPOINT=" in line]
    assert len(lines) == 1
    return lines[0].removeprefix("$ ")


def test_no_place_names_the_clients_variable_without_the_rest(tmp_path):
    """Where the whole line does not fit, another variable is named, which no client reads."""
    readme = (ROOT / "README.md").read_text().partition("### For a room")[2]
    places = {"README, For a room": readme.partition("\n## ")[0], "banner": banner_of_a_room()}
    for template in (ROOT / "practice_hub" / "templates").glob("*.html"):
        text = template.read_text()
        told = "{{ line }}" in text  # the line itself, which the test above follows
        places[template.name] = text.replace("<code>HF_ENDPOINT</code>", "", 1) if told else text
    for place, text in places.items():
        assert "HF_ENDPOINT" not in text, place
    for place in ("README, For a room", "banner"):
        assert "PRACTICE_HUB_URL" in places[place]
        assert re.search(r'eval "\$\(practice-hub env \S+\)"', places[place]), place


def banner_of_a_room() -> str:
    command = [sys.executable, "-m", "practice_hub", "--port", "0", "--room-key", "some-long-word"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        lines = []
        while not (lines and lines[-1].startswith("Your desk")):
            line = process.stdout.readline()
            assert line, "the practice Hub ended"
            lines.append(line)
        return "".join(lines)
    finally:
        process.terminate()
        process.wait()


def test_practice_hub_env_prints_it_for_the_shell(hub, tmp_path):
    command = [sys.executable, "-m", "practice_hub", "env", hub.url]
    done = subprocess.run(
        command, cwd=ROOT, env=planted(tmp_path), capture_output=True, text=True, check=True
    )
    line = done.stdout.strip()
    assert "\n" not in line
    after = shell(line, **planted(tmp_path / "again"))
    assert after["HF_ENDPOINT"] == hub.url
    assert Path(after["HF_HOME"]).stat().st_mode & 0o777 == 0o700
    assert not set(KEPT_OUT) & set(after)


@pytest.mark.parametrize("shell_name", sorted(LINE_OF))
def test_each_shell_has_its_line(shell_name):
    line = LINE_OF[shell_name]("http://127.0.0.1:8765", "/a home/it's")
    assert "\n" not in line
    for name in (*KEPT_OUT, *variables_for("http://127.0.0.1:8765", "x")):
        assert re.search(rf"\b{name}\b", line), name


@pytest.mark.parametrize("address", [SHUT, "http://127.0.0.1:port", "nonsense"])
def test_practice_hub_env_says_when_no_hub_is_there(address):
    done = subprocess.run(
        [sys.executable, "-m", "practice_hub", "env", address],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "HF_ENDPOINT" not in done.stdout
    assert "No practice Hub answers at" in done.stderr


def test_the_package_keeps_out_what_the_recipe_does():
    from course_utils.session import separation

    named = {
        *separation.TOKEN_VARIABLES,
        *separation.OIDC_VARIABLES,
        *separation.PLACE_VARIABLES,
        *separation.HUB_VARIABLES,
    }
    assert named <= {*KEPT_OUT, *variables_for("url", "home")}


def test_the_recipe_names_every_token_that_the_installed_client_reads():
    source = Path(huggingface_hub.constants.__file__).read_text()
    auth = Path(huggingface_hub.utils._auth.__file__).read_text()
    read = set(re.findall(r'"(H(?:F|UGGING)\w*(?:TOKEN|OIDC)\w*)"', source + auth))
    read -= {"HF_HUB_DISABLE_IMPLICIT_TOKEN"}
    variables = {
        name for name in read if re.search(rf'(environ|getenv)[^\n]*"{name}"', source + auth)
    }
    assert variables
    assert variables <= {*KEPT_OUT, *variables_for("url", "home")}
