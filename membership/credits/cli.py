"""The commands of credits."""

import click
from flask.cli import AppGroup

from membership.credits.jobs import jobs
from membership.jobs import JobContext
from membership.web.database import kernel

cli = AppGroup("credits", help="What became of what readers chose.")


@cli.command("draw")
def draw() -> None:
    """Draw promises, badges, letters and figures from what is published; safe to repeat."""
    context = JobContext(kernel().sessions, kernel().clock, kernel().settings)
    for job in jobs(context):
        click.echo(f"{job.name}: {job.run()} new")
