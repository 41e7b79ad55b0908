"""What credits draws from state, each minute or when woken."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from membership.accounts.mail_links import with_way_out
from membership.accounts.queries import wants
from membership.config import Settings
from membership.credits import closures, drawing, queries, services
from membership.jobs import Job, JobContext
from membership.outbox import Letter, Prepare

GROUP = "stories"


def jobs(context: JobContext) -> Sequence[Job]:
    """Return the repeatable jobs, in the order in which one follows from the other."""
    zone = context.settings.time_zone
    return (
        Job("closed_badges", _with_session(context, lambda session, now: closures.forget_closed(session, now=now))),
        Job("commissions", _with_session(context, lambda session, now: drawing.draw_commissions(session, zone=zone, now=now))),
        Job("awards", _with_session(context, lambda session, now: drawing.draw_awards(session, now=now))),
        Job("story_letters", _with_session(context, lambda session, now: drawing.write_story_letters(session, now=now))),
        Job("figures", _with_session(context, lambda session, now: drawing.refresh_figures(session, now=now))),
    )


def letters(context: JobContext) -> Mapping[str, Prepare]:
    """Return how to prepare each kind of mail of this feature."""

    def story_out(session: Session, payload: Mapping[str, Any], now: datetime) -> Letter | None:
        return _story_out(session, payload, settings=context.settings, now=now)

    return {services.LETTER: story_out}


def _with_session(context: JobContext, draw: Callable[[Session, datetime], int]) -> Callable[[], int]:
    def run() -> int:
        with context.sessions() as session:
            return draw(session, context.clock.now())

    return run


def _story_out(session: Session, payload: Mapping[str, Any], *, settings: Settings, now: datetime) -> Letter | None:
    member_id = payload["member_id"]
    found = queries.find_story_mail(session, commission_id=payload["commission_id"], member_id=member_id, now=now)
    if found is None or not wants(session, member_id, GROUP):
        return None
    context = {
        "round_name": found.round_name,
        "headline": found.headline,
        "article_slug": found.article_slug,
        "voted": found.voted,
        "next_opens_at": found.next_opens_at,
    }
    letter = Letter(found.to, "story_out", found.language, context)
    return with_way_out(letter, settings, member_id=member_id, group=GROUP, now=now)
