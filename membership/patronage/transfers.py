"""Reading bank transfers: which wait for a person, what was decided, whose a reference is."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, String, cast, func, literal, select
from sqlalchemy.orm import Session

from membership.accounts.addresses import normalise
from membership.accounts.models import Member
from membership.accounts.queries import find_member_who_may_prove
from membership.errors import NotFound
from membership.patronage import people
from membership.patronage.bank_statement import references_in
from membership.patronage.models import BankImport, BankTransfer, PaidPeriod, TransferReference

SHOWN_WAITING, SHOWN_DECIDED, SHOWN_IMPORTS, SHOWN_CANDIDATES = 100, 50, 10, 10
# What a payment by a statement's transfer is called, before the transfer's number; nobody types that by hand.
FROM_STATEMENT = "transfer:"
# How long a decision is offered to be put right on the page; its transfer is kept.
DECIDED_LATELY = timedelta(days=62)


@dataclass(frozen=True)
class Decided:
    """A transfer that is somebody's, or no support; until is the end of the time that it paid for."""

    transfer: BankTransfer
    member: Member | None
    until: datetime | None


@dataclass(frozen=True)
class Candidate:
    """Somebody whose money it may be; key is their number, or the address of who is no member yet."""

    key: str
    line: people.Line | None


def waiting_transfers(session: Session) -> list[BankTransfer]:
    """Return the first of the transfers that nobody has decided about, the oldest in front."""
    waiting = select(BankTransfer).where(BankTransfer.state == "waiting")
    return list(session.scalars(waiting.order_by(BankTransfer.booked_on, BankTransfer.id).limit(SHOWN_WAITING)))


def count_waiting_transfers(session: Session) -> int:
    """Return how many transfers nobody has decided about."""
    return session.scalar(select(func.count()).select_from(BankTransfer).where(BankTransfer.state == "waiting")) or 0


def decided_transfers(session: Session, *, at: datetime) -> list[Decided]:
    """Return what was decided lately, by a reference or by a person, newest first."""
    lately = _with_owner().where(BankTransfer.decided_at > at - DECIDED_LATELY)
    rows = session.execute(lately.order_by(BankTransfer.decided_at.desc(), BankTransfer.id.desc()).limit(SHOWN_DECIDED))
    return [Decided(transfer, member, until) for transfer, member, until in rows]


def get_transfer(session: Session, transfer_id: int) -> Decided:
    """Return a transfer as it is now, with whom it belongs to; raises NotFound."""
    row = session.execute(_with_owner().where(BankTransfer.id == transfer_id).execution_options(populate_existing=True)).first()
    if row is None:
        raise NotFound("There is no such transfer.")
    return Decided(*row)


def recent_imports(session: Session) -> list[BankImport]:
    """Return the statements that were taken over last, newest first."""
    return list(session.scalars(select(BankImport).order_by(BankImport.id.desc()).limit(SHOWN_IMPORTS)))


def find_import(session: Session, import_id: int | None) -> BankImport | None:
    """Return a statement that was taken over."""
    return session.get(BankImport, import_id) if import_id is not None else None


def find_reference_of(session: Session, member_id: int) -> str | None:
    """Return a member's personal reference, None as long as nobody has asked for it."""
    return session.scalar(select(TransferReference.reference).where(TransferReference.member_id == member_id))


def free_from(session: Session, member_id: int, *, at: datetime) -> datetime:
    """Return when time given now would begin: at the instant, or at the end of the time that is paid for already."""
    ends = select(func.max(PaidPeriod.ends_at)).where(PaidPeriod.member_id == member_id, PaidPeriod.reversed_at.is_(None))
    return max(at, session.scalar(ends) or at)


def references_named(session: Session, text: str) -> Sequence[TransferReference]:
    """Return the references that stand in a text, whosever they are."""
    named = select(TransferReference).where(TransferReference.reference.in_(references_in(text)))
    return list(session.scalars(named.order_by(TransferReference.reference)))


def candidates(session: Session, text: str, wanted: str, *, at: datetime) -> list[Candidate]:
    """Return whose money may be meant: of the references in a transfer's text, and by what somebody typed to find them.

    An address that is nobody's here is a candidate too: a member is made of it.
    """
    named = [*references_named(session, text), *references_named(session, wanted)]
    addresses = {}
    for typed in [*(row.email for row in named if row.email), wanted]:
        with suppress(ValueError):
            addresses[normalise(typed)] = find_member_who_may_prove(session, normalise(typed))
    members = dict.fromkeys([*(row.member_id for row in named), *(member.id for member in addresses.values() if member)])
    lines = [
        line for member_id in members if member_id for line in _found(session, f"#{member_id}", at) if line.member.id == member_id
    ]
    lines += _found(session, wanted, at) if wanted else []
    found = {str(line.member.id): Candidate(str(line.member.id), line) for line in lines}
    return [*found.values(), *(Candidate(address, None) for address, member in addresses.items() if member is None)]


def _found(session: Session, wanted: str, at: datetime) -> tuple[people.Line, ...]:
    return people.find_people(session, people.Wanted(q=wanted), at=at, limit=SHOWN_CANDIDATES).lines


def _with_owner() -> Select[BankTransfer, Member | None, datetime | None]:
    """Select transfers with whom they belong to and the end of the time that they paid for, which bears their number."""
    paid = (PaidPeriod.source == "bank") & (PaidPeriod.reference == literal(FROM_STATEMENT) + cast(BankTransfer.id, String))
    joined = select(BankTransfer, Member, PaidPeriod.ends_at).outerjoin(Member, Member.id == BankTransfer.member_id)
    return joined.outerjoin(PaidPeriod, paid)
