"""The reader of logs finds what was planted: else its silence over a run's logs would prove nothing."""

from pathlib import Path

import pytest

from membership.mail import compose, transport_for
from tests.conftest import NOW
from tests.log_reading import Used, found_in

TOKEN = "N3" + "a_-B9" * 8 + "z"
SIGNED = "ImFiY2RlZiI.aBcDe1." + "Q7" + "c_-D8" * 8 + "y"
NUMBER = "7KQ2-M9XD-AAAA-BBBB-CCCC-DDDD-EE"


@pytest.fixture
def used(tmp_path: Path) -> Used:
    """What one reader has used: a mail with link and code, a form, a ballot number on a page."""
    text = f"Sign in: http://localhost/sign-in/link/{TOKEN}\nCode: 314159\nStop: http://localhost/links/stop/{SIGNED}\n"
    mail = compose(sender="a@b.example", to="Reader@Example.org", subject="s", text=text, message_id="<1@x>", sent_at=NOW)
    transport_for(f"maildir://{tmp_path / 'mailbox'}")(mail)
    collected = Used()
    collected.take_mails(tmp_path / "mailbox")
    collected.take_request("http://localhost/support/return?session_id=cs_test_a1B2c3D4e5", None)
    collected.take_request("http://localhost/sign-in", "email=typed%40example.org&next=%2Fvotes")
    collected.take_request("http://localhost/sign-in/code", "code=271+828")
    collected.take(f"<p class='ballot-number'>{NUMBER}</p>")
    return collected


def test_everything_that_names_somebody_or_lets_them_in_is_collected_and_nothing_else(used: Used) -> None:
    assert used.secrets == {
        *("Reader@Example.org", "typed@example.org", TOKEN, SIGNED, "314159", "271 828", "cs_test_a1B2c3D4e5", NUMBER)
    }


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('{"event": "mail.failed", "to": "reader@example.org"}', "Reader@Example.org"),
        ("ValueError: typed@example.org", "typed@example.org"),
        (f"GET /sign-in/link/{TOKEN} 500", TOKEN),
        (f"GET /links/stop/{SIGNED} 500", SIGNED),
        ("code 314159 was wrong", "314159"),
        ("/support/return?session_id=cs_test_a1B2c3D4e5", "cs_test_a1B2c3D4e5"),
        (f"number={NUMBER}", NUMBER),
    ],
)
def test_what_is_planted_in_a_log_is_found(used: Used, line: str, found: str) -> None:
    assert found_in(f"10:00 first line\n{line}\n10:01 last line\n", used.secrets) == [found]


@pytest.mark.parametrize(
    "line",
    [
        '{"timestamp": "2026-03-22T12:00:00.314159Z"}',
        "took 0.314159 s",
        "item 3141592 was sent",
        "GET /articles/forty-trucks-an-hour 200",
        "withdrawal.failed attempt=0b5f4a1e-1111-4222-8333-314159265358",
    ],
)
def test_what_only_looks_like_it_is_not(used: Used, line: str) -> None:
    assert found_in(line, used.secrets) == []
