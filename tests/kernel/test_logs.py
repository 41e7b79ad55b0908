"""No log line tells who somebody is or lets anybody in."""

import io
import logging
import re

import pytest
import structlog
from psycopg.errors import DeadlockDetected
from sqlalchemy.exc import OperationalError

from membership.app import create_app
from membership.logs import name_of, scrub
from tests.conftest import SettingsMaker

TOKEN = "N3" + "a_-B9" * 8 + "z"
SIGNED = f"ImFiY2RlZiI.aBcDe1.{TOKEN}"


@pytest.mark.parametrize(
    ("line", "scrubbed"),
    [
        ("mail to reader+news@example.org failed", "mail to [address] failed"),
        ("DETAIL:  Key (email)=(reader@example.org) already exists.", "DETAIL: [withheld]"),
        (f"GET /sign-in/link/{TOKEN} 200", "GET [path] 200"),
        ("GET /uk/sign-in/link/abc 200", "GET /uk[path] 200"),
        (f"GET /demo/staff/{TOKEN} 200", "GET [path] 200"),
        ("POST /votes/march/ballot 303", "POST [path] 303"),
        ("GET /address/abc 200", "GET [path] 200"),
        ("GET /address/undo/abc 200", "GET [path] 200"),
        (f"GET /links/stop/{SIGNED} 500", "GET [path] 500"),
        (f"POST /links/twin/{SIGNED} 303", "POST [path] 303"),
        ("POST /mails/off/InN0b3JpZXM6MSI.abc.de-f 200", "POST [path] 200"),
        (f"/mails/on/{SIGNED}", "[path]"),
        ("/staff/invitation/abc/options 200", "[path] 200"),
        (f"token={SIGNED} died", "token=[token] died"),
        ("gift 7KQ2-M9XD-AAAA-BBBB-CCCC", "gift [code]"),
        ("ballot number 7KQ2-M9XD-AAAA-BBBB-CCCC-DDDD-EE", "ballot number [code]"),
        ("recovery code 7kq2-m9xd-aaaa-bbbb", "recovery code [code]"),
        (f"token={TOKEN}", "token=[token]"),
        ("code: 123456", "code: [code]"),
        ("key sk_test_51abcdefgh", "key [secret]"),
        ("item 123456 was sent in 0.123456 s", "item 123456 was sent in 0.123456 s"),
        ("GET /votes/march 200", "GET /votes/march 200"),
        ("GET /account/address 200", "GET /account/address 200"),
        ("GET /articles/what-your-bank-sees 200", "GET /articles/what-your-bank-sees 200"),
        ("attempt 0b5f4a1e-1111-4222-8333-314159265358", "attempt 0b5f4a1e-1111-4222-8333-314159265358"),
        ("2026-03-22 12:00:00 2026-03-22", "2026-03-22 12:00:00 2026-03-22"),
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


def test_every_address_with_a_token_in_it_is_known(make_settings: SettingsMaker) -> None:
    """A new kind of link has to be entered in MAILED_PATHS."""
    app = create_app(make_settings())
    app.extensions["kernel"].engine.dispose()

    rules = {rule.rule for rule in app.url_map.iter_rules() if "token" in rule.arguments}

    assert {scrub(re.sub("<[^>]+>", "t", rule)) for rule in rules} == {"[path]", "/t[path]"}


def test_a_line_break_makes_no_second_line(stream: io.StringIO) -> None:
    structlog.get_logger().warning("request.odd", what='a\n{"event": "all is well"}\r\n')

    assert stream.getvalue().count("\n") == 1


def test_the_libraries_logs_are_scrubbed_too(stream: io.StringIO) -> None:
    logging.getLogger("some.library").warning("could not reach %s", "reader@example.org")

    assert stream.getvalue().endswith("WARNING some.library could not reach [address]\n")


def test_an_error_of_the_database_is_called_what_its_driver_calls_it() -> None:
    named = [OperationalError("SELECT 1", {}, DeadlockDetected("two waited for each other")), OSError("disk")]

    assert [name_of(error) for error in named] == ["DeadlockDetected", "OSError"]
