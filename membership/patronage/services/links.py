"""The way out for who is not signed in: a mail with signed links, and making links that were sent dead."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from membership import audit, outbox
from membership.accounts.addresses import normalise
from membership.accounts.queries import lock_address
from membership.db import transaction
from membership.errors import TooOften
from membership.limits import count_act
from membership.patronage import contracts
from membership.patronage.models import CancelRequest, CheckoutAttempt

KEEP_REQUESTS = timedelta(days=1)
# Each of them is a working way out: whoever wants to keep somebody in by asking in their name has sent it to them.
MAILS_PER_HOUR = 3


def ask_cancel_mail(
    session: Session, *, email: str, language: str, asked_by: Mapping[bytes, int] | None = None, now: datetime
) -> None:
    """Let a mail with the way out be sent to an address; past the mailbox's three in an hour nothing is sent, and nobody is told.

    Does the same for known and unknown addresses: whose it is is looked up when the mail is rendered. asked_by maps who asks to how
    often each may in an hour, whatever the address. Raises TooOften; ValueError for what is no address.
    """
    address = normalise(email)
    with transaction(session):
        retry_at = count_act(session, act="cancel_mail", most=asked_by or {}, within=timedelta(hours=1), now=now)
    if retry_at:
        raise TooOften("Mails were asked for many times from here. You can also write to us.", retry_at=retry_at)
    with transaction(session):
        lock_address(session, address)
        if contracts.count_cancel_requests_of_last_hour(session, address, now=now) >= MAILS_PER_HOUR:
            return
        request = CancelRequest(email=address, language=language, requested_at=now)
        session.add(request)
        session.flush()
        outbox.enqueue(
            session,
            kind="cancel_link",
            key=f"cancel_link:{request.id}",
            payload={"request_id": request.id},
            urgent=True,
            now=now,
        )


def revoke_links(session: Session, *, member_id: int, actor_id: int | None, now: datetime) -> None:
    """Make every signed link dead that was sent to a member so far; later mails carry new ones."""
    with transaction(session):
        own = select(CheckoutAttempt).where(CheckoutAttempt.member_id == member_id).order_by(CheckoutAttempt.id)
        for attempt in session.scalars(own.with_for_update().execution_options(populate_existing=True)):
            attempt.link_key = uuid4()
        audit.record(session, act="links.revoked", subject=("member", member_id), actor_id=actor_id, now=now)


def forget_cancel_requests(session: Session, *, now: datetime) -> int:
    """Delete what was asked for a day ago or longer, addresses included; safe to repeat. Return how many were deleted."""
    with transaction(session):
        old = delete(CancelRequest).where(CancelRequest.requested_at < now - KEEP_REQUESTS)
        return len(session.execute(old.returning(CancelRequest.id)).all())
