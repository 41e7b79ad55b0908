"""What an editor does with a promise: keep it, take that back, drop it with a public reason, move its month."""

from datetime import date, datetime

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from membership import audit
from membership.articles.models import Article
from membership.credits.models import Commission
from membership.credits.promises import DROPPED, IN_PROGRESS, PUBLISHED
from membership.db import transaction
from membership.errors import Conflict, NotFound
from membership.outbox import OutboxItem
from membership.page_version import raise_page_version

LETTER = "story_out"


class MonthIsOver(Conflict):
    """A story can't be promised for a month that lies behind us."""


def letter_key(commission_id: int, member_id: int) -> str:
    """Return the outbox key that keeps a letter about one story to one per person."""
    return f"{LETTER}:{commission_id}:{member_id}"


def publish_commission(session: Session, *, commission_id: int, article_id: int, actor_id: int | None, now: datetime) -> None:
    """Link a chosen topic to the published article that came of it; its voters get their letter by a job.

    Raises NotFound, Conflict.
    """
    with transaction(session):
        commission = _in_progress(session, commission_id)
        article = session.get(Article, article_id)
        if article is None or article.published_at > now:
            raise NotFound("That article is not published yet. Link it once it is out.")
        if session.scalar(select(Commission.id).where(Commission.article_id == article_id)):
            raise Conflict("That article is already linked to another chosen topic.")
        commission.state = PUBLISHED
        commission.article_id = article_id
        commission.published_at = article.published_at
        raise_page_version(session)
        _record(session, "published", commission_id, actor_id=actor_id, now=now, article_id=article_id)


def unlink_commission(session: Session, *, commission_id: int, actor_id: int | None, now: datetime) -> None:
    """Take the link to an article back; letters that have not gone out are not sent. Raises NotFound, Conflict."""
    with transaction(session):
        commission = _locked(session, commission_id)
        if commission.state != PUBLISHED:
            raise Conflict("This topic is not linked to an article.")
        article_id = commission.article_id
        commission.state = IN_PROGRESS
        commission.article_id = commission.published_at = commission.letters_written_at = None
        _withdraw_letters(session, commission_id, now=now)
        raise_page_version(session)
        _record(session, "unlinked", commission_id, actor_id=actor_id, now=now, article_id=article_id)


def drop_commission(session: Session, *, commission_id: int, reason: str, actor_id: int | None, now: datetime) -> None:
    """Give a promise up, with a reason that everybody can read. Raises NotFound, Conflict."""
    public_reason = reason.strip()
    if not public_reason:
        raise Conflict("Say in a sentence why this story will not come. Readers will see it.")
    with transaction(session):
        commission = _in_progress(session, commission_id)
        commission.state = DROPPED
        commission.dropped_reason = public_reason
        raise_page_version(session)
        _record(session, "dropped", commission_id, actor_id=actor_id, now=now, reason=public_reason)


def resume_commission(session: Session, *, commission_id: int, actor_id: int | None, now: datetime) -> None:
    """Take a dropped promise up again. Raises NotFound, Conflict."""
    with transaction(session):
        commission = _locked(session, commission_id)
        if commission.state != DROPPED:
            raise Conflict("This story was not dropped.")
        commission.state = IN_PROGRESS
        commission.dropped_reason = ""
        raise_page_version(session)
        _record(session, "resumed", commission_id, actor_id=actor_id, now=now)


def change_due(session: Session, *, commission_id: int, due_on: date, actor_id: int | None, now: datetime) -> None:
    """Move the promised month; the month first promised stays on the public page. Raises NotFound, Conflict."""
    month = due_on.replace(day=1)
    if month < now.date().replace(day=1):
        raise MonthIsOver("Choose this month or a later one.")
    with transaction(session):
        commission = _in_progress(session, commission_id)
        before = commission.due_on
        commission.due_on = month
        raise_page_version(session)
        _record(
            session, "due_changed", commission_id, actor_id=actor_id, now=now, before=before.isoformat(), after=month.isoformat()
        )


def _locked(session: Session, commission_id: int) -> Commission:
    commission = session.get(Commission, commission_id, with_for_update=True, populate_existing=True)
    if commission is None:
        raise NotFound("There is no such story in progress.")
    return commission


def _in_progress(session: Session, commission_id: int) -> Commission:
    commission = _locked(session, commission_id)
    if commission.state != IN_PROGRESS:
        raise Conflict("This story is no longer in progress: it is linked or dropped. Undo that first.")
    return commission


def _withdraw_letters(session: Session, commission_id: int, *, now: datetime) -> None:
    # A letter that a worker holds is left alone: when it is prepared it finds no story and sends nothing.
    session.execute(
        delete(OutboxItem).where(
            OutboxItem.key.startswith(f"{LETTER}:{commission_id}:", autoescape=True),
            OutboxItem.done_at.is_(None),
            or_(OutboxItem.claimed_until.is_(None), OutboxItem.claimed_until < now),
        ),
    )


def _record(
    session: Session, act: str, commission_id: int, *, actor_id: int | None, now: datetime, reason: str = "", **details: object
) -> None:
    audit.record(
        session,
        act=f"commission.{act}",
        subject=("commission", commission_id),
        actor_id=actor_id,
        now=now,
        reason=reason,
        **details,
    )
