"""Ten thousand requests that nobody meant: the Hub answers each, and goes on."""

from __future__ import annotations

import http.client
from urllib.parse import quote, urlsplit

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

REQUESTS = 10_000
WORDS = [
    "api",
    "models",
    "practice",
    "tiny-chat",
    "gated-chat",
    "resolve",
    "raw",
    "tree",
    "revision",
    "main",
    "refs",
    "commits",
    "config.json",
    "model.safetensors",
    "auth-check",
    "user-access-request",
    "handle",
    "ask-access",
    "whoami-v2",
    "oauth",
    "device",
    "token",
    "settings",
    "tokens",
    "practice-hub",
    "actions",
    "meta-llama",
    "Llama-3.1-8B-Instruct",
    "..",
    ".",
    "",
    "gpt2",
]
NAMES = ["filter", "search", "sort", "limit", "cursor", "expand", "num_parameters", "gated", "p"]
VALUES = ["true", "-1", "0", "min:1B", "downloads", "MTA=", "license:mit", "safetensors", "x" * 500]
HEADERS = ["Authorization", "Range", "Accept", "Content-Type", "Origin", "If-None-Match", "Cookie"]
CONTENT = [
    "Bearer x",
    "bytes=0-10",
    "bytes=-5",
    "bytes=9-1",
    "text/html",
    "application/json",
    "*/*",
]

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
segments = st.lists(st.sampled_from(WORDS) | text, max_size=8)
queries = st.lists(
    st.tuples(st.sampled_from(NAMES) | text, st.sampled_from(VALUES) | text), max_size=4
)
latin = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
headers = st.dictionaries(st.sampled_from(HEADERS), st.sampled_from(CONTENT) | latin, max_size=3)
bodies = st.binary(max_size=200) | st.sampled_from(
    [
        b"{}",
        b"[]",
        b"null",
        b'{"action": "agree"}',
        b'{"action": 5}',
        b"client_id=x",
        b'{"user": []}',
    ]
)
methods = st.sampled_from(["GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])


def test_no_request_breaks_the_hub(hub):
    where = urlsplit(hub.url)
    statuses: dict[int, int] = {}

    @settings(
        max_examples=REQUESTS,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(methods, segments, queries, headers, bodies)
    def ask(method, path, query, header, body):
        target = "/" + "/".join(quote(part, safe="") for part in path)
        if query:
            target += "?" + "&".join(f"{quote(name)}={quote(value)}" for name, value in query)
        line = http.client.HTTPConnection(where.hostname, where.port, timeout=20)
        try:
            line.request(method, target, body if method in ("POST", "PUT") else None, header)
            answer = line.getresponse()
            answer.read()
        finally:
            line.close()
        statuses[answer.status] = statuses.get(answer.status, 0) + 1
        assert answer.status < 500, (method, target, header, body)

    ask()
    assert sum(statuses.values()) >= REQUESTS
    assert statuses[200] > 0
