"""The mails about deleting an account."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from membership.accounts.closures import CLOSED_MAIL
from membership.accounts.models import AccountClosure
from membership.accounts.queries import get_member
from membership.outbox import Letter, Prepare


def letters() -> Mapping[str, Prepare]:
    """Return how to prepare each of them."""
    return {"closure_asked": _prepare_asked, "closure_held_up": _prepare_held_up, CLOSED_MAIL: _prepare_closed}


def _prepare_asked(session: Session, payload: Mapping[str, Any], _now: datetime) -> Letter | None:
    return _to_owner(session, payload, "closure_asked")


def _prepare_held_up(session: Session, payload: Mapping[str, Any], _now: datetime) -> Letter | None:
    return _to_owner(session, payload, "closure_held_up")


def _to_owner(session: Session, payload: Mapping[str, Any], template: str) -> Letter | None:
    closure = session.get(AccountClosure, payload["closure_id"], populate_existing=True)
    if closure is None or closure.taken_back_at or closure.done_at:
        return None
    member = get_member(session, closure.member_id)
    return Letter(member.address, template, member.language, {"due_at": closure.due_at}) if member.address else None


def _prepare_closed(session: Session, payload: Mapping[str, Any], _now: datetime) -> Letter | None:
    """Say that all is deleted, to the address that by now stands nowhere else."""
    closure = session.get(AccountClosure, payload["closure_id"], populate_existing=True)
    if closure is None or closure.last_address is None:
        return None
    return Letter(closure.last_address, "closed", closure.last_language, {})
