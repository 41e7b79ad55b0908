"""The mails about a vote, made when they are sent; none names a choice, and only the reminder depends on who has voted."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.accounts.mail_links import with_way_out
from membership.accounts.models import Member
from membership.accounts.queries import wants
from membership.config import Settings
from membership.jobs import JobContext
from membership.outbox import Letter, Prepare
from membership.patronage.queries import standing_of
from membership.voting import queries
from membership.voting.keys import KeyLost, RoundKeys
from membership.voting.models import ClosingChange, Round, Topic, TopicWithdrawal
from membership.voting.services import notices

GROUP = "votes"
# To whom a reminder went tells who had not voted by then.
DISCREET = frozenset({notices.REMINDER})
# What a mail says of the vote beside its name and address; None: it says nothing any more.
Say = Callable[[Session, Round, Mapping[str, Any], datetime], dict[str, Any] | None]


def letters(context: JobContext, keys: RoundKeys) -> Mapping[str, Prepare]:
    """Return how to prepare each of them."""

    def remind(session: Session, round_: Round, payload: Mapping[str, Any], now: datetime) -> dict[str, Any] | None:
        return _remind(session, round_, payload["member_id"], keys=keys, now=now)

    ways: dict[str, Say] = {
        notices.OPENED: _announce,
        notices.REMINDER: remind,
        notices.RESULT: _report,
        notices.CHANGED: _tell_change,
        notices.WITHDRAWN: _tell_withdrawal,
        notices.VOIDED: _tell_voiding,
    }
    return {kind: _prepare(kind, say, context.settings) for kind, say in ways.items()}


def _prepare(kind: str, say: Say, settings: Settings) -> Prepare:
    def prepare(session: Session, payload: Mapping[str, Any], now: datetime) -> Letter | None:
        member = session.get(Member, payload["member_id"], populate_existing=True)
        address = member.address if member else None
        if member is None or address is None or not wants(session, member.id, GROUP):
            return None
        round_ = queries.get_round(session, payload["round_id"])
        said = say(session, round_, payload, now)
        if said is None:
            return None
        about = {"round_name": round_.name_in(member.language), "round_slug": round_.slug}
        letter = Letter(address, kind, member.language, about | said)
        return with_way_out(letter, settings, member_id=member.id, group=GROUP, now=now)

    return prepare


def _announce(_session: Session, round_: Round, _payload: Mapping[str, Any], now: datetime) -> dict[str, Any] | None:
    if round_.is_void or not round_.is_open(now):
        return None
    return {
        "closes_at": round_.closes_at,
        "topics": len(round_.standing_topics),
        "seats": round_.seats,
        "max_ticks": round_.max_ticks,
    }


def _remind(session: Session, round_: Round, member_id: int, *, keys: RoundKeys, now: datetime) -> dict[str, Any] | None:
    """Say when the vote ends, to who can vote and has no ballot in the box. Raises Unavailable when that can't be told now."""
    if round_.is_void or not round_.is_open(now):
        return None
    try:
        has_voted = queries.has_voted(session, round_, member_id, keys)
    except KeyLost:  # no ballot is taken any more
        return None
    if has_voted or not standing_of(session, member_id, at=now).may_vote:
        return None
    return {"closes_at": round_.closes_at}


def _report(session: Session, round_: Round, _payload: Mapping[str, Any], now: datetime) -> dict[str, Any] | None:
    if round_.is_void or round_.publication is None:
        return None
    titles = round_.titles
    turnout = queries.turnout(session, round_, at=now)
    chosen = [titles[slug] for slug in queries.result_of(round_).winners]
    return {"chosen": chosen, "voted": turnout.voted, "could_vote": turnout.could_vote}


def _tell_change(session: Session, round_: Round, payload: Mapping[str, Any], now: datetime) -> dict[str, Any] | None:
    change = session.get(ClosingChange, payload["change_id"], populate_existing=True)
    # Moved once more since: the later mail says until when.
    if change is None or change.closes_at != round_.closes_at or round_.is_void or not round_.is_open(now):
        return None
    return {"closes_at": change.closes_at, "closed_before": change.closed_before, "note": change.note}


def _tell_withdrawal(session: Session, round_: Round, payload: Mapping[str, Any], now: datetime) -> dict[str, Any] | None:
    own = (TopicWithdrawal.round_id == round_.id, TopicWithdrawal.topic_id == payload["topic_id"])
    found = select(Topic.title, TopicWithdrawal.reason).join(TopicWithdrawal, TopicWithdrawal.topic_id == Topic.id).where(*own)
    row = session.execute(found).one_or_none()
    if row is None or round_.is_void:
        return None
    return {"title": row.title, "reason": row.reason, "closes_at": round_.closes_at if round_.is_open(now) else None}


def _tell_voiding(_session: Session, round_: Round, _payload: Mapping[str, Any], _now: datetime) -> dict[str, Any] | None:
    if not round_.is_void or round_.voiding is None:
        return None
    return {"reason": round_.voiding.reason, "is_counted": round_.count is not None}
