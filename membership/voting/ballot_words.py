"""Why a ballot was not taken, in full sentences."""

from datetime import datetime
from zoneinfo import ZoneInfo

from flask_babel import gettext as _

from membership.voting.models import Round
from membership.voting.refusals import BallotRefused, RoundClosed, TooManyTicks, UnknownTopic, WithdrawnTopic
from membership.web.filters import day


def refusal_words(refusal: BallotRefused, round_: Round) -> str:
    """Return what is wrong with a ballot as it was sent, and what to do."""
    if isinstance(refusal, TooManyTicks):
        return _(
            "You ticked %(ticked)s. Keep the %(most)s you want most; we have kept your ticks.",
            ticked=refusal.ticked,
            most=refusal.most,
        )
    if isinstance(refusal, UnknownTopic):
        return _("One of the topics that you sent isn't part of this vote. Tick again from this list.")
    if isinstance(refusal, WithdrawnTopic):
        return _("One of the topics that you ticked was taken off the ballot. Look at your ticks below and send them again.")
    return _("Tick at least one topic, up to %(most)s.", most=round_.max_ticks)


def late_words(late: RoundClosed, zone: ZoneInfo) -> str:
    """Return when the vote closed and when the ballot came, to the second; with their days where these differ."""
    closed, received = late.closed_at.astimezone(zone), late.received_at.astimezone(zone)
    shown = _time if closed.date() == received.date() else _day_and_time
    return _(
        "The vote closed at %(closed)s; your ballot reached us at %(received)s and was not counted.",
        closed=shown(closed, zone),
        received=shown(received, zone),
    )


def _time(instant: datetime, _zone: ZoneInfo) -> str:
    return f"{instant:%H:%M:%S}"


def _day_and_time(instant: datetime, zone: ZoneInfo) -> str:
    return f"{day(instant, zone)}, {instant:%H:%M:%S}"
