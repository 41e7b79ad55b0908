"""Money goes back: first our own order, then Stripe under the order's id, then what became of it."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from uuid import UUID, uuid4

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from membership import audit
from membership.db import release, transaction
from membership.errors import Conflict, NotFound, Refusal, Unavailable
from membership.patronage import refundable
from membership.patronage.gateway import Gateway, RefundRefused
from membership.patronage.models import Payment, RefundOrder
from membership.patronage.services import ledger
from membership.patronage.services.syncing import sync_charge

log = structlog.get_logger()
STAFF = "staff"


def order_refund(
    session: Session,
    *,
    charge_reference: str,
    amount_minor: int | None = None,
    note: str = "",
    ordered_by: int | None = None,
    order_id: UUID | None = None,
    now: datetime,
) -> UUID:
    """Order for staff that a charge goes back, in part or all that is left, and return the order's id; carried out afterwards.

    The same order_id orders once, however often its button is pressed. Raises NotFound, Conflict (nothing or less is left, its
    payer's bank asks for it).
    """
    with transaction(session):
        charge = _locked_charge(session, charge_reference)
        if order_id is not None and _is_known(session, charge_reference, order_id):
            return order_id
        new = RefundOrder(id=order_id or uuid4(), cause=STAFF, note=note, ordered_by=ordered_by, ordered_at=now)
        new.amount_minor = _checked_amount(session, charge, amount_minor)
        return _write(session, charge, new)


def order(session: Session, *, charge_reference: str, cause: str, now: datetime) -> UUID:
    """Order for an automatic cause, once for each charge, that all that is left goes back; a step of the caller's transaction."""
    charge = _locked_charge(session, charge_reference)
    same = select(RefundOrder.id).where(RefundOrder.charge_reference == charge_reference, RefundOrder.cause == cause)
    known = session.scalar(same)
    return known or _write(session, charge, RefundOrder(id=uuid4(), cause=cause, note="", ordered_at=now))


def order_all(session: Session, charges: Iterable[Payment], *, cause: str, now: datetime) -> None:
    """Order the same of several charges, locked in the order in which a webhook writes them."""
    for charge in sorted(charges, key=lambda charge: charge.id):
        order(session, charge_reference=charge.reference, cause=cause, now=now)


def carry_out_refunds(session: Session, gateway: Gateway, *, now: datetime) -> int:
    """Let Stripe carry out every order that waits and note what became of it; return how many went back.

    Safe to repeat, with several workers and after a crash: Stripe does each order once. What Stripe refuses for good is noted for
    staff, and while Stripe can't be reached the orders wait.
    """
    done = 0
    for waiting in refundable.waiting_orders(session):
        release(session)
        try:
            done += _carry_out(session, gateway, waiting, now)
        except Unavailable:
            break
        except Refusal:
            log.exception("refund.failed", order=str(waiting.id))
    return done


def _carry_out(session: Session, gateway: Gateway, waiting: RefundOrder, now: datetime) -> int:
    try:
        made = gateway.refund(waiting.charge_reference, amount_minor=waiting.amount_minor, order=str(waiting.id))
    except RefundRefused as refused:
        _note(session, waiting, refused=refused.code)
        return 0
    except NotFound:
        _note(session, waiting, refused="resource_missing")
        return 0
    _note(session, waiting, stripe_refund_id=made.id, done_at=now)
    with suppress(Unavailable):  # it has gone back; Stripe's event brings the rest
        sync_charge(session, gateway, charge_id=waiting.charge_reference, now=now)
    return 1


def _note(session: Session, waiting: RefundOrder, **outcome: object) -> None:
    with transaction(session):
        session.execute(
            update(RefundOrder).where(RefundOrder.id == waiting.id, RefundOrder.done_at.is_(None)).values(**outcome),
        )


def _locked_charge(session: Session, reference: str) -> Payment:
    """Lock a charge, so that two orders at once can't give back more than it was."""
    charges = select(Payment).where(Payment.source == ledger.STRIPE, Payment.kind == "charge", Payment.reference == reference)
    found = session.scalar(charges.with_for_update().execution_options(populate_existing=True))
    if found is None:
        raise NotFound("There is no such card payment.")
    return found


def _is_known(session: Session, charge_reference: str, order_id: UUID) -> bool:
    known = session.get(RefundOrder, order_id, populate_existing=True)
    if known is not None and known.charge_reference != charge_reference:
        raise Conflict("This order was for another payment. Please begin again.")
    return known is not None


def _write(session: Session, charge: Payment, new: RefundOrder) -> UUID:
    new.charge_reference, new.member_id = charge.reference, charge.member_id
    session.add(new)
    session.flush()
    about: dict[str, object] = {"cause": new.cause, "amount_minor": new.amount_minor, "order": str(new.id)}
    subject = ("payment", charge.reference)
    audit.record(
        session, act="refund.ordered", subject=subject, actor_id=new.ordered_by, now=new.ordered_at, reason=new.note, **about
    )
    return new.id


def _checked_amount(session: Session, charge: Payment, amount_minor: int | None) -> int:
    if refundable.is_disputed(session, charge.reference):
        raise Conflict("The payer’s bank asks for this payment back, or has taken it back. It can’t be given back a second time.")
    left = refundable.left_of(session, charge)
    if left <= 0:
        raise Conflict("Nothing is left of this payment to give back.")
    wanted = left if amount_minor is None else amount_minor
    if not 0 < wanted <= left:
        raise Conflict("This is more than is left of this payment.")
    return wanted
