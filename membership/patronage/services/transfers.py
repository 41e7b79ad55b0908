"""Bank transfers: the statement that staff upload, and the rest of which a person finds out whose it is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from membership import audit
from membership.db import insert_into, transaction
from membership.errors import Conflict, NotFound
from membership.patronage import queries
from membership.patronage.bank_statement import Statement, StatementLine
from membership.patronage.calendar import within
from membership.patronage.models import BankImport, BankTransfer
from membership.patronage.services.contributions import book_contribution, months_paid, move_contribution
from membership.patronage.services.recipients import receiver
from membership.patronage.services.references import find_owner, lock_owners
from membership.patronage.transfers import FROM_STATEMENT

BANK = "bank"
WAITING, MATCHED, DISMISSED = "waiting", "matched", "dismissed"
# Taken over at once: nobody who pays or votes meanwhile waits for a year's statement.
CHUNK = 100


def import_statement(session: Session, *, statement: Statement, actor_id: int | None, now: datetime) -> BankImport:
    """Take over a statement: what is known stays, what bears a reference is booked, the rest waits for a person.

    Stopped halfway it is uploaded again, and goes on where it was. Raises Conflict for a statement with faults: nothing of it is
    taken over; NotFound while there is no plan to count months by.
    """
    if statement.faults:
        raise Conflict("This statement has lines that can't be read. Nothing was taken over.")
    plan = queries.default_plan(session)
    with transaction(session):
        made = BankImport(imported_by=actor_id, imported_at=now, rows=len(statement.lines), matched=0, known=0)
        made.skipped = statement.skipped
        session.add(made)
        session.flush()
    for start in range(0, len(statement.lines), CHUNK):
        with transaction(session):
            _take_over(session, made, statement.lines[start : start + CHUNK], plan.currency, now)
    with transaction(session):
        audit.record(
            session,
            act="statement.imported",
            subject=("bank_import", made.id),
            actor_id=actor_id,
            now=now,
            rows=made.rows,
            matched=made.matched,
            known=made.known,
        )
    return made


def match_transfer(
    session: Session,
    *,
    transfer_id: int,
    member_id: int | None = None,
    email: str = "",
    language: str = "en",
    worth_minor: int | None = None,
    actor_id: int,
    now: datetime,
) -> datetime | None:
    """Say whose a waiting transfer is: a member's, or that of whom a mail to an address lets in.

    Return until when they are a patron by it, None where it pays for no month. worth_minor is what an amount in another currency is
    worth in the plan's. Raises NotFound, Conflict; ValueError for what is no address.
    """
    with transaction(session):
        transfer = _locked(session, transfer_id)
        if transfer.state != WAITING:
            raise Conflict("Somebody has decided about this transfer already.")
        member_id = receiver(session, member_id=member_id, email=email, language=language, now=now)
        until = _book(session, transfer, member_id, worth_minor=worth_minor, decided_by=actor_id, now=now)
        _record(session, "transfer.matched", transfer, actor_id, now, member_id=member_id)
    return until


def dismiss_transfer(session: Session, *, transfer_id: int, note: str, actor_id: int, now: datetime) -> None:
    """Put a waiting transfer away that is no support; raises NotFound, Conflict."""
    with transaction(session):
        transfer = _locked(session, transfer_id)
        if transfer.state != WAITING:
            raise Conflict("Somebody has decided about this transfer already.")
        _decide(transfer, DISMISSED, actor_id, now)
        transfer.note = note
        _record(session, "transfer.dismissed", transfer, actor_id, now)


def move_transfer(
    session: Session,
    *,
    transfer_id: int,
    member_id: int | None = None,
    email: str = "",
    language: str = "en",
    worth_minor: int | None = None,
    actor_id: int,
    now: datetime,
) -> datetime | None:
    """Give a transfer that was decided wrongly, and the time it pays for, to somebody else; as match_transfer does."""
    with transaction(session):
        transfer = _locked(session, transfer_id)
        if transfer.state == WAITING:
            raise Conflict("This transfer is nobody's yet.")
        member_id = receiver(session, member_id=member_id, email=email, language=language, now=now)
        if transfer.state == MATCHED and transfer.member_id == member_id:
            return _until(session, transfer)  # clicked twice
        before = transfer.member_id
        if transfer.state == DISMISSED:
            until = _book(session, transfer, member_id, worth_minor=worth_minor, decided_by=actor_id, now=now)
        else:
            until = _move(session, transfer, member_id, decided_by=actor_id, now=now)
        _record(session, "transfer.moved", transfer, actor_id, now, member_id=member_id, taken_from=before)
    return until


def _take_over(session: Session, made: BankImport, lines: Sequence[StatementLine], currency: str, now: datetime) -> None:
    """Take over some lines, which come in one order for everybody, so that two imports at once don't wait for one another."""
    values = [
        {
            "import_id": made.id,
            "fingerprint": line.fingerprint,
            "booked_on": line.booked_on,
            "amount_minor": line.amount_minor,
            "currency": line.currency,
            "payer": line.payer,
            "text": line.text,
        }
        for line in lines
    ]
    new = insert_into(session, BankTransfer).values(values).on_conflict_do_nothing().returning(BankTransfer.id)
    new_ids = list(session.scalars(new))
    made.known += len(lines) - len(new_ids)
    transfers = select(BankTransfer).where(BankTransfer.id.in_(new_ids)).order_by(BankTransfer.booked_on, BankTransfer.fingerprint)
    found = session.scalars(transfers).all()
    lock_owners(session, [transfer.text for transfer in found])
    for transfer in found:
        # What another currency is worth is for a person to say.
        owner = find_owner(session, transfer.text, now=now) if transfer.currency == currency else None
        if owner is not None:
            _book(session, transfer, owner, worth_minor=None, decided_by=None, now=now)
            made.matched += 1


def _book(
    session: Session, transfer: BankTransfer, member_id: int, *, worth_minor: int | None, decided_by: int | None, now: datetime
) -> datetime | None:
    currency = queries.default_plan(session).currency
    worth = transfer.amount_minor if transfer.currency == currency else worth_minor
    if worth is None:
        raise Conflict("Say what this amount is worth in the currency of our plan.")
    transfer.months = months_paid(session, worth, currency)
    transfer.member_id = member_id
    _decide(transfer, MATCHED, decided_by, now)
    return book_contribution(
        session,
        member_id=member_id,
        money=(transfer.amount_minor, transfer.currency),
        months=transfer.months,
        source=BANK,
        reference=_reference(transfer),
        received_at=within(transfer.booked_on, now),
        now=now,
    )


def _move(session: Session, transfer: BankTransfer, member_id: int, *, decided_by: int, now: datetime) -> datetime | None:
    payment = queries.find_payment(session, source=BANK, reference=_reference(transfer))
    if payment is None:
        raise NotFound("The payment of this transfer is gone.")
    transfer.member_id = member_id
    _decide(transfer, MATCHED, decided_by, now)
    received_at = payment.occurred_at
    return move_contribution(session, payment, member_id=member_id, months=transfer.months, received_at=received_at, now=now)


def _decide(transfer: BankTransfer, state: str, actor_id: int | None, now: datetime) -> None:
    """Note what became of a transfer, and forget what names its payer."""
    transfer.state, transfer.decided_by, transfer.decided_at = state, actor_id, now
    transfer.payer = transfer.text = ""


def _locked(session: Session, transfer_id: int) -> BankTransfer:
    rows = select(BankTransfer).where(BankTransfer.id == transfer_id)
    found = session.scalar(rows.with_for_update().execution_options(populate_existing=True))
    if found is None:
        raise NotFound("There is no such transfer.")
    return found


def _until(session: Session, transfer: BankTransfer) -> datetime | None:
    period = queries.find_period(session, source=BANK, reference=_reference(transfer))
    return period.ends_at if period else None


def _reference(transfer: BankTransfer) -> str:
    return f"{FROM_STATEMENT}{transfer.id}"


def _record(session: Session, act: str, transfer: BankTransfer, actor_id: int, now: datetime, **details: Any) -> None:
    audit.record(session, act=act, subject=("bank_transfer", transfer.id), actor_id=actor_id, now=now, **details)
