"""An account is deleted: its badges go with it."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from membership.accounts.closures import closures_without
from membership.accounts.models import ClosurePart
from membership.credits.models import Award
from membership.db import insert_into, transaction

PART = "credits"


def forget_closed(session: Session, *, now: datetime) -> int:
    """Delete the badges of deleted accounts; return of how many. Drawn from state and safe to repeat."""
    done = 0
    for closing in closures_without(session, PART):
        with transaction(session):
            session.execute(delete(Award).where(Award.member_id == closing.member_id))
            part = insert_into(session, ClosurePart).values(closure_id=closing.id, part=PART, done_at=now)
            done += len(session.execute(part.on_conflict_do_nothing().returning(ClosurePart.part)).all())
    return done
