"""Asking for another address: by its owner, by staff for a lost mailbox; and correcting a typed one at once."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from membership import audit, outbox
from membership.accounts import address_changes, address_rules
from membership.accounts.addresses import normalise
from membership.accounts.models import AddressChange, Member
from membership.accounts.queries import lock_member
from membership.db import transaction
from membership.errors import Conflict, NotAllowed, NotFound, TooOften
from membership.limits import count_act, keyed

SAME = "This is the address that we have already. Enter another one."


def ask_address_change(session: Session, *, member_id: int, new_email: str, secret_key: str, now: datetime) -> None:
    """Ask the old mailbox and the new one whether a proved address shall change; an earlier question is dropped.

    Does the same whether somebody has the new address or not: what its mailbox is told is decided when the mail is rendered. Raises
    TooOften, Conflict, ValueError for what is no address.
    """
    address = normalise(new_email)
    with transaction(session):
        _count(session, member_id, address, secret_key, now)
        member = _lock(session, member_id)
        if member.email is None:
            raise Conflict("Your address is not confirmed yet. Correct it, or sign in with it once by mail.")
        _refuse_same(member, address)
        within = address_rules.ANSWER_WITHIN
        _open(session, member, address, now, AddressChange(expires_at=now + within, not_before=now))


def order_address_change(
    session: Session, *, member_id: int, new_email: str, reason: str, actor_id: int, secret_key: str, now: datetime
) -> None:
    """Let staff change the address of somebody who has lost their mailbox: the old one can stop it for three days.

    Raises NotFound, NotAllowed (staff), Conflict, TooOften, ValueError for what is no address.
    """
    address = normalise(new_email)
    with transaction(session):
        _count(session, actor_id, address, secret_key, now, act="address_order")
        member = _lock(session, member_id)
        if member.is_staff:
            raise NotAllowed("This person works here. Staff change their own address, or are invited again under the new one.")
        _refuse_same(member, address)
        change = AddressChange(
            ordered_by=actor_id,
            reason=reason,
            expires_at=now + address_rules.STAFF_ANSWER_WITHIN,
            not_before=now + address_rules.STAFF_WAIT,
        )
        _open(session, member, address, now, change)
        audit.record(
            session,
            act="address.ordered",
            subject=("member", member_id),
            actor_id=actor_id,
            now=now,
            reason=reason,
            change=change.id,
        )


def take_back_address_change(session: Session, *, change_id: int, member_id: int, actor_id: int, now: datetime) -> None:
    """Drop a change that waits for answers, by its owner or by staff; safe to repeat. Raises NotFound."""
    with transaction(session):
        found = address_changes.lock(session, change_id)
        if found is None or found[0].member_id != member_id:
            raise NotFound("There is no such change.")
        drop(session, found[0], now, actor_id=actor_id, act="address.taken_back")


def correct_typed_address(session: Session, *, member_id: int, new_email: str, secret_key: str, now: datetime) -> None:
    """Set the address of a member whose mailbox has proved none, at once, and write to it; another account of it stays its owner's.

    Raises TooOften, Conflict (it is proved meanwhile), ValueError for what is no address.
    """
    address = normalise(new_email)
    with transaction(session):
        _count(session, member_id, address, secret_key, now)
        member = _lock(session, member_id)
        if member.email is not None:
            raise Conflict("Your address is confirmed meanwhile. To change it, both mailboxes have to agree.")
        _refuse_same(member, address)
        member.typed_email, member.address_changed_at = address, now
        waiting = address_changes.find_open(session, member_id)
        if waiting is not None:  # begun by staff, about an address that is not the present one any more
            drop(session, waiting, now, actor_id=member_id, act="address.taken_back")
        enqueue(session, "address_typed", f"{member_id}:{now.isoformat()}", {"member_id": member_id}, member_id, now)


def drop(session: Session, change: AddressChange, now: datetime, *, actor_id: int | None, act: str, **details: str) -> None:
    """End an open change without effect, in the caller's transaction; what staff ordered is audited."""
    if change.done_at is not None or change.refused_at is not None:
        return
    change.refused_at = now
    session.flush()
    if change.ordered_by is not None:
        subject = ("member", change.member_id)
        audit.record(session, act=act, subject=subject, actor_id=actor_id, now=now, change=change.id, **details)


def enqueue(session: Session, kind: str, cause: str, payload: dict[str, int], member_id: int | None, now: datetime) -> None:
    """Let one mail be sent, soon: somebody waits for it."""
    outbox.enqueue(session, kind=kind, key=f"{kind}:{cause}", payload=payload, member_id=member_id, urgent=True, now=now)


def _count(session: Session, asker_id: int, address: str, secret_key: str, now: datetime, *, act: str = "address_change") -> None:
    """Count one question of its asker and one mail to the mailbox; of a refused one nothing stays counted.

    Somebody's first question of the day about a mailbox is asked however many mails others have caused to it: strangers could
    keep its owner from moving there.
    """
    asker, target = keyed(secret_key, "member", str(asker_id)), keyed(secret_key, "address", address)
    most = address_rules.CHANGES_A_DAY if act == "address_change" else 10 * address_rules.CHANGES_A_DAY
    day, hour = timedelta(days=1), timedelta(hours=1)
    retry_at = count_act(session, act=act, most={asker: most}, within=day, now=now)
    if retry_at is None:
        pair = keyed(secret_key, "address", f"{asker_id} {address}")
        is_first = count_act(session, act="address_first", most={pair: 1}, within=day, now=now) is None
        full_until = count_act(session, act="address_mail", most={target: address_rules.MAILS_AN_HOUR}, within=hour, now=now)
        retry_at = None if is_first else full_until
    if retry_at is not None:
        raise TooOften("This was asked for too often.", retry_at=retry_at)


def _lock(session: Session, member_id: int) -> Member:
    member = lock_member(session, member_id)
    if member.closed_at is not None:
        raise NotFound("There is no such person.")
    return member


def _refuse_same(member: Member, address: str) -> None:
    if member.address == address:
        raise Conflict(SAME)


def _open(session: Session, member: Member, address: str, now: datetime, change: AddressChange) -> None:
    """Keep a change in place of an earlier one, and let both mailboxes be asked."""
    waiting = address_changes.find_open(session, member.id)
    if waiting is not None:
        drop(session, waiting, now, actor_id=None, act="address.replaced")
    change.member_id, change.old_email, change.new_email, change.asked_at = member.id, member.address, address, now
    change.old_was_proved = member.email is not None
    session.add(change)
    session.flush()
    payload = {"change_id": change.id}
    if change.old_email is not None:
        enqueue(session, "address_change_old", str(change.id), payload, member.id, now)
    enqueue(session, "address_change_new", str(change.id), payload, member.id, now)
