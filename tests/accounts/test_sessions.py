"""The sessions of signed-in browsers: how they end, and of which their owner is told."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.accounts import queries, services
from membership.accounts.jobs import forget_sessions, prepare_new_sign_in
from membership.accounts.models import LoginSession
from membership.errors import NotFound
from membership.outbox import Letter, OutboxItem
from tests.conftest import NOW
from tests.factories.accounts import BROWSER, make_member, make_staff, make_typed_member

LAPTOP, PHONE = b"l" * 32, b"p" * 32
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


def sign_in(session: Session, member_id: int, *, method: str = "mail", browser_hash: bytes | None = BROWSER, now=NOW) -> str:
    return services.start_session(session, member_id=member_id, method=method, browser_hash=browser_hash, now=now)


def is_alive(session: Session, token: str, *, now=NOW) -> bool:
    return queries.find_login_session(session, token=token, now=now) is not None


def told(session: Session) -> list[int]:
    """Return of which sessions somebody is told."""
    items = session.scalars(select(OutboxItem).where(OutboxItem.kind == "new_sign_in").order_by(OutboxItem.id))
    return [item.payload["session_id"] for item in items]


def test_nobody_is_signed_in_who_does_not_exist(session: Session) -> None:
    with pytest.raises(NotFound):
        sign_in(session, 404)


def test_of_a_sessions_token_only_the_hash_is_kept(session: Session) -> None:
    member = make_member(session)

    token = sign_in(session, member.id)

    kept = session.scalars(select(LoginSession)).one()
    assert (kept.token_hash, kept.method, kept.expires_at) == (queries.token_hash(token), "mail", NOW + timedelta(days=90))
    assert token.encode() not in kept.token_hash


@pytest.mark.parametrize(
    ("method", "lifetime"),
    [
        ("mail", timedelta(days=90)),
        ("checkout", timedelta(days=90)),
        ("passkey", timedelta(hours=12)),
        ("staff_link", timedelta(hours=12)),
        ("enrolment", timedelta(minutes=30)),
    ],
)
def test_a_session_that_is_used_all_the_time_ends_all_the_same(session: Session, method: str, lifetime: timedelta) -> None:
    token = sign_in(session, make_staff(session).id, method=method)
    login = session.scalars(select(LoginSession)).one()
    services.touch_session(session, session_id=login.id, now=NOW + lifetime - SECOND)

    assert [is_alive(session, token, now=at) for at in (NOW + lifetime - SECOND, NOW + lifetime)] == [True, False]


@pytest.mark.parametrize(
    ("method", "idle"),
    [("mail", timedelta(days=30)), ("checkout", timedelta(days=30)), ("passkey", 2 * HOUR), ("staff_link", 2 * HOUR)],
)
def test_a_session_that_is_not_used_ends_sooner(session: Session, method: str, idle: timedelta) -> None:
    member = make_staff(session)
    token = sign_in(session, member.id, method=method)
    moments = (NOW + idle - SECOND, NOW + idle)

    assert [is_alive(session, token, now=at) for at in moments] == [True, False]
    assert [len(queries.live_sessions_of(session, member.id, now=at)) for at in moments] == [1, 0]


def test_of_its_use_the_hour_is_kept_and_never_of_one_that_has_ended(session: Session) -> None:
    member = make_member(session)
    for _ in range(2):
        sign_in(session, member.id)
    used, ended = session.scalars(select(LoginSession).order_by(LoginSession.id))
    services.end_session(session, session_id=ended.id, member_id=member.id, now=NOW)

    for login in (used, ended):
        services.touch_session(session, session_id=login.id, now=NOW + timedelta(hours=3, minutes=17, seconds=5))
    services.touch_session(session, session_id=used.id, now=NOW + HOUR)

    session.expire_all()
    assert [login.last_seen_at for login in (used, ended)] == [NOW + 3 * HOUR, NOW]


def test_nobody_ends_the_session_of_somebody_else(session: Session) -> None:
    mine, theirs = make_member(session, "a@example.org"), make_member(session, "b@example.org")
    token = sign_in(session, theirs.id)
    (login,) = queries.live_sessions_of(session, theirs.id, now=NOW)

    services.end_session(session, session_id=login.id, member_id=mine.id, now=NOW)

    assert is_alive(session, token)


def test_all_other_sessions_end_and_this_one_stays(session: Session) -> None:
    member = make_member(session)
    kept, *others = [sign_in(session, member.id) for _ in range(3)]
    login = queries.find_login_session(session, token=kept, now=NOW)
    assert login is not None

    services.end_other_sessions(session, member_id=member.id, keep_id=login.id, now=NOW)

    assert [queries.find_login_session(session, token=token, now=NOW) for token in (kept, *others)] == [login, None, None]


def test_the_owner_is_told_of_a_browser_that_is_new_to_the_account(session: Session) -> None:
    member = make_member(session, language="uk")
    sign_in(session, member.id, browser_hash=LAPTOP)
    assert told(session) == []  # the account's first

    sign_in(session, member.id, browser_hash=LAPTOP, now=NOW + HOUR)
    sign_in(session, member.id, browser_hash=PHONE, method="passkey", now=NOW + 2 * HOUR)

    login = session.scalars(select(LoginSession).where(LoginSession.browser_hash == PHONE)).one()
    assert told(session) == [login.id]
    letter = Letter("reader@example.org", "new_sign_in", "uk", {"at": NOW + 2 * HOUR, "method": "passkey"})
    assert prepare_new_sign_in(session, login.id) == letter


def test_a_browser_of_somebody_else_is_new_to_this_account(session: Session) -> None:
    mine, theirs = make_member(session, "a@example.org"), make_member(session, "b@example.org")
    sign_in(session, mine.id, browser_hash=LAPTOP)
    sign_in(session, theirs.id, browser_hash=PHONE)

    sign_in(session, mine.id, browser_hash=PHONE)

    assert len(told(session)) == 1


def test_an_invitation_makes_no_browser_known_and_is_not_the_accounts_first_session(session: Session) -> None:
    """Whoever has found a recovery code adds a passkey in the same browser: that is when the owner must hear of it."""
    member = make_member(session)
    sign_in(session, member.id, method="enrolment", browser_hash=LAPTOP)
    sign_in(session, member.id, method="passkey", browser_hash=LAPTOP)
    sign_in(session, member.id, method="enrolment", browser_hash=PHONE)
    assert told(session) == []

    sign_in(session, member.id, method="passkey", browser_hash=PHONE)

    assert len(told(session)) == 1


def test_an_address_that_nobody_has_proved_is_told_nothing(session: Session) -> None:
    member = make_typed_member(session)
    for browser_hash in (LAPTOP, PHONE):
        sign_in(session, member.id, method="checkout", browser_hash=browser_hash)

    assert told(session) == []


def test_of_a_session_that_is_gone_or_an_account_without_address_nothing_is_sent(session: Session) -> None:
    sign_in(session, make_typed_member(session).id, method="checkout")

    assert [prepare_new_sign_in(session, session_id) for session_id in (404, session.scalars(select(LoginSession.id)).one())] == [
        None,
        None,
    ]


def test_a_month_after_its_end_a_session_is_forgotten_and_later_ones_are_still_news(session: Session) -> None:
    member = make_member(session)
    for browser_hash in (LAPTOP, PHONE):
        sign_in(session, member.id, browser_hash=browser_hash)
    ended = session.scalars(select(LoginSession).where(LoginSession.browser_hash == LAPTOP)).one()
    services.end_session(session, session_id=ended.id, member_id=member.id, now=NOW)
    month = timedelta(days=30)

    forgotten = [forget_sessions(session, now=NOW + after) for after in (month, month + SECOND, timedelta(days=120), 5 * month)]

    assert forgotten == [0, 1, 0, 1]
    assert session.scalars(select(LoginSession)).all() == []
    sign_in(session, member.id, browser_hash=LAPTOP, now=NOW + 6 * month)
    assert len(told(session)) == 2  # of the phone then, and of whoever comes after months
