"""Signing in by mail: the link, the code, and everything that must not work."""

from datetime import timedelta
from itertools import cycle

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from membership.accounts import queries, services
from membership.accounts.models import LoginSession, SignInRequest
from membership.db import transaction
from membership.errors import TooOften
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
NETWORK = b"n" * 32


def by_code(
    session: Session, code: str, *, browser_hash: bytes = BROWSER, network: bytes | None = None, now=NOW
) -> services.SignedIn:
    typist = services.Typist(browser_hash, network)
    return services.finish_sign_in_with_code(session, typist=typist, code=code, secret_key=SECRET_KEY, now=now)


def by_link(
    session: Session,
    token: str,
    *,
    browser_hash: bytes | None = BROWSER,
    network: bytes | None = None,
    code: str = "",
    now=NOW,
) -> services.SignedIn:
    typist = services.Typist(browser_hash, network)
    return services.finish_sign_in_with_link(session, token=token, typist=typist, code=code, secret_key=SECRET_KEY, now=now)


def ask(session: Session, email: str = "reader@example.org", *, browser_hash: bytes = BROWSER, network=None, now=NOW):
    return services.ask_sign_in(session, email=email, browser_hash=browser_hash, language="en", network=network, now=now)


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


def test_five_wrong_codes_typed_by_whoever_asked_leave_the_link_in_the_owners_mailbox_alive(session: Session) -> None:
    member = make_member(session)
    token, code = ask_for_mail(session, "reader@example.org", browser_hash=OTHER_BROWSER)
    for _ in range(5):
        refusal(by_code, session, wrong(code), browser_hash=OTHER_BROWSER)

    assert refusal(by_code, session, code, browser_hash=OTHER_BROWSER) == "tries"
    assert refusal(by_link, session, token, code=wrong(code)) == "wrong"
    by_link(session, token, code=code)
    assert members_signed_in(session) == [member.id]


def test_five_wrong_codes_beside_the_link_kill_the_link_and_not_the_code_where_it_was_asked_for(session: Session) -> None:
    member = make_member(session)
    token, code = ask_for_mail(session, "reader@example.org")

    elsewhere = [refusal(by_link, session, token, browser_hash=OTHER_BROWSER, code=wrong(code)) for _ in range(6)]

    assert elsewhere == ["wrong"] * 4 + ["tries"] * 2
    assert refusal(by_link, session, token, browser_hash=OTHER_BROWSER, code=code) == "tries"
    by_code(session, code)
    assert members_signed_in(session) == [member.id]


def test_asking_anew_gives_no_more_guesses_than_a_days(session: Session) -> None:
    """Five an hour are all mails an hour; without this it would be six hundred guesses a day."""
    member = make_member(session)
    for hour in range(5):
        for _ in range(5):
            _, code = ask_for_mail(session, "reader@example.org", now=NOW + timedelta(hours=hour))
            refusal(by_code, session, wrong(code), now=NOW + timedelta(hours=hour))
    later = NOW + timedelta(hours=6)
    token, code = ask_for_mail(session, "reader@example.org", now=later)

    assert refusal(by_code, session, code, now=later) == "tries"
    by_link(session, token, browser_hash=OTHER_BROWSER, code=code, now=later)
    assert members_signed_in(session) == [member.id]


@pytest.mark.parametrize(("browsers", "guesses"), [(["a"] * 13, 30), (list("abcdefghijklm"), 60)])
def test_guesses_of_one_browser_and_of_one_network_are_bounded_over_all_addresses(
    session: Session, browsers: list[str], guesses: int
) -> None:
    """Five guesses at each address, one address after the other: past the limit even a right guess opens nothing."""
    states = []
    for number, browser in enumerate(browsers):
        make_member(session, f"reader{number}@example.org")
        known = browser.encode() * 32
        _, code = ask_for_mail(session, f"reader{number}@example.org", browser_hash=known)
        for _ in range(5):
            try:
                by_code(session, wrong(code), browser_hash=known, network=NETWORK)
            except services.SignInFailed as failed:
                states.append(failed.state)
            except TooOften as refused:
                states.append(refused.retry_at)

    with pytest.raises(TooOften):
        by_code(session, code, browser_hash=known, network=NETWORK)
    assert states == (["wrong"] * 4 + ["tries"]) * (guesses // 5) + [NOW + timedelta(hours=1)] * (65 - guesses)
    assert members_signed_in(session) == []


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


def test_racers_by_link_and_by_code_open_one_session(session: Session, engine: Engine) -> None:
    member = make_member(session)
    token, code = ask_for_mail(session, "reader@example.org")
    ways = cycle((lambda racer: by_code(racer, code), lambda racer: by_link(racer, token)))

    def attempt(racer: Session) -> str:
        try:
            return "in" if next(ways)(racer) else ""
        except services.SignInFailed as failed:
            return failed.state

    assert sorted(race(engine, attempt)) == ["in"] + ["used"] * 19
    assert members_signed_in(session) == [member.id]


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
    for earlier, later in ((BROWSER, OTHER_BROWSER), (OTHER_BROWSER, BROWSER)):
        mails = [(browser, *ask_for_mail(session, "reader@example.org", browser_hash=browser)) for browser in (earlier, later)]
        code = next(code for browser, _, code in mails if browser == BROWSER)

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
    asked = [ask(session, browser_hash=bytes([number]) * 32, network=bytes([number])) for number in range(7)]
    ask(session, "other@example.org")
    later = NOW + timedelta(hours=1)

    assert asked == [None] * 5 + [later] * 2
    assert ask(session, now=later) is None
    assert session.execute(
        select(SignInRequest.email, SignInRequest.created_at, func.count())
        .group_by(SignInRequest.email, SignInRequest.created_at)
        .order_by(SignInRequest.email, SignInRequest.created_at),
    ).all() == [("other@example.org", NOW, 1), ("reader@example.org", NOW, 5), ("reader@example.org", later, 1)]
    assert session.scalar(select(func.count()).select_from(OutboxItem)) == 7


def test_a_new_mail_can_be_sent_when_the_oldest_of_five_is_an_hour_old(session: Session) -> None:
    for minutes in (0, 10, 20, 30, 40):
        ask(session, now=NOW + timedelta(minutes=minutes))

    assert ask(session, now=NOW + timedelta(minutes=50)) == NOW + timedelta(hours=1)
    assert ask(session, now=NOW + timedelta(hours=1)) is None
    assert ask(session, now=NOW + timedelta(hours=1)) == NOW + timedelta(hours=1, minutes=10)


def test_racing_asks_send_five_mails(session: Session, engine: Engine) -> None:
    again = race(engine, lambda racer: ask(racer))

    assert (again.count(None), again.count(NOW + timedelta(hours=1))) == (5, 15)
    assert session.scalar(select(func.count()).select_from(OutboxItem)) == 5


def test_a_stranger_who_uses_up_the_hours_mails_does_not_lock_the_owner_out(session: Session) -> None:
    member = make_member(session)
    mailbox = [ask_for_mail(session, "reader@example.org", browser_hash=OTHER_BROWSER) for _ in range(5)]
    token, code = mailbox[-1]
    for _ in range(5):
        refusal(by_code, session, wrong(code), browser_hash=OTHER_BROWSER)
    later = NOW + timedelta(minutes=30)
    assert refusal(by_link, session, token, code=code, now=later) == "expired"

    assert ask(session, now=later) == NOW + timedelta(hours=1)

    by_link(session, token, code=code, now=later + timedelta(minutes=9))
    assert members_signed_in(session) == [member.id]


def test_when_the_newest_mail_was_used_the_one_before_works_again(session: Session) -> None:
    """The owner wants in on a second device within the hour, in which a stranger has used up all mails."""
    member = make_member(session)
    mailbox = [ask_for_mail(session, "reader@example.org", browser_hash=OTHER_BROWSER) for _ in range(5)]
    by_link(session, mailbox[-1][0], code=mailbox[-1][1])
    assert refusal(by_link, session, mailbox[-2][0], code=mailbox[-2][1]) == "replaced"

    ask(session)

    states = [refusal(by_link, session, token, code=code) for token, code in (mailbox[-1], mailbox[-3])]
    by_link(session, mailbox[-2][0], code=mailbox[-2][1])
    assert states == ["used", "replaced"]
    assert members_signed_in(session) == [member.id] * 2


def test_working_again_gives_no_tries_back(session: Session) -> None:
    make_member(session)
    for _ in range(5):
        token, code = ask_for_mail(session, "reader@example.org")
    for _ in range(5):
        refusal(by_code, session, wrong(code))
        refusal(by_link, session, token, browser_hash=OTHER_BROWSER, code=wrong(code))

    ask(session)

    assert refusal(by_code, session, code) == refusal(by_link, session, token, browser_hash=OTHER_BROWSER, code=code) == "tries"


def test_past_the_limit_a_row_is_written_for_everybody_so_that_it_takes_the_same_time(session: Session) -> None:
    make_member(session, "used@example.org")
    for email in ("used@example.org", "stranger@example.org"):
        for _ in range(5):
            _, code = ask_for_mail(session, email)
            if code:
                by_code(session, code)
    later = NOW + timedelta(minutes=20)

    for email in ("used@example.org", "stranger@example.org"):
        ask(session, email, now=later)

    session.expire_all()
    extended = select(SignInRequest.email).where(SignInRequest.expires_at == later + timedelta(minutes=10))
    assert sorted(session.scalars(extended)) == ["stranger@example.org", "used@example.org"]


def test_a_network_asks_for_sixty_mails_an_hour_and_is_told_when_it_may_again(session: Session) -> None:
    for number in range(60):
        ask(session, f"reader{number}@example.org", browser_hash=bytes([number]) * 32, network=NETWORK)
    later = NOW + timedelta(minutes=30)

    with pytest.raises(TooOften) as refused:
        ask(session, "last@example.org", network=NETWORK, now=later)

    assert refused.value.retry_at == NOW + timedelta(hours=1)
    assert ask(session, "last@example.org", network=b"another", now=later) is None
    assert ask(session, "next@example.org", network=NETWORK, now=NOW + timedelta(hours=1)) is None
    assert session.scalar(select(func.count()).select_from(OutboxItem)) == 62


def test_a_browser_that_was_signed_in_before_is_not_held_up_by_its_network(session: Session) -> None:
    member = make_member(session)
    services.start_session(session, member_id=member.id, method="mail", browser_hash=BROWSER, now=NOW - timedelta(days=40))
    for number in range(60):
        ask(session, f"reader{number}@example.org", browser_hash=OTHER_BROWSER, network=NETWORK)

    with pytest.raises(TooOften):
        ask(session, network=NETWORK, browser_hash=OTHER_BROWSER)
    assert ask(session, network=NETWORK) is None


def test_where_an_invitation_was_opened_counts_as_never_signed_in(session: Session) -> None:
    member = make_member(session)
    services.start_session(session, member_id=member.id, method="enrolment", browser_hash=BROWSER, now=NOW)

    assert not queries.has_opened(session, BROWSER)
