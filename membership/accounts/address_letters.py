"""The mails about a change of address: to the old mailbox and to the new one."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from membership.accounts import address_changes, address_rules, sign_in_rules
from membership.accounts.addresses import masked
from membership.accounts.models import AddressChange, Member
from membership.accounts.queries import find_member_who_may_prove, token_hash
from membership.outbox import Letter, Prepare

Writer = Callable[[Session, AddressChange, Member, datetime], Letter | None]


def letters() -> Mapping[str, Prepare]:
    """Return how to prepare each of them; every rendering makes a new link and kills that of an earlier one."""
    return {
        "address_change_old": _about_change(_ask_old),
        "address_change_new": _about_change(_ask_new),
        "address_changed": _about_change(_tell_old),
        "address_changed_new": _about_change(_tell_new),
        "address_restored": _about_change(_tell_restored),
        "address_taken": _about_change(_tell_taken),
        "address_typed": _tell_typed,
    }


def _about_change(write: Writer) -> Prepare:
    def prepare(session: Session, payload: Mapping[str, Any], now: datetime) -> Letter | None:
        found = address_changes.lock(session, payload["change_id"])
        return write(session, *found, now) if found is not None else None

    return prepare


def _ask_old(_session: Session, change: AddressChange, member: Member, now: datetime) -> Letter | None:
    if change.old_email is None or address_rules.state_of(change, now) != "open":
        return None
    token = sign_in_rules.new_token()
    change.old_token_hash = token_hash(token)
    context = {"token": token, "new": masked(change.new_email), "change": change, "by_staff": change.ordered_by is not None}
    return Letter(change.old_email, "address_change_old", member.language, context)


def _ask_new(session: Session, change: AddressChange, member: Member, now: datetime) -> Letter | None:
    if address_rules.state_of(change, now) != "open":
        return None
    if address_changes.is_taken(session, change.new_email, by_other_than=member.id):
        return _tell_taken(session, change, member, now)
    token = sign_in_rules.new_token()
    change.new_token_hash = token_hash(token)
    context = {"token": token, "change": change, "by_staff": change.ordered_by is not None}
    return Letter(change.new_email, "address_change_new", member.language, context)


def _tell_taken(_session: Session, change: AddressChange, member: Member, _now: datetime) -> Letter | None:
    return Letter(change.new_email, "address_taken", member.language, {"address": change.new_email})


def _tell_old(_session: Session, change: AddressChange, member: Member, now: datetime) -> Letter | None:
    if change.old_email is None or not address_rules.may_undo(change, now):
        return None
    token = sign_in_rules.new_token()
    change.undo_token_hash = token_hash(token)
    return Letter(change.old_email, "address_changed", member.language, {"token": token, "until": change.undo_until})


def _tell_new(_session: Session, change: AddressChange, member: Member, _now: datetime) -> Letter | None:
    return Letter(change.new_email, "address_changed_new", member.language, {}) if member.email == change.new_email else None


def _tell_restored(_session: Session, change: AddressChange, member: Member, _now: datetime) -> Letter | None:
    if change.old_email is None or member.address != change.old_email:
        return None
    return Letter(change.old_email, "address_restored", member.language, {})


def _tell_typed(session: Session, payload: Mapping[str, Any], _now: datetime) -> Letter | None:
    """Write to an address that its owner has typed anew; nothing where that would let somebody else in."""
    member = session.get(Member, payload["member_id"], populate_existing=True)
    if member is None or member.email is not None or member.typed_email is None:
        return None
    owner = find_member_who_may_prove(session, member.typed_email)
    if owner is None or owner.id != member.id:
        return None
    return Letter(member.typed_email, "address_typed", member.language, {"address": member.typed_email})
