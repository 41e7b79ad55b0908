"""What credits draws from state, each minute or when woken."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from membership.credits import drawing, queries, services
from membership.jobs import Job, JobContext
from membership.outbox import Letter, Prepare


def jobs(context: JobContext) -> Sequence[Job]:
    """Return the repeatable jobs, in the order in which one follows from the other."""
    zone = context.settings.time_zone
    return (
        Job("commissions", _with_session(context, lambda session, now: drawing.draw_commissions(session, zone=zone, now=now))),
        Job("awards", _with_session(context, lambda session, now: drawing.draw_awards(session, now=now))),
        Job("story_letters", _with_session(context, lambda session, now: drawing.write_story_letters(session, now=now))),
        Job("figures", _with_session(context, lambda session, now: drawing.refresh_figures(session, now=now))),
    )


def letters(context: JobContext) -> Mapping[str, Prepare]:
    """Return how to prepare each kind of mail of this feature."""
    return {services.LETTER: _story_out}


def _with_session(context: JobContext, draw: Callable[[Session, datetime], int]) -> Callable[[], int]:
    def run() -> int:
        with context.sessions() as session:
            return draw(session, context.clock.now())

    return run


def _story_out(session: Session, payload: Mapping[str, Any], now: datetime) -> Letter | None:
    found = queries.find_story_mail(session, commission_id=payload["commission_id"], member_id=payload["member_id"], now=now)
    if found is None:
        return None
    context = {
        "round_name": found.round_name,
        "headline": found.headline,
        "article_slug": found.article_slug,
        "voted": found.voted,
        "next_opens_at": found.next_opens_at,
    }
    return Letter(found.to, "story_out", found.language, context)
