"""The personal reference that somebody puts into a transfer, so that we know whose it is."""

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from membership.accounts.addresses import normalise
from membership.accounts.queries import find_member_who_may_prove
from membership.db import insert_into, transaction
from membership.errors import TooOften
from membership.limits import count_act
from membership.patronage.bank_statement import ALPHABET, LENGTH, references_in, shown
from membership.patronage.models import TransferReference
from membership.patronage.services.recipients import lock_people, member_at

# Somebody may write it down and pay much later; an address that nothing ever came for is not kept for good.
KEEP_UNUSED = timedelta(days=400)


def transfer_reference_for(
    session: Session,
    *,
    member_id: int | None = None,
    email: str = "",
    asked_by: Mapping[bytes, int] | None = None,
    language: str,
    now: datetime,
) -> str:
    """Return the personal reference of a member, always the same one, or a new one of somebody known by an address.

    The address is not looked up, so that nobody learns whether it is known. asked_by maps hashes of the asking browser and network
    to how often each may ask in a day. Raises TooOften; ValueError for what is no address.
    """
    address = normalise(email) if member_id is None else None
    _limit(session, asked_by or {}, now)
    with transaction(session):
        while True:
            found = _known(session, member_id)
            if found is not None:
                return found
            made = shown("".join(secrets.choice(ALPHABET) for _ in range(LENGTH)))
            values = {"reference": made, "member_id": member_id, "email": address, "language": language, "created_at": now}
            new = insert_into(session, TransferReference).values(**values).on_conflict_do_nothing()
            # Nothing, where this one is somebody's already, or a member asks twice at once: then the first one stands.
            if session.scalar(new.returning(TransferReference.reference)):
                return made


def find_owner(session: Session, text: str, *, now: datetime) -> int | None:
    """Return whose reference stands in a transfer's text; None for none, and for more than one person's.

    A step of the caller's transaction: whoever is known by an address alone is made a member.
    """
    named = select(TransferReference).where(TransferReference.reference.in_(references_in(text)))
    found = list(session.scalars(named.execution_options(populate_existing=True)))
    owners = {_person(session, row) for row in found}
    if len(owners) != 1:
        return None
    return _member_of(session, found[0], now)


def lock_owners(session: Session, texts: Iterable[str]) -> None:
    """Lock whoever the references in these texts name; a step of the caller's transaction, which then books for all of them."""
    owner = select(TransferReference.member_id, TransferReference.email)
    named = [row for text in texts for row in session.execute(owner.where(TransferReference.reference.in_(references_in(text))))]
    addresses = [row.email for row in named if row.email is not None]
    lock_people(session, addresses=addresses, member_ids=[row.member_id for row in named if row.member_id is not None])


def forget_unused_references(session: Session, *, now: datetime) -> int:
    """Delete references that never became a member's, address included; safe to repeat. Return how many were deleted."""
    with transaction(session):
        old = delete(TransferReference).where(
            TransferReference.member_id.is_(None), TransferReference.created_at < now - KEEP_UNUSED
        )
        return len(session.execute(old.returning(TransferReference.reference)).all())


def _known(session: Session, member_id: int | None) -> str | None:
    if member_id is None:
        return None
    return session.scalar(select(TransferReference.reference).where(TransferReference.member_id == member_id))


def _person(session: Session, row: TransferReference) -> int | str | None:
    """Return what tells two references' owners apart: the member, else the address of somebody who is none yet."""
    if row.member_id is not None or row.email is None:
        return row.member_id
    known = find_member_who_may_prove(session, row.email)
    return known.id if known else row.email


def _member_of(session: Session, row: TransferReference, now: datetime) -> int:
    if row.member_id is not None:
        return row.member_id
    assert row.email is not None
    member_id = member_at(session, address=row.email, language=row.language, now=now)
    if _known(session, member_id) is None:
        row.member_id, row.email = member_id, None
        session.flush()
    return member_id


def _limit(session: Session, asked_by: Mapping[bytes, int], now: datetime) -> None:
    with transaction(session):
        retry_at = count_act(session, act="transfer_reference", most=asked_by, within=timedelta(days=1), now=now)
    if retry_at:
        raise TooOften("References were asked for many times from here today. You can also write to us.", retry_at=retry_at)
