"""Migrate, build the demo newsroom where there is none, and print how to go on. Safe to repeat."""

import os
import sys

from flask import Flask
from sqlalchemy import exists, select

from membership import audit
from membership.accounts import services as accounts
from membership.accounts.cli import staff_link_path
from membership.accounts.models import Member
from membership.accounts.queries import find_member_by_email
from membership.app import create_app
from membership.articles.services import import_articles
from membership.audit import AuditEntry
from membership.clock import FixedClock, SystemClock
from membership.config import read_settings
from membership.credits import drawing
from membership.db import transaction
from membership.demo import content
from membership.demo.board import fill_board
from membership.demo.newsroom import PATRON, Newsroom
from membership.demo.people import found, gather_patrons, hire
from membership.demo.votes import draft_next_vote, hold_past_vote, open_present_vote
from membership.web.commands import migrate
from membership.web.database import kernel, session

BUILT = "demo.built"


def main() -> int:
    """Prepare the demo; progress goes to stderr, the welcome to stdout."""
    clock = FixedClock(SystemClock().now())
    app = create_app(read_settings(os.environ), clock=clock)
    with app.app_context():
        migrate()
        if not session().scalar(select(exists().where(AuditEntry.act == BUILT))):
            if session().scalar(select(exists().where(Member.id.is_not(None)))):
                print("The demo was interrupted while it was being built. `make reset` clears it.", file=sys.stderr)
                return 1
            build(_newsroom(app, clock))
        print(_welcome(app))
    app.extensions["kernel"].engine.dispose()
    return 0


def build(newsroom: Newsroom) -> None:
    """Build it as if its last three months had happened, through the services: the clock moves, nothing is made up."""
    newsroom.report("people and what they pay")
    hire(newsroom)
    found(newsroom)
    gather_patrons(newsroom)
    newsroom.report("stories")
    today = newsroom.today.astimezone(newsroom.settings.time_zone).date()
    articles = content.read_articles(newsroom.settings.time_zone, today=today)
    import_articles(newsroom.session, articles=articles, now=newsroom.go_to(-1))
    newsroom.report("the last vote, its count and its stories")
    hold_past_vote(newsroom)
    newsroom.report("what readers suggest")
    topics = fill_board(newsroom)
    newsroom.report("the open vote, and the next one")
    open_present_vote(newsroom)
    draft_next_vote(newsroom, topics)
    newsroom.clock.instant = newsroom.today
    drawing.refresh_figures(newsroom.session, now=newsroom.today)
    with transaction(newsroom.session):
        audit.record(newsroom.session, act=BUILT, subject=("demo", 1), actor_id=None, now=newsroom.today)


def _newsroom(app: Flask, clock: FixedClock) -> Newsroom:
    return Newsroom(
        session=session(),
        settings=kernel().settings,
        keys=app.extensions["round_keys"],
        clock=clock,
        run_job=lambda name: kernel().queue.jobs[name].run(),
        report=lambda step: print(f"  {step} ...", file=sys.stderr, flush=True),
    )


def _welcome(app: Flask) -> str:
    url = kernel().settings.site_url
    lines = [
        "",
        f"{kernel().settings.site_name} is open:  {url}",
        "",
        f"A patron:      {PATRON}",
        f"               ask for a sign-in mail at {url}/sign-in, read it at {url}/demo/mailbox?to={PATRON}",
    ]
    for person in content.read_yaml("newsroom.yaml")["staff"]:
        member = find_member_by_email(session(), person["email"])
        assert member
        token = accounts.make_staff_link(session(), member_id=member.id, now=kernel().clock.now())
        lines.append(f"{'Staff, once:':<15}{url}{staff_link_path(token)}  ({person['display_name']})")
    lines += [
        "               two people, two browsers: checking a ballot box takes both",
        f"Stripe:        {kernel().settings.stripe_api_base}/_control  (a stand-in: no money moves)",
        "",
        "Ctrl-C stops everything.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
