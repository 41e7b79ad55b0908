"""The rules of changing an address: how long each step may take, and in which state a change is. Pure."""

from datetime import datetime, timedelta
from typing import Literal

from membership.accounts.models import AddressChange

ANSWER_WITHIN = timedelta(hours=48)
# A mailbox that is not lost has so long to say so before what staff were told counts.
STAFF_WAIT = timedelta(days=3)
STAFF_ANSWER_WITHIN = timedelta(days=10)
UNDO_WITHIN = timedelta(days=7)
KEPT = timedelta(days=30)

CHANGES_A_DAY = 5
MAILS_AN_HOUR = 3

State = Literal["unknown", "open", "refused", "expired", "done", "undone"]


def state_of(change: AddressChange | None, at: datetime) -> State:
    """Return what has become of a change."""
    if change is None:
        return "unknown"
    if change.undone_at is not None:
        return "undone"
    if change.done_at is not None:
        return "done"
    if change.refused_at is not None:
        return "refused"
    return "expired" if change.expires_at <= at and not is_agreed(change) else "open"


def is_agreed(change: AddressChange) -> bool:
    """Return whether every mailbox that has to has said yes; of what staff ordered that is the new one alone."""
    is_old_heard = change.old_confirmed_at is not None or change.ordered_by is not None
    return is_old_heard and change.new_confirmed_at is not None


def is_due(change: AddressChange, at: datetime) -> bool:
    """Return whether nothing stands in its way any more."""
    return state_of(change, at) == "open" and is_agreed(change) and change.not_before <= at


def may_undo(change: AddressChange | None, at: datetime) -> bool:
    """Return whether the old mailbox may still take its account back."""
    if change is None or change.undo_until is None:
        return False
    return state_of(change, at) == "done" and at < change.undo_until
