"""Passkeys: what is refused, what is kept, and what a counter that goes back means."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from membership.accounts import queries, services, staff_queries
from membership.accounts.models import LoginSession, Passkey
from membership.audit import AuditEntry
from membership.db import transaction
from membership.errors import Conflict, NotAllowed, NotFound, TooOften
from membership.outbox import OutboxItem
from tests.conftest import NOW
from tests.factories.accounts import BROWSER, make_member, make_staff, race
from tests.factories.authenticator import Authenticator, changed
from tests.factories.passkeys import PARTY, begin, finish, register

OTHER_BROWSER = b"o" * 32
LATER = NOW + timedelta(hours=1)


def begin_sign_in(session: Session, *, browser_hash: bytes = BROWSER, most: int = 9) -> str:
    return services.begin_sign_in(session, party=PARTY, browser_hash=browser_hash, most={b"network": most}, now=NOW)


def finish_sign_in(session: Session, answer: str, *, browser_hash: bytes = BROWSER, after: timedelta = timedelta()) -> str:
    return services.finish_sign_in(session, party=PARTY, answer=answer, browser_hash=browser_hash, now=NOW + after)


def confirm(session: Session, answer: str, member_id: int, session_id: int) -> None:
    services.confirm(
        session, member_id=member_id, session_id=session_id, party=PARTY, answer=answer, browser_hash=BROWSER, now=LATER
    )


def refusal(attempt: Callable[[], object]) -> str:
    with pytest.raises(NotAllowed) as refused:
        attempt()
    return refused.value.message


def acts(session: Session) -> list[str]:
    return [entry.act for entry in session.scalars(select(AuditEntry).order_by(AuditEntry.id)) if entry.act != "role.granted"]


BREAKS: tuple[Callable[[str], str], ...] = (
    lambda answer: "",
    lambda answer: "{",
    lambda answer: "[]",
    lambda answer: "null",
    lambda answer: "[" * 15_000,
    lambda answer: answer + " " * 20_000,
    lambda answer: changed(answer, clientDataJSON=5),
    lambda answer: changed(answer, clientDataJSON=b"{}"),
    lambda answer: changed(answer, clientDataJSON=b"\xff"),
    lambda answer: changed(answer, clientDataJSON=b'{"type": 1, "challenge": 1, "origin": 1}'),
    lambda answer: changed(answer, clientDataJSON="ä"),
    lambda answer: answer.replace("public-key", "password"),
)


def test_an_answer_that_is_none_is_refused(session: Session) -> None:
    staff, device = make_staff(session), Authenticator()
    register(session, device, staff.id)
    shown, made = device.get(begin_sign_in(session)), Authenticator().create(begin(session, staff.id))

    said = [refusal(lambda spoil=spoil: finish_sign_in(session, spoil(shown))) for spoil in BREAKS]
    said += [refusal(lambda spoil=spoil: finish(session, spoil(made), staff.id)) for spoil in BREAKS]

    assert set(said) == {"Your browser's answer could not be read. Try again, or use another browser."}


def test_a_passkey_that_is_garbled_is_refused_and_not_kept(session: Session) -> None:
    staff = make_staff(session)
    garbled = changed(Authenticator().create(begin(session, staff.id)), attestationObject=b"\x00")

    assert refusal(lambda: finish(session, garbled, staff.id)).startswith("This passkey could not be verified")
    assert staff_queries.passkeys_of(session, staff.id) == []


@pytest.mark.parametrize("device", [Authenticator(origin="https://evil.example"), Authenticator(verifies=False)])
def test_a_foreign_page_or_an_unguarded_device_makes_no_passkey(session: Session, device: Authenticator) -> None:
    staff = make_staff(session)

    said = refusal(lambda: finish(session, device.create(begin(session, staff.id)), staff.id))

    assert said == "This passkey could not be verified. Try again, or use another one."
    assert staff_queries.passkeys_of(session, staff.id) == []


def test_a_challenge_works_once_in_its_browser_for_its_purpose_and_member_for_five_minutes(session: Session) -> None:
    staff, other = make_staff(session), make_staff(session, email="other@example.org")
    device = Authenticator()
    register(session, device, staff.id)
    late, elsewhere = (device.get(begin_sign_in(session)) for _ in range(2))
    used = device.get(begin_sign_in(session, browser_hash=OTHER_BROWSER))
    finish_sign_in(session, used, browser_hash=OTHER_BROWSER)
    fresh = device.get(begin_sign_in(session))
    theirs = Authenticator().create(begin(session, other.id))

    said = {
        refusal(lambda: finish_sign_in(session, fresh, after=timedelta(minutes=5))),
        refusal(lambda: finish_sign_in(session, fresh, browser_hash=OTHER_BROWSER)),
        refusal(lambda: finish_sign_in(session, used, browser_hash=OTHER_BROWSER)),
        refusal(lambda: finish_sign_in(session, late)),
        refusal(lambda: finish_sign_in(session, elsewhere)),
        refusal(lambda: confirm(session, fresh, staff.id, 1)),
        refusal(lambda: finish(session, theirs, staff.id)),
    }

    assert said == {"This took longer than five minutes, was done already, or was begun in another browser. Try again."}
    assert finish_sign_in(session, fresh, after=timedelta(minutes=4, seconds=59))


def test_a_worthless_answer_uses_its_challenge_up(session: Session) -> None:
    staff, device = make_staff(session), Authenticator()
    register(session, device, staff.id)
    answer = device.get(begin_sign_in(session))

    first = refusal(lambda: finish_sign_in(session, changed(answer, signature=b"wrong")))
    second = refusal(lambda: finish_sign_in(session, answer))

    assert first == "This passkey could not be verified. Try again, or use another one."
    assert second.startswith("This took longer than five minutes")


@pytest.mark.parametrize(
    "spoil", [{"origin": "https://evil.example"}, {"verifies": False}, {"origin": "http://localhost.evil.example"}]
)
def test_a_foreign_page_or_an_unguarded_device_signs_nobody_in(session: Session, spoil: dict[str, object]) -> None:
    staff, device = make_staff(session), Authenticator()
    register(session, device, staff.id)
    for name, value in spoil.items():
        setattr(device, name, value)

    assert refusal(lambda: finish_sign_in(session, device.get(begin_sign_in(session)))).startswith(
        "This passkey could not be verified"
    )


def test_a_passkey_that_we_dont_know_or_whose_owner_left_signs_nobody_in(session: Session) -> None:
    staff, device = make_staff(session), Authenticator()
    make_staff(session, "admin", email="admin@example.org")
    passkey = register(session, device, staff.id)
    unknown = Authenticator()
    unknown.create(begin(session, staff.id))
    services.end_employment(session, member_id=staff.id, reason="Left.", actor_id=None, now=NOW)

    said = [refusal(lambda each=each: finish_sign_in(session, each.get(begin_sign_in(session)))) for each in (unknown, device)]

    assert {text.split(".")[0] for text in said} == {"We don't know this passkey"}
    assert session.get(Passkey, passkey.id) is None


def test_a_passkey_shown_under_another_name_is_refused(session: Session) -> None:
    staff, other = make_staff(session), make_staff(session, email="other@example.org")
    device, others = Authenticator(), Authenticator()
    register(session, device, staff.id)
    register(session, others, other.id)
    mixed = changed(device.get(begin_sign_in(session)), userHandle=others.credentials[0].user_handle)

    assert refusal(lambda: finish_sign_in(session, mixed)) == "This passkey is not yours. Use one of your own."


def test_somebody_elses_passkey_confirms_nothing(session: Session) -> None:
    staff, other = make_staff(session), make_staff(session, email="other@example.org")
    device, others = Authenticator(), Authenticator()
    register(session, device, staff.id)
    register(session, others, other.id)
    finish_sign_in(session, device.get(begin_sign_in(session)))
    login = session.scalars(select(LoginSession).where(LoginSession.member_id == staff.id).order_by(LoginSession.id.desc())).first()
    assert login
    options = services.begin_confirmation(session, member_id=staff.id, party=PARTY, browser_hash=BROWSER, now=LATER)

    said = refusal(lambda: confirm(session, others.get(options, others.credentials[0]), staff.id, login.id))

    session.refresh(login)
    assert (said, login.proved_at) == ("This passkey is not yours. Use one of your own.", NOW)


def test_a_passkey_shown_again_is_noted_in_this_session_alone(session: Session) -> None:
    staff, device = make_staff(session), Authenticator()
    register(session, device, staff.id)
    tokens = [finish_sign_in(session, device.get(begin_sign_in(session))) for _ in range(2)]
    logins = [queries.find_login_session(session, token=token, now=NOW) for token in tokens]
    assert logins[0]
    assert logins[1]
    options = services.begin_confirmation(session, member_id=staff.id, party=PARTY, browser_hash=BROWSER, now=LATER)

    confirm(session, device.get(options), staff.id, logins[0].id)

    for login in logins:
        session.refresh(login)
    assert [login.proved_at for login in logins if login] == [LATER, NOW]


@pytest.mark.parametrize(("kept", "shown"), [(5, 5), (5, 4), (5, 0)])
def test_a_counter_that_does_not_grow_is_refused_and_noted_as_a_possible_copy(session: Session, kept: int, shown: int) -> None:
    staff, device = make_staff(session), Authenticator(step=kept)
    passkey = register(session, device, staff.id)
    finish_sign_in(session, device.get(begin_sign_in(session)))
    device.step, device.credentials[0].sign_count = 0, shown

    said = refusal(lambda: finish_sign_in(session, device.get(begin_sign_in(session))))

    session.refresh(passkey)
    assert said.startswith("This passkey was refused, because another copy of it seems to be in use.")
    assert (passkey.sign_count, acts(session)[-1]) == (kept, "passkey.copy_suspected")


def test_an_unsigned_counter_accuses_nobody(session: Session) -> None:
    staff, device = make_staff(session), Authenticator(step=5)
    register(session, device, staff.id)
    finish_sign_in(session, device.get(begin_sign_in(session)))
    device.step = -5

    answer = changed(device.get(begin_sign_in(session)), signature=b"forged")

    assert refusal(lambda: finish_sign_in(session, answer)).startswith("This passkey could not be verified")
    assert "passkey.copy_suspected" not in acts(session)


def test_a_device_that_does_not_count_signs_in_again_and_again(session: Session) -> None:
    staff, device = make_staff(session), Authenticator(step=0)
    passkey = register(session, device, staff.id)

    tokens = {finish_sign_in(session, device.get(begin_sign_in(session))) for _ in range(2)}

    session.refresh(passkey)
    assert (len(tokens), passkey.sign_count, passkey.last_used_at) == (2, 0, NOW)


def test_racers_with_one_answer_open_one_session(session: Session, engine: Engine) -> None:
    staff, device = make_staff(session), Authenticator()
    register(session, device, staff.id)
    answer = device.get(begin_sign_in(session))

    def attempt(racer: Session) -> str:
        try:
            return finish_sign_in(racer, answer)
        except NotAllowed:
            return ""

    assert len([token for token in race(engine, attempt, racers=8) if token]) == 1


def test_a_sign_in_opens_a_short_session_that_has_just_been_proved(session: Session) -> None:
    staff, device = make_staff(session), Authenticator()
    register(session, device, staff.id)

    token = finish_sign_in(session, device.get(begin_sign_in(session)))

    login = queries.find_login_session(session, token=token, now=NOW)
    assert login
    assert (login.member_id, login.method, login.browser_hash, login.proved_at, login.expires_at - NOW) == (
        staff.id,
        "passkey",
        BROWSER,
        NOW,
        timedelta(hours=12),
    )
    assert acts(session) == ["passkey.added", "staff.signed_in"]


def test_beginning_too_often_is_refused(session: Session) -> None:
    begin_sign_in(session, most=1)

    with pytest.raises(TooOften) as refused:
        begin_sign_in(session, most=1)

    assert refused.value.retry_at == NOW + timedelta(hours=1)


def test_who_has_no_role_makes_no_passkey(session: Session) -> None:
    member = make_member(session)

    said = refusal(lambda: finish(session, Authenticator().create(begin(session, member.id)), member.id))

    assert said == "This passkey belongs to nobody who works here."


def test_a_passkey_begun_twice_before_the_first_one_is_asked_for_anew(session: Session) -> None:
    staff = make_staff(session)
    one = Authenticator().create(begin(session, staff.id))
    two = Authenticator().create(begin(session, staff.id, browser_hash=OTHER_BROWSER))
    finish(session, one, staff.id)

    assert refusal(lambda: finish(session, two, staff.id, browser_hash=OTHER_BROWSER)).startswith("This took longer")
    assert len(staff_queries.passkeys_of(session, staff.id)) == 1


def test_the_same_passkey_is_added_once(session: Session) -> None:
    staff, device = make_staff(session), Authenticator()
    passkey = register(session, device, staff.id)
    made = Authenticator()
    answer = made.create(begin(session, staff.id))
    with transaction(session):
        session.get_one(Passkey, passkey.id).credential_id = made.credentials[0].id

    with pytest.raises(Conflict):
        finish(session, answer, staff.id)


def test_adding_one_tells_its_owner_and_takes_the_place_of_the_session(session: Session) -> None:
    staff = make_staff(session)
    start = services.start_session(session, member_id=staff.id, method="enrolment", now=NOW)
    login = queries.find_login_session(session, token=start, now=NOW)
    assert login

    token = finish(session, Authenticator().create(begin(session, staff.id)), staff.id, session_id=login.id)

    assert queries.find_login_session(session, token=start, now=NOW) is None
    assert queries.find_login_session(session, token=token, now=NOW)
    told = [item.kind for item in session.scalars(select(OutboxItem)) if item.kind.startswith("passkey")]
    assert told == ["passkey_added"]


def test_the_last_passkey_stays_and_others_go_with_the_sessions_elsewhere(session: Session) -> None:
    staff = make_staff(session)
    first, second = (register(session, Authenticator(), staff.id, name=name) for name in ("phone", "key"))
    here, elsewhere = (
        queries.find_login_session(
            session, token=services.start_session(session, member_id=staff.id, method="passkey", now=NOW), now=NOW
        )
        for _ in range(2)
    )
    assert here
    assert elsewhere

    services.remove_passkey(session, member_id=staff.id, passkey_id=first.id, keep_session_id=here.id, now=NOW)
    with pytest.raises(Conflict):
        services.remove_passkey(session, member_id=staff.id, passkey_id=second.id, keep_session_id=here.id, now=NOW)

    for login in (here, elsewhere):
        session.refresh(login)
    assert (here.ended_at, elsewhere.ended_at) == (None, NOW)
    assert [passkey.name for passkey in staff_queries.passkeys_of(session, staff.id)] == ["key"]
    assert acts(session)[-1] == "passkey.removed"


def test_two_removals_at_once_leave_one(session: Session, engine: Engine) -> None:
    staff = make_staff(session)
    ids = [register(session, Authenticator(), staff.id).id for _ in range(2)]

    def attempt(racer: Session) -> int:
        left = 0
        for passkey_id in ids:
            try:
                services.remove_passkey(racer, member_id=staff.id, passkey_id=passkey_id, keep_session_id=0, now=NOW)
            except (Conflict, NotFound):
                left += 1
        return left

    session.commit()  # on SQLite an open read would not see what the racers write
    race(engine, attempt, racers=4)

    assert len(staff_queries.passkeys_of(session, staff.id)) == 1


def test_nobody_touches_somebody_elses_passkeys(session: Session) -> None:
    staff, other = make_staff(session), make_staff(session, email="other@example.org")
    passkey = register(session, Authenticator(), staff.id)

    with pytest.raises(NotFound):
        services.rename_passkey(session, member_id=other.id, passkey_id=passkey.id, name="mine", now=NOW)
    with pytest.raises(NotFound):
        services.remove_passkey(session, member_id=other.id, passkey_id=passkey.id, keep_session_id=0, now=NOW)
    services.rename_passkey(session, member_id=staff.id, passkey_id=passkey.id, name="work phone", now=NOW)

    session.refresh(passkey)
    assert passkey.name == "work phone"
