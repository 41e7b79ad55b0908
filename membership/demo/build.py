"""Migrate, build the demo newsroom where there is none, and print how to go on. Safe to repeat."""

import os
import sys

from flask import Flask
from sqlalchemy import exists, select

from membership.accounts import services as accounts
from membership.accounts.cli import staff_link_path
from membership.accounts.models import Member
from membership.accounts.queries import find_member_by_email
from membership.app import create_app
from membership.audit import AuditEntry
from membership.clock import FixedClock, SystemClock
from membership.config import read_settings
from membership.demo import content
from membership.demo.newsroom import BUILT, PATRON, Newsroom, build
from membership.web.commands import migrate
from membership.web.database import kernel, session


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
