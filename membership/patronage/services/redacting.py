"""What a deleted account leaves of money: amounts and dates under a number. A step of the caller's transaction."""

from uuid import uuid4

from sqlalchemy import ColumnElement, Select, Text, cast, delete, false, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from membership.patronage.delayed import is_subscription_of
from membership.patronage.models import (
    BankTransfer,
    CancelRequest,
    CheckoutAttempt,
    DeclinedCharge,
    FreeSeatRequest,
    Gift,
    MemberNote,
    PaidPeriod,
    PatreonMember,
    Payment,
    RefundOrder,
    StripeCustomer,
    Subscription,
    TransferReference,
    TwinNotice,
)
from membership.patronage.patreon import PATREON
from membership.patronage.services.reading import gather_articles_of


def redact(session: Session, member_id: int, *, mailbox: str | None) -> None:
    """Empty or delete what says who a member was; mailbox is their proved address: what was typed elsewhere goes by it."""
    _lock(session, member_id, mailbox)
    gather_articles_of(session, [member_id])
    _delete(session, member_id, mailbox)
    emptied = (
        (BankTransfer.member_id, {"note": ""}),
        (RefundOrder.member_id, {"note": ""}),
        (Payment.member_id, {"card_fingerprint": ""}),
        # The next list does not bring them back.
        (PatreonMember.member_id, {"member_id": None}),
        (Gift.redeemed_by, {"redeemed_by": None}),
    )
    for owner, values in emptied:
        session.execute(update(owner.class_).where(owner == member_id).values(values).execution_options(synchronize_session=False))
    card = {"card_brand": "", "card_last4": "", "card_expires": None, "open_invoice_url": None}
    own = update(Subscription).where(is_subscription_of(member_id)).values(card)
    session.execute(own.execution_options(synchronize_session=False))
    # Else the number at Patreon would still say who it is, by any list of theirs.
    by_patreon = update(PaidPeriod).where(PaidPeriod.member_id == member_id, PaidPeriod.source == PATREON)
    nobodys = by_patreon.values(reference="closed:" + cast(PaidPeriod.id, Text))
    session.execute(nobodys.execution_options(synchronize_session=False))
    _redact_attempts(session, member_id, mailbox)


def _lock(session: Session, member_id: int, mailbox: str | None) -> None:
    """Lock in the order of others: questions about the account, its attempts, and only then all that these led to."""
    asked = or_(TwinNotice.member_id == member_id, TwinNotice.earlier_member_id == member_id)
    session.execute(select(TwinNotice.member_id).where(asked).order_by(TwinNotice.member_id).with_for_update()).all()
    attempts = _attempts_of(member_id, mailbox).order_by(CheckoutAttempt.id).with_for_update()
    session.scalars(attempts.execution_options(populate_existing=True)).all()


def _delete(session: Session, member_id: int, mailbox: str | None) -> None:
    gone: tuple[ColumnElement[bool], ...] = (
        MemberNote.member_id == member_id,
        DeclinedCharge.member_id == member_id,
        StripeCustomer.member_id == member_id,
        or_(TwinNotice.member_id == member_id, TwinNotice.earlier_member_id == member_id),
        or_(FreeSeatRequest.member_id == member_id, _is(FreeSeatRequest.email, mailbox)),
        or_(TransferReference.member_id == member_id, _is(TransferReference.email, mailbox)),
        _is(CancelRequest.email, mailbox),
    )
    models = (MemberNote, DeclinedCharge, StripeCustomer, TwinNotice, FreeSeatRequest, TransferReference, CancelRequest)
    for model, which in zip(models, gone, strict=True):
        session.execute(delete(model).where(which).execution_options(synchronize_session=False))


def _redact_attempts(session: Session, member_id: int, mailbox: str | None) -> None:
    for attempt in session.scalars(_attempts_of(member_id, mailbox)).all():
        attempt.buyer_email = attempt.stripe_session_url = attempt.choice_key = None
        if attempt.member_id == member_id:
            attempt.browser_hash, attempt.link_key = b"", uuid4()
            if attempt.completed_at is None:
                # Should it be paid all the same, it is a newcomer's.
                attempt.member_id = None


def _attempts_of(member_id: int, mailbox: str | None) -> Select[CheckoutAttempt]:
    return select(CheckoutAttempt).where(or_(CheckoutAttempt.member_id == member_id, _is(CheckoutAttempt.buyer_email, mailbox)))


def _is(column: InstrumentedAttribute[str] | InstrumentedAttribute[str | None], mailbox: str | None) -> ColumnElement[bool]:
    return column == mailbox if mailbox else false()
