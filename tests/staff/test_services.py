"""Trying a mail again that was given up."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.audit import AuditEntry
from membership.db import transaction
from membership.errors import Conflict, NotFound
from membership.outbox import OutboxItem, dead_letters
from membership.staff.services import retry_letter
from tests.conftest import NOW


def test_an_unknown_mail_is_refused(session: Session) -> None:
    with pytest.raises(NotFound):
        retry_letter(session, item_id=404, actor_id=1, now=NOW)


def test_a_mail_that_was_not_given_up_is_left_alone(session: Session) -> None:
    item = make_item(session, dead=False)

    with pytest.raises(Conflict):
        retry_letter(session, item_id=item.id, actor_id=1, now=NOW)


def test_a_mail_that_was_given_up_is_due_again_with_all_its_tries(session: Session) -> None:
    item = make_item(session, dead=True)
    later = NOW + timedelta(hours=1)

    retry_letter(session, item_id=item.id, actor_id=1, now=later)

    assert (item.tries, item.due_at, item.dead_at, item.claimed_until) == (0, later, None, None)
    assert dead_letters(session) == []
    entry = session.scalars(select(AuditEntry)).one()
    assert (entry.act, entry.subject_type, entry.subject_id, entry.actor_id) == ("letter.retried", "outbox_item", str(item.id), 1)


def make_item(session: Session, *, dead: bool) -> OutboxItem:
    with transaction(session):
        item = OutboxItem(key="one", kind="letter", payload={}, created_at=NOW, due_at=NOW, tries=5, dead_at=NOW if dead else None)
        session.add(item)
    return item
