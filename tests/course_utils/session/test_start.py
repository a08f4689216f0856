"""start(): the right Hub, said plainly, or a clear way out."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from course_utils.session.choose_hub import why_no_answer
from practice_hub import PracticeHub
from tests.support.servers import Reply, http_server

SHOW = "import course_utils as cu; s = cu.start(); print(s.hub, '|', s.reason, '|', s.endpoint)"


@pytest.fixture
def answering() -> Iterator[object]:
    """A server on loopback that answers every GET as told."""
    with ExitStack() as servers:

        def serve(body: bytes, status: int = 200, wait: float = 0.0) -> str:
            def reply(_: BaseHTTPRequestHandler) -> Reply:
                time.sleep(wait)
                return status, {}, body

            return servers.enter_context(http_server(reply))

        yield serve


HUB_ANSWER = json.dumps([{"id": "someone/some-model"}]).encode()


def test_a_hub_that_answers(answering):
    assert why_no_answer(answering(HUB_ANSWER)) is None


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"<html>Welcome to Hotel Wi-Fi</html>", 200, "log in first"),
        (b'{"hello": "there"}', 200, "not as a Hub does"),
        (b"[]", 200, "not as a Hub does"),
        (b"slow down", 429, "too many requests"),
        (b"broken", 503, "503"),
        (b'[{"id": "some', 200, "instead of data"),
    ],
)
def test_what_is_not_an_answer(answering, body, status, words):
    assert words in why_no_answer(answering(body, status))


@pytest.mark.timeout(60)
def test_a_hub_that_hangs_is_given_up(answering):
    reason = why_no_answer(answering(HUB_ANSWER, wait=5), seconds=0.5)
    assert "cannot be reached" in reason or "did not answer" in reason


def test_nobody_listening():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert why_no_answer(f"http://127.0.0.1:{port}") == "cannot be reached"


def test_auto_takes_the_real_hub_where_it_answers(run_python, recording_mirror):
    out = run_python(SHOW, COURSE_HUB="", HF_ENDPOINT=recording_mirror.url).stdout
    assert out.startswith("real | ")
    assert recording_mirror.url in out


def test_auto_takes_the_practice_hub_behind_a_captive_portal(run_python, answering):
    portal = answering(b"<html>Room number, please</html>")
    out = run_python(SHOW, COURSE_HUB="", HF_ENDPOINT=portal).stdout
    assert out.startswith("practice | ")
    assert "log in first" in out


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_mode_means_practice_and_asks_nobody(variable, run_python, recording_mirror):
    variables = {variable: "1", "COURSE_HUB": "", "HF_ENDPOINT": recording_mirror.url}
    code = SHOW + "; import huggingface_hub as h; print(h.HfApi().model_info(cu.MODELS.chat).id)"
    out = run_python(code, **variables).stdout
    assert "offline mode is set" in out
    assert "practice/tiny-chat" in out


def test_offline_mode_is_kept_on_the_real_hub(run_python):
    code = (
        "import course_utils as cu; print(cu.start('real')); import huggingface_hub.constants as c;"
        "print('offline', c.HF_HUB_OFFLINE)"
    )
    out = run_python(code, HF_HUB_OFFLINE="1").stdout
    assert "only what is in the cache" in out
    assert "offline True" in out


@pytest.mark.parametrize("hub", ["practice", "real"])
def test_course_hub_decides_for_auto(hub, run_python):
    assert run_python(SHOW, COURSE_HUB=hub).stdout.startswith(f"{hub} | COURSE_HUB says so")


def test_the_lesson_decides_before_course_hub(run_python):
    code = SHOW.replace("start()", "start('practice')")
    assert run_python(code, COURSE_HUB="real").stdout.startswith("practice | this lesson's choice")


def test_kernels_share_the_hub_that_was_started_for_them(run_python, hub):
    out = run_python(SHOW, PRACTICE_HUB_URL=hub.url).stdout
    assert hub.url in out


def test_a_practice_hub_named_by_hf_endpoint_is_joined(run_python, hub):
    assert hub.url in run_python(SHOW, HF_ENDPOINT=hub.url).stdout


def test_a_dead_practice_hub_is_replaced(run_python):
    out = run_python(SHOW, PRACTICE_HUB_URL="http://127.0.0.1:9").stdout
    assert "127.0.0.1:9 " not in out + " "
    assert out.startswith("practice")


def test_a_proxy_does_not_come_between(run_python):
    code = SHOW + "; import huggingface_hub as h; print(h.HfApi().model_info(cu.MODELS.chat).id)"
    proxy = "http://127.0.0.1:9"
    variables = {"HTTP_PROXY": proxy, "http_proxy": proxy, "NO_PROXY": "", "no_proxy": ""}
    assert "practice/tiny-chat" in run_python(code, **variables).stdout


@pytest.mark.parametrize("library", ["huggingface_hub", "transformers"])
def test_too_late_says_how_to_restart(library, run_python):
    code = f"import {library}, huggingface_hub.constants; {SHOW}"
    finished = run_python(code, check=False)
    assert "huggingface_hub was imported before cu.start()" in finished.stderr
    assert "Start a new Python, then run the notebook from its first cell." in finished.stderr


def test_start_twice_is_one_session_and_one_hub_a_kernel(run_python):
    code = """
import course_utils as cu
first = cu.start()
assert cu.start() is first and cu.start("practice") is first
try:
    cu.start("real")
except cu.CourseError as error:
    print(error)
"""
    assert "on the practice Hub and a kernel has only one" in run_python(code).stdout


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("cu.start('prctice')", '"auto", "practice", "real"'),
        ("cu.MODELS.chat", "Run cu.start() first"),
        ("cu.start(); cu.MODELS.chta", "The course casts chat"),
    ],
)
def test_mistakes_get_a_clear_answer(code, words, run_python):
    assert words in run_python(f"import course_utils as cu; {code}", check=False).stderr


def test_a_bad_course_hub_gets_a_clear_answer(run_python):
    finished = run_python(SHOW, check=False, COURSE_HUB="mars")
    assert "COURSE_HUB got 'mars'" in finished.stderr


def test_the_practice_home_is_gone_afterwards(run_python, tmp_path):
    code = (
        "import course_utils as cu, os; s = cu.start(); print(s.home); assert os.path.isdir(s.home)"
    )
    home = run_python(code).stdout.strip()
    assert not (tmp_path / home).exists()


def test_session_prints_shows_and_becomes_a_dict(run_python):
    code = """
import course_utils as cu, json
session = cu.start()
print(session)
assert session.device.title() in session._repr_html_()
assert json.loads(json.dumps(session.to_dict()))["hub"] == "practice"
"""
    out = run_python(code).stdout
    for words in ("the practice Hub", "GiB", "transformers 5", "huggingface_hub"):
        assert words in out


def test_the_banner_says_what_is_real_staged_and_described(run_python):
    out = run_python("import course_utils as cu; print(cu.start('practice'))").stdout
    for words in ("practice/ are real", "staged", "described by facts", "cannot be downloaded"):
        assert words in out


def test_colab_is_recognized_and_told_its_own_menu(run_python):
    code = """
from tools.colab_stand_in import install
install()
import course_utils as cu
print(cu.start().place)
cu.start("real")
"""
    finished = run_python(code, check=False)
    assert finished.stdout.strip() == "Colab"
    assert "Runtime → Restart session" in finished.stderr


def test_every_report_prints_as_its_text():
    import course_utils as cu
    from course_utils.report import Report

    for kind in Report.__subclasses__():
        assert kind.__repr__ is Report.__repr__, f"{kind.__name__}: dataclass(repr=False)"
    assert repr(cu.current_device()) == str(cu.current_device())


def test_the_visitor_acts_on_the_practice_hub_only(run_python, recording_mirror):
    code = """
import course_utils as cu
session = cu.start("practice")
print(session.visitor.create_token("mine")[:12], session.visitor.agree("practice/gated-chat"))
"""
    assert run_python(code).stdout.strip() == "hf_practice_ accepted"
    code = "import course_utils as cu; cu.start('real').visitor"
    finished = run_python(code, check=False, HF_ENDPOINT=recording_mirror.url)
    assert "Only the practice Hub takes calls for clicks" in finished.stderr


@pytest.mark.parametrize("address", ["/wrong-key-1/anna", "/hotel-wifi-42/Anna", ""])
@pytest.mark.parametrize("hub", ["auto", "practice", "real"])
def test_a_shut_door_of_a_room_is_never_taken_for_the_real_hub(address, hub, run_python):
    code = f"import course_utils as cu; cu.start({hub!r})"
    token = "hf_" + "R" * 20
    with PracticeHub(room_key="hotel-wifi-42") as room:
        finished = run_python(
            code,
            check=False,
            COURSE_HUB="",
            HF_ENDPOINT=room.url + address,
            HF_TOKEN=token,
        )
    assert "its door stays shut" in finished.stderr


@pytest.mark.timeout(120)
def test_a_hub_that_cannot_say_what_it_is_gets_no_token(answering, run_python):
    slow = answering(HUB_ANSWER, wait=30)
    finished = run_python(SHOW, check=False, COURSE_HUB="", HF_ENDPOINT=slow)
    assert "did not say within" in finished.stderr


def test_a_hubs_own_word_does_not_choose_the_folder(run_python, tmp_path):
    server = """
import json, sys, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
class Evil(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"hub": "practice-hub", "instance": "../huggingface"}).encode()
        self.send_response(200)
        self.send_header("X-Powered-By", "practice-hub")
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
evil = HTTPServer(("127.0.0.1", 0), Evil)
threading.Thread(target=evil.serve_forever, daemon=True).start()
import os
os.environ["HF_ENDPOINT"] = f"http://127.0.0.1:{evil.server_port}"
"""
    finished = run_python(server + "import course_utils as cu; cu.start('practice')", check=False)
    assert "its door stays shut" in finished.stderr
    assert not (tmp_path / "home" / ".cache" / "huggingface").exists()


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"TMPDIR": "/nowhere", "PRACTICE_HUB_HOME": ""}, None),
        ({"PRACTICE_HUB_HOME": "/etc/passwd"}, "cannot hold the practice Hub"),
    ],
)
def test_a_place_that_cannot_be_used(variables, words, hub, run_python):
    finished = run_python(SHOW, check=False, PRACTICE_HUB_URL=hub.url, **variables)
    assert words is None or words in finished.stderr


def test_two_threads_start_one_hub(run_python):
    code = """
import course_utils as cu, os, threading
found = []
threads = [threading.Thread(target=lambda: found.append(cu.start())) for _ in range(4)]
[thread.start() for thread in threads]; [thread.join() for thread in threads]
print(len({session.endpoint for session in found}), found[0].endpoint == os.environ["HF_ENDPOINT"])
"""
    assert run_python(code).stdout.strip() == "1 True"


def test_a_fork_leaves_the_home_alone(run_python):
    code = """
import course_utils as cu, os, sys
home = cu.start().home
child = os.fork()
if child == 0:
    sys.exit(0)
os.waitpid(child, 0)
print(os.path.isdir(home))
"""
    assert run_python(code).stdout.strip() == "True"


def test_a_cells_shell_finds_the_commands_of_its_own_python(run_python):
    code = """
import shutil, course_utils as cu
cu.start("practice")
print(shutil.which("hf"))
"""
    bare = run_python(f"import os; os.environ['PATH'] = '/nowhere'\n{code}").stdout.strip()
    assert bare == str(Path(sys.executable).parent / "hf")
