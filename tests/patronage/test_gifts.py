"""A gift: paid once, redeemed once, and gone with its money."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.db import transaction
from membership.errors import Conflict, NotFound, TooOften
from membership.outbox import Letter, OutboxItem
from membership.patronage import queries, services
from membership.patronage.giving_letters import prepare_gift
from membership.patronage.models import CheckoutAttempt, Gift, PaidPeriod, Payment
from membership.patronage.services.gifts import follow_gift_money, make_gift
from tests.conftest import NOW, SECRET_KEY
from tests.factories.accounts import make_member, make_staff, make_typed_member, race
from tests.factories.patronage import give_seat, make_plan
from tests.patronage.conftest import Till, table

UNKNOWN = "0000-0000-0000-0000-0000"
TRIES_PER_HOUR = 20


def make_paid_gift(session: Session, *, months: int = 3, now: datetime = NOW) -> tuple[UUID, str]:
    """A gift that somebody has paid for; its attempt's id and its code."""
    plan = queries.find_default_plan(session) or make_plan(session)
    with transaction(session):
        attempt = CheckoutAttempt(
            id=uuid4(), plan_id=plan.id, purpose="gift", interval="once", amount_minor=900, currency="eur", language="uk",
            browser_hash=b"b" * 32, buyer_email="buyer@example.org", created_at=now, paid_at=now,
        )  # fmt: skip
        session.add(attempt)
        session.flush()
        make_gift(session, attempt=attempt, months=months, now=now)
    gift_id = session.scalars(select(Gift.id).where(Gift.attempt_id == attempt.id)).one()
    code = services.show_gift_code(session, gift_id=gift_id, secret_key=SECRET_KEY)
    assert code is not None
    return attempt.id, code


def redeem(session: Session, code: str, member_id: int | None = None, *, email: str = "", now: datetime = NOW) -> datetime:
    return services.redeem_gift(session, code=code, asked_by={b"n": TRIES_PER_HOUR}, member_id=member_id, email=email, now=now)


def money_comes_back(session: Session, attempt_id: UUID, *, at: datetime | None, disputed_at: datetime | None = None) -> None:
    with transaction(session):
        follow_gift_money(session, attempt_id=attempt_id, reversed_at=at, disputed_at=disputed_at)


def test_an_unknown_code_opens_nothing_and_makes_nobody(session: Session) -> None:
    make_paid_gift(session)

    with pytest.raises(NotFound, match="We don’t know this code"):
        redeem(session, UNKNOWN, email="new@example.org")

    assert table(session, Member, "id") == []


def test_a_used_code_opens_nothing_for_anybody_else(session: Session) -> None:
    _, code = make_paid_gift(session)
    redeem(session, code, make_member(session).id)

    with pytest.raises(Conflict, match="used already"):
        redeem(session, code, make_member(session, "other@example.org").id)
    with pytest.raises(Conflict, match="used already"):
        redeem(session, code, email="new@example.org")

    assert len(table(session, PaidPeriod, "id")) == 1
    assert table(session, Member, "email") == [("other@example.org",), ("reader@example.org",)]


def test_two_clicks_of_the_same_member_are_one_gift(session: Session) -> None:
    _, code = make_paid_gift(session)
    member = make_member(session)

    assert redeem(session, code, member.id) == redeem(session, code, member.id) == NOW.replace(month=6)
    assert len(table(session, PaidPeriod, "id")) == 1


def test_used_stays_used_when_its_users_account_is_deleted(session: Session) -> None:
    _, code = make_paid_gift(session)
    member = make_member(session)
    redeem(session, code, member.id)
    with transaction(session):
        session.execute(delete(Member).where(Member.id == member.id))

    with pytest.raises(Conflict, match="used already"):
        redeem(session, code, make_member(session, "other@example.org").id)

    assert table(session, PaidPeriod, "id") == []


def test_a_gift_that_was_paid_back_opens_nothing(session: Session) -> None:
    attempt_id, code = make_paid_gift(session)
    money_comes_back(session, attempt_id, at=NOW)

    with pytest.raises(Conflict, match="paid back to its buyer"):
        redeem(session, code, make_member(session).id)

    assert table(session, PaidPeriod, "id") == []


def test_while_its_buyers_bank_asks_for_the_money_back_it_opens_nothing_and_won_it_does(session: Session) -> None:
    attempt_id, code = make_paid_gift(session)
    money_comes_back(session, attempt_id, at=None, disputed_at=NOW)
    with pytest.raises(Conflict):
        redeem(session, code, make_member(session).id)

    money_comes_back(session, attempt_id, at=None)

    assert redeem(session, code, make_member(session, "second@example.org").id) == NOW.replace(month=6)


def test_somebody_who_guesses_is_stopped_before_they_know_anything(session: Session) -> None:
    _, code = make_paid_gift(session)
    for _ in range(TRIES_PER_HOUR):
        with pytest.raises(NotFound):
            redeem(session, UNKNOWN, email="new@example.org")

    with pytest.raises(TooOften):
        redeem(session, code, email="new@example.org")

    assert redeem(session, code, email="new@example.org", now=NOW + timedelta(hours=1)) > NOW


def test_what_is_no_address_costs_no_try(session: Session) -> None:
    _, code = make_paid_gift(session)

    with pytest.raises(ValueError, match="not an e-mail address"):
        redeem(session, code, email="nobody")


def test_reused_at_once_it_is_redeemed_once(engine: Engine, session: Session) -> None:
    _, code = make_paid_gift(session)

    def attempt(own: Session) -> str:
        try:
            redeem(own, code, email=f"racer{id(own)}@example.org")
        except Conflict:
            return "used"
        return "redeemed"

    outcomes = race(engine, attempt, racers=6)

    assert sorted(outcomes) == ["redeemed", *["used"] * 5]
    assert len(table(session, PaidPeriod, "id")) == 1
    assert len(table(session, Member, "id")) == 1


def test_two_gifts_to_one_new_address_at_once_make_one_member(engine: Engine, session: Session) -> None:
    codes = [make_paid_gift(session)[1] for _ in range(3)]

    race(engine, lambda own: redeem(own, codes.pop(), email="new@example.org"), racers=3)

    assert table(session, Member, "typed_email") == [("new@example.org",)]
    assert {ends.month for (ends,) in table(session, PaidPeriod, "ends_at")} == {6, 9, 12}


def test_redeemed_by_an_address_it_goes_to_whoever_may_prove_it(session: Session) -> None:
    proved, typed = make_member(session, "proved@example.org"), make_typed_member(session)

    for address in ("Proved@Example.org", "typed@example.org", "new@example.org"):
        redeem(session, make_paid_gift(session)[1], email=address)

    owners = {member_id for (member_id,) in table(session, PaidPeriod, "member_id")}
    assert owners == {proved.id, typed.id, *session.scalars(select(Member.id).where(Member.typed_email == "new@example.org"))}
    assert len(owners) == 3


def test_a_running_patrons_gift_begins_where_the_paid_time_ends(session: Session) -> None:
    member = make_member(session)
    give_seat(session, member.id)  # for twenty days more
    _, code = make_paid_gift(session, months=1)

    until = redeem(session, code, member.id)

    assert until == datetime(2026, 5, 11, 12, tzinfo=NOW.tzinfo)
    assert queries.standing_of(session, member.id, at=NOW).until == until


def test_a_redeemed_gift_ends_with_its_money_and_comes_back_with_it(session: Session) -> None:
    attempt_id, code = make_paid_gift(session)
    member = make_member(session)
    redeem(session, code, member.id)

    money_comes_back(session, attempt_id, at=NOW)
    refunded = queries.standing_of(session, member.id, at=NOW).code
    money_comes_back(session, attempt_id, at=None, disputed_at=NOW)
    disputed = queries.standing_of(session, member.id, at=NOW).code
    money_comes_back(session, attempt_id, at=None)

    assert (refunded, disputed, queries.standing_of(session, member.id, at=NOW).code) == ("refunded", "disputed", "patron")


def test_paying_makes_a_gift_and_no_patron(till: Till) -> None:
    till.pays("once", 3600, purpose="gift", email="Buyer@example.org")

    assert till.table(Gift, "months", "redeemed_at", "reversed_at") == [(12, None, None)]
    assert till.table(Member, "id") == []
    assert till.table(PaidPeriod, "id") == []
    assert till.table(Payment, "kind", "amount_minor", "member_id") == [("charge", 3600, None)]
    assert till.table(OutboxItem, "kind") == [("gift",)]
    assert till.table(CheckoutAttempt, "buyer_email") == [("buyer@example.org",)]


def test_a_buyer_who_is_signed_in_is_no_patron_by_it_either(till: Till) -> None:
    member = make_member(till.session)

    till.pays("once", 900, purpose="gift", member_id=member.id, email="elsewhere@example.org")

    assert queries.standing_of(till.session, member.id, at=NOW).code == "never"
    assert till.table(Payment, "member_id") == [(member.id,)]
    assert till.table(OutboxItem, "kind") == [("gift",)]
    assert letter_of(till.session).to == "elsewhere@example.org"


def test_a_refund_at_stripe_reaches_the_gift_and_its_time(till: Till) -> None:
    session_id = till.pays("once", 900, purpose="gift")
    ((gift_id,),) = till.table(Gift, "id")
    code = services.show_gift_code(till.session, gift_id=gift_id, secret_key=SECRET_KEY)
    member = make_member(till.session, "friend@example.org")
    redeem(till.session, code or "", member.id)
    till.stripe.control("refund", id=till.table(Payment, "reference")[0][0])

    till.sync_checkout(session_id)

    assert queries.standing_of(till.session, member.id, at=NOW).code == "refunded"
    with pytest.raises(Conflict, match="paid back"):
        redeem(till.session, code or "", member.id)


def letter_of(session: Session, *, secret_key: str = SECRET_KEY) -> Letter:
    (payload,) = session.scalars(select(OutboxItem.payload).where(OutboxItem.kind == "gift"))
    with transaction(session):
        letter = prepare_gift(session, payload, secret_key=secret_key)
    assert letter is not None
    return letter


def test_the_mail_has_the_code_that_the_page_shows(till: Till) -> None:
    till.pays("once", 900, purpose="gift", email="buyer@example.org")
    ((gift_id,),) = till.table(Gift, "id")

    letter = letter_of(till.session)

    assert (letter.to, letter.template, letter.language) == ("buyer@example.org", "gift", "en")
    assert letter.context["months"] == 3
    assert letter.context["code"] == services.show_gift_code(till.session, gift_id=gift_id, secret_key=SECRET_KEY)
    assert redeem(till.session, letter.context["code"], make_staff(till.session).id) == NOW.replace(month=6)


def test_after_our_key_has_changed_no_wrong_code_is_shown_and_the_old_one_works(session: Session) -> None:
    _, code = make_paid_gift(session)
    ((gift_id,),) = table(session, Gift, "id")

    assert services.show_gift_code(session, gift_id=gift_id, secret_key="another key of 32 characters or more") is None
    assert redeem(session, code, make_member(session).id) == NOW.replace(month=6)
