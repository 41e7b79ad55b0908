"""What an editor does with a promise, and what is refused."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.audit import AuditEntry
from membership.credits import drawing, services
from membership.credits.models import Commission
from membership.db import transaction
from membership.errors import Conflict, NotFound
from membership.outbox import OutboxItem
from membership.page_version import page_version
from tests.conftest import NOW
from tests.factories.credits import make_article, make_commission

EDITOR = 7


def test_an_article_that_is_not_published_is_refused(session: Session) -> None:
    commission = make_commission(session)
    article = make_article(session, published_at=NOW + timedelta(minutes=1))

    with pytest.raises(NotFound, match="not published yet"):
        publish(session, commission, article_id=article.id)

    assert state_of(session, commission) == ("in_progress", None)


def test_an_article_that_does_not_exist_is_refused(session: Session) -> None:
    with pytest.raises(NotFound):
        publish(session, make_commission(session), article_id=404)


def test_a_commission_that_does_not_exist_is_refused(session: Session) -> None:
    with pytest.raises(NotFound):
        services.publish_commission(session, commission_id=404, article_id=make_article(session).id, actor_id=EDITOR, now=NOW)


def test_an_article_keeps_one_promise_only(session: Session) -> None:
    march, april = make_commission(session), make_commission(session, "april-2026")
    article = make_article(session)
    publish(session, march, article_id=article.id)

    with pytest.raises(Conflict, match="already linked"):
        publish(session, april, article_id=article.id)


def test_a_linked_story_is_not_linked_again(session: Session) -> None:
    commission = make_commission(session)
    publish(session, commission, article_id=make_article(session).id)

    with pytest.raises(Conflict, match="no longer in progress"):
        publish(session, commission, article_id=make_article(session, "another").id)


def test_linking_says_what_came_of_the_topic_renders_pages_anew_and_is_audited(session: Session) -> None:
    commission, article = make_commission(session), make_article(session)
    before = page_version(session)

    publish(session, commission, article_id=article.id)

    assert state_of(session, commission) == ("published", article.id)
    assert commission.published_at == article.published_at
    assert page_version(session) == before + 1
    assert audited(session) == [("commission.published", str(commission.id), EDITOR, "", {"article_id": article.id})]


def test_what_is_not_linked_cannot_be_unlinked(session: Session) -> None:
    with pytest.raises(Conflict, match="not linked"):
        services.unlink_commission(session, commission_id=make_commission(session).id, actor_id=EDITOR, now=NOW)


def test_undoing_a_link_brings_the_promise_back_and_withdraws_letters_not_yet_sent(session: Session) -> None:
    commission, article = make_commission(session), make_article(session)
    publish(session, commission, article_id=article.id)
    drawing.write_story_letters(session, now=NOW)
    with transaction(session):
        sent = session.scalars(select(OutboxItem).order_by(OutboxItem.id)).first()
        assert sent is not None
        sent.done_at = NOW

    services.unlink_commission(session, commission_id=commission.id, actor_id=EDITOR, now=NOW)

    assert state_of(session, commission) == ("in_progress", None)
    assert session.scalars(select(OutboxItem.id)).all() == [sent.id]
    assert audited(session)[-1] == ("commission.unlinked", str(commission.id), EDITOR, "", {"article_id": article.id})


def test_after_an_undone_link_nobody_gets_a_second_letter(session: Session) -> None:
    commission, article = make_commission(session), make_article(session)
    publish(session, commission, article_id=article.id)
    written = drawing.write_story_letters(session, now=NOW)
    with transaction(session):
        sent = session.scalars(select(OutboxItem).order_by(OutboxItem.id)).first()
        assert sent is not None
        sent.done_at = NOW
    services.unlink_commission(session, commission_id=commission.id, actor_id=EDITOR, now=NOW)
    publish(session, commission, article_id=article.id)

    assert drawing.write_story_letters(session, now=NOW) == written - 1


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_story_is_not_dropped_without_a_reason(session: Session, reason: str) -> None:
    commission = make_commission(session)

    with pytest.raises(Conflict, match="Say in a sentence"):
        services.drop_commission(session, commission_id=commission.id, reason=reason, actor_id=EDITOR, now=NOW)

    assert state_of(session, commission) == ("in_progress", None)


def test_a_published_story_is_not_dropped(session: Session) -> None:
    commission = make_commission(session)
    publish(session, commission, article_id=make_article(session).id)

    with pytest.raises(Conflict):
        services.drop_commission(session, commission_id=commission.id, reason="Too late", actor_id=EDITOR, now=NOW)


def test_a_dropped_story_says_why_and_can_be_taken_up_again(session: Session) -> None:
    commission = make_commission(session)
    before = page_version(session)

    services.drop_commission(session, commission_id=commission.id, reason=" The source withdrew. ", actor_id=EDITOR, now=NOW)
    dropped = (commission.state, commission.dropped_reason)
    services.resume_commission(session, commission_id=commission.id, actor_id=EDITOR, now=NOW)

    assert dropped == ("dropped", "The source withdrew.")
    assert (commission.state, commission.dropped_reason) == ("in_progress", "")
    assert page_version(session) == before + 2
    assert [entry[0] for entry in audited(session)] == ["commission.dropped", "commission.resumed"]
    assert audited(session)[0][3] == "The source withdrew."


def test_a_story_that_was_not_dropped_cannot_be_taken_up_again(session: Session) -> None:
    with pytest.raises(Conflict):
        services.resume_commission(session, commission_id=make_commission(session).id, actor_id=EDITOR, now=NOW)


def test_a_story_is_not_promised_for_a_month_that_is_over(session: Session) -> None:
    commission = make_commission(session)

    with pytest.raises(Conflict, match="this month or a later one"):
        services.change_due(session, commission_id=commission.id, due_on=date(2026, 2, 28), actor_id=EDITOR, now=NOW)


def test_moving_a_month_keeps_the_first_promise(session: Session) -> None:
    commission = make_commission(session)

    services.change_due(session, commission_id=commission.id, due_on=date(2026, 7, 14), actor_id=EDITOR, now=NOW)

    assert (commission.promised_on, commission.due_on) == (date(2026, 5, 1), date(2026, 7, 1))
    assert audited(session) == [
        ("commission.due_changed", str(commission.id), EDITOR, "", {"before": "2026-05-01", "after": "2026-07-01"}),
    ]


def publish(session: Session, commission: Commission, *, article_id: int) -> None:
    services.publish_commission(session, commission_id=commission.id, article_id=article_id, actor_id=EDITOR, now=NOW)


def state_of(session: Session, commission: Commission) -> tuple[str, int | None]:
    session.refresh(commission)
    return commission.state, commission.article_id


def audited(session: Session) -> list[tuple[str, str, int | None, str, dict[str, object]]]:
    entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id))
    return [(entry.act, entry.subject_id, entry.actor_id, entry.reason, entry.details) for entry in entries]
