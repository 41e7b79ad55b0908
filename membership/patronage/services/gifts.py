"""A membership for somebody else: paid once, redeemed once by its code."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from membership import outbox
from membership.accounts.addresses import normalise
from membership.db import insert_into, transaction
from membership.errors import Conflict, NotFound, TooOften
from membership.limits import count_act
from membership.patronage import giving, queries
from membership.patronage.calendar import add_months
from membership.patronage.gift_codes import code_hash, gift_code
from membership.patronage.models import CheckoutAttempt, Gift
from membership.patronage.services import ledger
from membership.patronage.services.recipients import member_at

GIFT = "gift"


def make_gift(session: Session, *, attempt: CheckoutAttempt, months: int, now: datetime) -> None:
    """Make the gift that an attempt has paid for, and send its code; a step of the caller's transaction, safe to repeat."""
    values = {"id": uuid4(), "attempt_id": attempt.id, "months": months, "created_at": now}
    session.execute(insert_into(session, Gift).values(**values).on_conflict_do_nothing(index_elements=[Gift.attempt_id]))
    outbox.enqueue(session, kind=GIFT, key=f"gift:{attempt.id}", payload={"attempt_id": str(attempt.id)}, urgent=True, now=now)


def follow_gift_money(session: Session, *, attempt_id: UUID, reversed_at: datetime | None, disputed_at: datetime | None) -> None:
    """Bring a gift and the time it was redeemed for in line with its charge; a step of the caller's transaction."""
    gift = giving.find_gift_of_attempt(session, attempt_id, lock=True)
    if gift is None:
        return
    # While the payer's bank asks for the money back nobody can redeem it either.
    gift.reversed_at = reversed_at or disputed_at
    period = queries.find_period(session, source=GIFT, reference=str(gift.id))
    if period is not None:
        period.reversed_at, period.disputed_at = reversed_at, disputed_at


def show_gift_code(session: Session, *, gift_id: UUID, secret_key: str) -> str | None:
    """Return a gift's code for its buyer; None if our key has changed since: then only the mail of that day has it."""
    with transaction(session):
        return issue_code(session, gift_id=gift_id, secret_key=secret_key)


def issue_code(session: Session, *, gift_id: UUID, secret_key: str) -> str | None:
    """Return a gift's code, and make it valid when it is first asked for; a step of the caller's transaction."""
    gift = session.get_one(Gift, gift_id, populate_existing=True, with_for_update=True)
    code = gift_code(secret_key, gift_id)
    gift.code_hash = gift.code_hash or code_hash(code)
    return code if gift.code_hash == code_hash(code) else None


def redeem_gift(
    session: Session,
    *,
    code: str,
    asked_by: Mapping[bytes, int],
    member_id: int | None = None,
    email: str = "",
    language: str = "en",
    now: datetime,
) -> datetime:
    """Give a gift's time to a member, or to whoever a mail to this address lets in; return until when it lasts.

    asked_by maps whom tries are counted for to how many each has in an hour. Raises TooOften, NotFound, Conflict; ValueError for
    what is no address.
    """
    address = normalise(email) if member_id is None else ""
    with transaction(session):
        retry_at = count_act(session, act="gift_code", most=asked_by, within=timedelta(hours=1), now=now)
    if retry_at:
        raise TooOften("Too many codes were tried from here. You can also write to us.", retry_at=retry_at)
    with transaction(session):
        gift = _redeemable(session, code, member_id)
        if gift.redeemed_at is None:
            receiver = member_id or member_at(session, address=address, language=language, now=now)
            _redeem(session, gift, receiver, now)
        period = queries.find_period(session, source=GIFT, reference=str(gift.id))
        assert period is not None
        return period.ends_at


def _redeemable(session: Session, code: str, member_id: int | None) -> Gift:
    """Return the gift behind a code that opens something, or that this very member has redeemed already: they clicked twice."""
    gift = giving.find_gift_by_code(session, code)
    if gift is None:
        raise NotFound("We don’t know this code. Please compare it with the one you were given: it has 20 letters and digits.")
    if gift.reversed_at is not None:
        raise Conflict("This gift was paid back to its buyer, so its code opens nothing any more.")
    if gift.redeemed_at is not None and (member_id is None or gift.redeemed_by != member_id):
        raise Conflict("This code has been used already, and each works once.")
    return gift


def _redeem(session: Session, gift: Gift, member_id: int, now: datetime) -> None:
    starts_at = ledger.free_from(session, member_id, now)
    period = (starts_at, add_months(starts_at, gift.months))
    ledger.record_period(session, member_id=member_id, source=GIFT, reference=str(gift.id), period=period)
    gift.redeemed_at, gift.redeemed_by = now, member_id
