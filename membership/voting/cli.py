"""The commands of voting."""

import click
from flask.cli import AppGroup

from membership.errors import Refusal
from membership.voting import counting, queries, services
from membership.web.database import clock, session

cli = AppGroup("voting", help="Votes.")


@cli.command("close-due")
def close_due() -> None:
    """Close every vote past its closing time; safe to repeat."""
    click.echo(f"closed {services.close_due_rounds(session(), clock=clock())}")


@cli.command("recount")
@click.argument("slug")
def recount(slug: str) -> None:
    """Count a vote's certified ballots again and compare with the frozen result."""
    try:
        same = counting.recount(session(), queries.get_round_by_slug(session(), slug))
    except Refusal as refusal:
        raise click.ClickException(refusal.message) from refusal
    if not same:
        raise click.ClickException(f"{slug}: the ballots give another result than the one that was frozen")
    click.echo(f"{slug}: the same result")
