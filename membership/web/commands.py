"""The commands that belong to no feature: migrate, run the jobs."""

import click
from alembic import command
from flask.cli import AppGroup

from membership.web.database import kernel
from membership.web.health import alembic_config

jobs = AppGroup("jobs", help="Work in the background.")
database = AppGroup("db", help="The database's shape.")


@jobs.command("run")
def run_jobs() -> None:
    """Run the job runner until it is told to stop."""
    kernel().queue.consume()


@jobs.command("once")
def run_jobs_once() -> None:
    """Run every job once, here and now; safe to repeat."""
    kernel().queue.run_all()


@database.command("upgrade")
def upgrade() -> None:
    """Migrate the database to this version; safe to repeat."""
    migrate()
    click.echo("The database is up to date.")


def migrate() -> None:
    """Make the folders and bring the database to this version."""
    settings = kernel().settings
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    settings.round_keys_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    config = alembic_config()
    config.attributes["engine"] = kernel().engine
    command.upgrade(config, "head")
