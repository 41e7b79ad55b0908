"""A published result as files, and all of them as a feed."""

from flask import Blueprint, Response, jsonify, render_template
from flask.typing import ResponseReturnValue

from membership.voting import public, queries
from membership.web.audience import everyone
from membership.web.database import now, session
from membership.web.languages import open_route
from membership.web.open_pages import open_page

bp = Blueprint("results", __name__)

IN_FEED = 20


@open_route(bp, "/votes/<slug:round_slug>/result.json")
@everyone
def result_json(round_slug: str) -> ResponseReturnValue:
    """Give the published result as data."""
    round_ = public.get_public_round(session(), round_slug)
    return jsonify(public.result_data(round_, queries.turnout(session(), round_, at=now())))


@open_route(bp, "/votes/<slug:round_slug>/result.csv")
@everyone
def result_csv(round_slug: str) -> ResponseReturnValue:
    """Give the published result as a table."""
    return Response(public.result_csv(public.get_public_round(session(), round_slug)), mimetype="text/csv")


@open_route(bp, "/votes/feed.xml")
@everyone
@open_page
def feed() -> ResponseReturnValue:
    """Send the newest results as an Atom feed in the address's language."""
    found = queries.published_rounds(session(), limit=IN_FEED)
    entries = [(round_, queries.result_of(round_)) for round_ in found]
    updated_at = max((round_.publication.published_at for round_ in found if round_.publication), default=now())
    text = render_template("voting/feed.xml", entries=entries, updated_at=updated_at)
    return Response(text, content_type="application/atom+xml; charset=utf-8")
