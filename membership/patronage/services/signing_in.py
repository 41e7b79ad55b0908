"""The browser that paid is signed in by it, once."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import exists, update
from sqlalchemy.orm import Session, aliased

from membership.accounts.closures import is_closed
from membership.db import transaction
from membership.patronage import queries
from membership.patronage.models import CheckoutAttempt

# Whoever comes back later to a shared computer finds nothing open.
USABLE_FOR = timedelta(hours=24)


def use_paid_checkout(session: Session, *, attempt_id: UUID, browser_hash: bytes, now: datetime) -> int | None:
    """Return whom a paid attempt signs in, in the browser that began it; None if it signs nobody in (any more).

    Never somebody with a proved address: they sign in by mail, so that paying in a shared browser opens nobody else's account. And
    once for all tabs: whoever left a page open before somebody else paid here must not get into what that payment made.
    """
    other = aliased(CheckoutAttempt)
    used = exists().where(
        other.member_id == CheckoutAttempt.member_id, other.id != CheckoutAttempt.id, other.signed_in_at.is_not(None)
    )
    with transaction(session):
        opened = session.execute(
            update(CheckoutAttempt)
            .where(
                CheckoutAttempt.id == attempt_id,
                CheckoutAttempt.browser_hash == browser_hash,
                CheckoutAttempt.paid_at.is_not(None),
                CheckoutAttempt.paid_at > now - USABLE_FOR,
                CheckoutAttempt.member_id.is_not(None),
                CheckoutAttempt.signed_in_at.is_(None),
                ~used,
            )
            .values(signed_in_at=now)
            .returning(CheckoutAttempt.member_id),
        ).first()
        member_id: int | None = opened.member_id if opened else None
        if member_id is None or queries.is_proved(session, member_id) or is_closed(session, member_id):
            return None
        return member_id
