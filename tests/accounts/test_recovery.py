"""Recovery codes: wrong ones, used ones, too many tries, and the one thing that they open."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from membership.accounts import queries, recovery_codes, services, staff_queries
from membership.accounts.models import RecoveryCode
from membership.errors import NotAllowed, TooOften
from membership.outbox import OutboxItem
from tests.conftest import NOW, SECRET_KEY
from tests.factories.accounts import BROWSER, make_member, make_staff, race


def use(session: Session, code: str, *, address: str = "staff@example.org", network: bytes = b"home") -> str:
    return services.use_recovery_code(
        session, address=address, code=code, network=network, browser_hash=BROWSER, secret_key=SECRET_KEY, now=NOW
    )


def test_what_does_not_belong_together_is_refused_in_the_same_words(session: Session) -> None:
    staff, other = make_staff(session), make_staff(session, email="other@example.org")
    reader = make_member(session)
    codes, others, readers = (services.make_recovery_codes(session, member_id=m.id, now=NOW) for m in (staff, other, reader))
    old = codes[0]
    codes = services.make_recovery_codes(session, member_id=staff.id, now=NOW)
    use(session, codes[1])
    attempts = [
        ("staff@example.org", old),
        ("staff@example.org", codes[1]),
        ("staff@example.org", others[0]),
        ("staff@example.org", ""),
        ("staff@example.org", "ж" * 16),
        ("nobody@example.org", codes[2]),
        ("no address", codes[2]),
        ("reader@example.org", readers[0]),
    ]

    said = []
    for address, code in attempts:
        with pytest.raises(NotAllowed) as refused:
            use(session, code, address=address)
        said.append(refused.value.message)

    assert set(said) == {"This address and this code don't belong together, or the code was used already."}
    assert staff_queries.count_recovery_codes(session, staff.id) == 9


def test_a_code_opens_half_an_hour_of_enrolment_and_its_owner_is_told(session: Session) -> None:
    staff = make_staff(session)
    codes = services.make_recovery_codes(session, member_id=staff.id, now=NOW)

    token = use(session, f" {codes[0].upper().replace('-', ' ')} ", address=" Staff@Example.org ")

    login = queries.find_login_session(session, token=token, now=NOW)
    assert login
    assert (login.member_id, login.method, login.expires_at - NOW) == (staff.id, "enrolment", timedelta(minutes=30))
    assert [item.kind for item in session.scalars(select(OutboxItem))] == ["recovery_code_used"]


def test_codes_are_ten_of_their_own_and_only_their_hashes_stay(session: Session) -> None:
    staff = make_staff(session)

    codes = services.make_recovery_codes(session, member_id=staff.id, now=NOW)

    hashes = session.scalars(select(RecoveryCode.code_hash)).all()
    assert (len(set(codes)), len(hashes)) == (10, 10)
    assert {len(recovery_codes.clean_code(code)) for code in codes} == {16}
    assert not any(code.encode() in kept for code in codes for kept in hashes)


def test_misread_letters_are_put_right() -> None:
    assert recovery_codes.clean_code("OIL0-abcd efgh-ijkl") == "0110abcdefgh1jk1"


def test_guessing_ends_for_the_network_and_not_for_the_owner_elsewhere(session: Session) -> None:
    staff = make_staff(session)
    codes = services.make_recovery_codes(session, member_id=staff.id, now=NOW)
    for _ in range(20):
        with pytest.raises(NotAllowed):
            use(session, "wrong", network=b"cafe")

    with pytest.raises(TooOften) as refused:
        use(session, codes[0], network=b"cafe")

    assert refused.value.retry_at == NOW + timedelta(hours=1)
    assert use(session, codes[0], network=b"home")


def test_racers_with_one_code_get_in_once(session: Session, engine: Engine) -> None:
    staff = make_staff(session)
    code = services.make_recovery_codes(session, member_id=staff.id, now=NOW)[0]
    session.commit()

    def attempt(racer: Session) -> str:
        try:
            return use(racer, code)
        except NotAllowed:
            return ""

    assert len([token for token in race(engine, attempt, racers=8) if token]) == 1
