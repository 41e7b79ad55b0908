"""Signing in by mail: the link, the code, and everything that must not work."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from membership.accounts import queries, services
from membership.accounts.models import LoginSession, SignInRequest
from membership.db import transaction
from membership.outbox import OutboxItem
from tests.conftest import NOW
from tests.factories.accounts import (
    BROWSER,
    SECRET_KEY,
    ask_for_mail,
    make_member,
    make_staff,
    make_typed_member,
    race,
    render_mail,
)

OTHER_BROWSER = b"o" * 32


def by_code(session: Session, code: str, *, browser_hash: bytes = BROWSER, now=NOW) -> services.SignedIn:
    return services.finish_sign_in_with_code(session, browser_hash=browser_hash, code=code, secret_key=SECRET_KEY, now=now)


def by_link(session: Session, token: str, *, browser_hash: bytes | None = BROWSER, code: str = "", now=NOW) -> services.SignedIn:
    return services.finish_sign_in_with_link(
        session, token=token, browser_hash=browser_hash, code=code, secret_key=SECRET_KEY, now=now
    )


def refusal(attempt, *args, **kwargs) -> str:
    with pytest.raises(services.SignInFailed) as failed:
        attempt(*args, **kwargs)
    return failed.value.state


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


def members_signed_in(session: Session) -> list[int]:
    return list(session.scalars(select(LoginSession.member_id).where(LoginSession.ended_at.is_(None)).order_by(LoginSession.id)))


def test_what_is_no_address_asks_for_nothing(session: Session) -> None:
    with pytest.raises(ValueError, match="address"):
        services.ask_sign_in(session, email="nobody", browser_hash=BROWSER, language="en", now=NOW)

    assert session.scalars(select(OutboxItem)).all() == []


def test_a_browser_that_asked_for_nothing_has_no_code(session: Session) -> None:
    assert refusal(by_code, session, "123456") == "unknown"


def test_an_unknown_link_opens_nothing(session: Session) -> None:
    assert refusal(by_link, session, "no-such-token") == "unknown"


def test_before_the_mail_is_rendered_no_code_is_right(session: Session) -> None:
    make_member(session)
    services.ask_sign_in(session, email="reader@example.org", browser_hash=BROWSER, language="en", now=NOW)

    assert [refusal(by_code, session, code) for code in ("", "000000", "123456")] == ["wrong"] * 3


def test_a_stranger_meets_the_same_refusals_as_a_member(session: Session) -> None:
    make_member(session, "known@example.org")
    _, code = ask_for_mail(session, "known@example.org")
    ask_for_mail(session, "stranger@example.org", browser_hash=OTHER_BROWSER)

    known = [refusal(by_code, session, wrong(code)) for _ in range(6)]
    stranger = [refusal(by_code, session, wrong(code), browser_hash=OTHER_BROWSER) for _ in range(6)]

    assert known == stranger == ["wrong"] * 4 + ["tries"] * 2


def test_after_five_wrong_codes_the_right_one_is_dead_and_so_is_the_link(session: Session) -> None:
    make_member(session)
    token, code = ask_for_mail(session, "reader@example.org")
    for _ in range(5):
        refusal(by_code, session, wrong(code))

    assert (refusal(by_code, session, code), refusal(by_link, session, token)) == ("tries", "tries")


def test_the_fifth_try_may_be_the_right_one(session: Session) -> None:
    member = make_member(session)
    _, code = ask_for_mail(session, "reader@example.org")
    for _ in range(4):
        refusal(by_code, session, wrong(code))

    by_code(session, code)

    assert members_signed_in(session) == [member.id]


def test_racing_wrong_codes_share_the_five_tries(session: Session, engine: Engine) -> None:
    make_member(session)
    _, code = ask_for_mail(session, "reader@example.org")

    states = race(engine, lambda racer: refusal(by_code, racer, wrong(code)))

    assert (states.count("wrong"), states.count("tries")) == (4, 16)
    assert session.scalars(select(SignInRequest.tries)).one() == 5


def test_twenty_racers_on_one_right_code_open_one_session(session: Session, engine: Engine) -> None:
    member = make_member(session)
    _, code = ask_for_mail(session, "reader@example.org")

    def attempt(racer: Session) -> str:
        try:
            return "in" if by_code(racer, code) else ""
        except services.SignInFailed as failed:
            return failed.state

    assert sorted(race(engine, attempt)) == ["in"] + ["used"] * 19
    assert members_signed_in(session) == [member.id]


def test_twenty_racers_on_one_link_open_one_session(session: Session, engine: Engine) -> None:
    member = make_member(session)
    token, _ = ask_for_mail(session, "reader@example.org")

    def attempt(racer: Session) -> str:
        try:
            return "in" if by_link(racer, token) else ""
        except services.SignInFailed as failed:
            return failed.state

    assert sorted(race(engine, attempt)) == ["in"] + ["used"] * 19
    assert members_signed_in(session) == [member.id]


@pytest.mark.parametrize("passed", [timedelta(minutes=10), timedelta(hours=3)])
def test_link_and_code_run_out_after_ten_minutes(session: Session, passed: timedelta) -> None:
    make_member(session)
    token, code = ask_for_mail(session, "reader@example.org")

    assert refusal(by_code, session, code, now=NOW + passed) == "expired"
    assert refusal(by_link, session, token, now=NOW + passed) == "expired"


def test_the_ten_minutes_begin_when_the_mail_is_rendered(session: Session) -> None:
    member = make_member(session)
    services.ask_sign_in(session, email="reader@example.org", browser_hash=BROWSER, language="en", now=NOW)
    (request,) = session.scalars(select(SignInRequest))
    later = NOW + timedelta(minutes=9)
    _, code = render_mail(session, request.id, now=later)

    by_code(session, code, now=later + timedelta(minutes=9))

    assert members_signed_in(session) == [member.id]


def test_each_proof_works_once(session: Session) -> None:
    make_member(session)
    token, code = ask_for_mail(session, "reader@example.org")
    by_link(session, token)

    assert (refusal(by_link, session, token), refusal(by_code, session, code)) == ("used", "used")


def test_asking_again_kills_the_earlier_mail(session: Session) -> None:
    make_member(session)
    old_token, old_code = ask_for_mail(session, "reader@example.org")
    ask_for_mail(session, "reader@example.org")

    states = (refusal(by_link, session, old_token), refusal(by_code, session, old_code))

    assert states == ("replaced", "wrong")


def test_a_resend_by_the_outbox_makes_a_new_link_and_code(session: Session) -> None:
    member = make_member(session)
    old_token, _ = ask_for_mail(session, "reader@example.org")
    (request,) = session.scalars(select(SignInRequest))
    new_token, _ = render_mail(session, request.id)

    assert refusal(by_link, session, old_token) == "unknown"
    by_link(session, new_token)
    assert members_signed_in(session) == [member.id]


def test_somebody_elses_asking_does_not_kill_my_mail(session: Session) -> None:
    member = make_member(session)
    _, code = ask_for_mail(session, "reader@example.org")
    ask_for_mail(session, "reader@example.org", browser_hash=OTHER_BROWSER)

    by_code(session, code)

    assert members_signed_in(session) == [member.id]


@pytest.mark.parametrize("browser_hash", [OTHER_BROWSER, None])
def test_in_another_browser_the_link_alone_is_not_enough(session: Session, browser_hash: bytes | None) -> None:
    member = make_member(session)
    token, code = ask_for_mail(session, "reader@example.org")

    refused = [refusal(by_link, session, token, browser_hash=browser_hash, code=typed) for typed in ("", wrong(code))]
    by_link(session, token, browser_hash=browser_hash, code=f"{code[:3]} {code[3:]}")

    assert (refused, members_signed_in(session)) == (["wrong", "wrong"], [member.id])


def test_the_code_of_one_browser_is_nothing_in_another(session: Session) -> None:
    make_member(session)
    _, code = ask_for_mail(session, "reader@example.org")
    ask_for_mail(session, "stranger@example.org", browser_hash=OTHER_BROWSER)

    assert refusal(by_code, session, code, browser_hash=OTHER_BROWSER) == "wrong"


def test_neither_token_nor_code_is_kept(session: Session) -> None:
    make_member(session)
    token, code = ask_for_mail(session, "reader@example.org")

    request = session.scalars(select(SignInRequest)).one()
    kept = b"|".join((request.token_hash or b"", request.code_hash or b""))

    assert token.encode() not in kept
    assert code.encode() not in kept
    assert [item.payload for item in session.scalars(select(OutboxItem))] == [{"request_id": request.id}]


def test_staff_are_not_let_in_by_a_mailbox(session: Session) -> None:
    make_staff(session, email="staff@example.org")

    assert ask_for_mail(session, "staff@example.org") == ("", "")


def test_a_role_given_between_mail_and_code_closes_the_door(session: Session) -> None:
    member = make_member(session)
    _, code = ask_for_mail(session, "reader@example.org")
    services.grant_role(session, member_id=member.id, role="editor", actor_id=None, now=NOW)

    assert refusal(by_code, session, code) == "unknown"
    assert members_signed_in(session) == []


def test_the_first_proof_confirms_a_typed_address_and_ends_what_was_open(session: Session) -> None:
    member = make_typed_member(session, "typed@example.org")
    services.start_session(session, member_id=member.id, method="checkout", now=NOW)
    _, code = ask_for_mail(session, "typed@example.org")

    token = by_code(session, code).token

    login = queries.find_login_session(session, token=token, now=NOW)
    assert login is not None
    assert [each.id for each in queries.live_sessions_of(session, member.id, now=NOW)] == [login.id]
    assert (login.member.email, login.member.typed_email) == ("typed@example.org", None)


def test_of_several_who_typed_an_address_the_first_gets_it(session: Session) -> None:
    first, second = make_typed_member(session, "typed@example.org"), make_typed_member(session, "typed@example.org")
    for _ in range(2):
        _, code = ask_for_mail(session, "typed@example.org")
        by_code(session, code)
    session.expire_all()

    assert [(m.email, m.typed_email) for m in (first, second)] == [("typed@example.org", None), (None, "typed@example.org")]
    assert members_signed_in(session) == [first.id, first.id]


def test_a_slip_of_the_pen_at_checkout_opens_no_account_to_a_stranger(session: Session) -> None:
    member = make_member(session, "reader@example.org")
    member_with_slip = session.get_one(type(member), member.id)
    services.change_settings(session, member_id=member.id, display_name="R", language="en")
    with transaction(session):
        member_with_slip.typed_email = "reeder@example.org"

    assert ask_for_mail(session, "reeder@example.org") == ("", "")


def test_five_mails_an_hour_for_one_address_from_however_many_browsers(session: Session) -> None:
    for number in range(7):
        services.ask_sign_in(session, email="reader@example.org", browser_hash=bytes([number]) * 32, language="en", now=NOW)
    services.ask_sign_in(session, email="other@example.org", browser_hash=BROWSER, language="en", now=NOW)
    later = NOW + timedelta(hours=1)
    services.ask_sign_in(session, email="reader@example.org", browser_hash=BROWSER, language="en", now=later)

    asked = session.execute(
        select(SignInRequest.email, SignInRequest.created_at, func.count())
        .group_by(SignInRequest.email, SignInRequest.created_at)
        .order_by(SignInRequest.email, SignInRequest.created_at),
    ).all()

    assert [tuple(row) for row in asked] == [
        ("other@example.org", NOW, 1),
        ("reader@example.org", NOW, 5),
        ("reader@example.org", later, 1),
    ]
    assert session.scalar(select(func.count()).select_from(OutboxItem)) == 7


def test_racing_asks_send_five_mails(session: Session, engine: Engine) -> None:
    race(
        engine,
        lambda racer: services.ask_sign_in(racer, email="reader@example.org", browser_hash=BROWSER, language="en", now=NOW),
    )

    assert session.scalar(select(func.count()).select_from(OutboxItem)) == 5
