"""The commands of accounts."""

import click
from flask.cli import AppGroup

from membership.accounts import queries, services
from membership.accounts.models import ROLES
from membership.accounts.services.invitations import LINK_LIFETIME
from membership.errors import Refusal
from membership.web.database import kernel, now, session, settings

cli = AppGroup("accounts", help="People and what staff may do.")


@cli.command("invite")
@click.argument("address")
@click.option("--name", default="", help="How this person is called on the site.")
@click.option(
    "--role", "roles", multiple=True, type=click.Choice(ROLES), help="May be given several times; none: the roles they hold."
)
@click.option("--language", default="en", type=click.Choice(("en", "uk")), help="Of the page and of our mails.")
def invite(address: str, name: str, roles: tuple[str, ...], language: str) -> None:
    """Print a link that makes a passkey for ADDRESS: for the first admin, and for staff who have lost everything.

    It works once, for half an hour. Whoever has it gets in: hand it over in person.
    """
    try:
        token = services.make_enrolment_link(session(), email=address, display_name=name, language=language, roles=roles, now=now())
    except ValueError:
        raise click.BadParameter("is not an e-mail address", param_hint="ADDRESS") from None
    except Refusal as error:
        raise click.ClickException(error.message) from error
    kernel().queue.wake("mails")
    click.echo(f"{settings().site_url}/staff/invitation/{token}")
    click.echo(f"It works once, for {LINK_LIFETIME.seconds // 60} minutes. Whoever opens it becomes {address}.", err=True)


@cli.command("staff-link")
@click.argument("address")
def staff_link(address: str) -> None:
    """Print a one-use link that signs ADDRESS in to the desk; in the demo only."""
    if not settings().is_demo:
        raise click.ClickException("Staff links exist in the demo only.")
    member = queries.find_member_by_email(session(), address)
    if member is None:
        raise click.ClickException("Nobody here has this address.")
    try:
        token = services.make_staff_link(session(), member_id=member.id, now=now())
    except Refusal as error:
        raise click.ClickException(error.message) from error
    click.echo(settings().site_url + staff_link_path(token))


def staff_link_path(token: str) -> str:
    """Return the path on which a staff link lands."""
    return f"/demo/staff/{token}"
