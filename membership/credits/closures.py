"""An account is deleted: its badges go with it."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from membership.accounts.closures import closures_without, note_part
from membership.credits.models import Award
from membership.db import transaction

PART = "credits"


def forget_closed(session: Session, *, now: datetime) -> int:
    """Delete the badges of deleted accounts; return of how many. Drawn from state and safe to repeat."""
    done = 0
    for closing in closures_without(session, PART):
        with transaction(session):
            session.execute(delete(Award).where(Award.member_id == closing.member_id))
            done += note_part(session, closing.id, PART, now=now)
    return done
