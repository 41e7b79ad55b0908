"""No log line tells who somebody is or lets anybody in."""

import io
import logging
from collections.abc import Iterator

import pytest
import structlog

from membership.logs import configure_logs, scrub

TOKEN = "N3" + "a_-B9" * 8 + "z"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where the logs go, until the test is over."""
    handlers, level = logging.root.handlers[:], logging.root.level
    out = io.StringIO()
    configure_logs(out)
    yield out
    structlog.reset_defaults()
    logging.root.handlers, logging.root.level = handlers, level


@pytest.mark.parametrize(
    ("line", "scrubbed"),
    [
        ("mail to reader+news@example.org failed", "mail to [address] failed"),
        ("DETAIL:  Key (email)=(reader@example.org) already exists.", "DETAIL: [withheld]"),
        (f"GET /sign-in/link/{TOKEN} 200", "GET [path] 200"),
        ("GET /uk/sign-in/link/abc 200", "GET /uk[path] 200"),
        (f"GET /demo/staff/{TOKEN} 200", "GET [path] 200"),
        ("POST /votes/march/ballot 303", "POST [path] 303"),
        (f"token={TOKEN}", "token=[token]"),
        ("code: 123456", "code: [code]"),
        ("key sk_test_51abcdefgh", "key [secret]"),
        ("item 123456 was sent in 0.123456 s", "item 123456 was sent in 0.123456 s"),
        ("GET /votes/march 200", "GET /votes/march 200"),
    ],
)
def test_a_line_loses_what_it_may_not_hold(line: str, scrubbed: str) -> None:
    assert scrub(line) == scrubbed


def test_our_own_logs_are_scrubbed_tracebacks_included(stream: io.StringIO) -> None:
    try:
        raise ValueError(f"reader@example.org {TOKEN}")
    except ValueError:
        structlog.get_logger().exception("request.failed", path=f"/sign-in/link/{TOKEN}", to="reader@example.org")

    text = stream.getvalue()
    assert "request.failed" in text
    assert "ValueError" in text
    assert [secret for secret in ("reader@", TOKEN) if secret in text] == []


def test_the_libraries_logs_are_scrubbed_too(stream: io.StringIO) -> None:
    logging.getLogger("some.library").warning("could not reach %s", "reader@example.org")

    assert stream.getvalue().endswith("WARNING some.library could not reach [address]\n")
