"""What staff do about the machinery: try a mail again that was given up, take the audit trail with them."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from membership import audit
from membership.db import transaction
from membership.errors import Conflict, NotFound
from membership.outbox import OutboxItem


def retry_letter(session: Session, *, item_id: int, actor_id: int | None, now: datetime) -> None:
    """Make a mail that was given up due again, with all its tries. Raises NotFound, Conflict."""
    with transaction(session):
        item = session.get(OutboxItem, item_id, with_for_update=True, populate_existing=True)
        if item is None:
            raise NotFound("There is no such mail.")
        if item.dead_at is None:
            raise Conflict("This mail was not given up; it is sent or will be tried again by itself.")
        item.dead_at = item.claimed_until = None
        item.tries = 0
        item.due_at = now
        audit.record(session, act="letter.retried", subject=("outbox_item", item_id), actor_id=actor_id, now=now, kind=item.kind)


def record_export(session: Session, *, wanted: Mapping[str, str], actor_id: int | None, now: datetime) -> None:
    """Write down that somebody takes all of the audit trail that fits a filter with them."""
    with transaction(session):
        audit.record(session, act="audit.exported", subject=("audit_trail", "all"), actor_id=actor_id, now=now, filter=dict(wanted))
