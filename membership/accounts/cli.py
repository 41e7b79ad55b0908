"""The commands of accounts."""

import click
from flask.cli import AppGroup

from membership.accounts import queries, services
from membership.accounts.models import ROLES
from membership.errors import Refusal
from membership.web.database import now, session, settings

cli = AppGroup("accounts", help="People and what staff may do.")


@cli.command("add-staff")
@click.argument("address")
@click.option("--name", default="", help="How this person is called on the site.")
@click.option("--role", "roles", multiple=True, required=True, type=click.Choice(ROLES), help="May be given several times.")
def add_staff(address: str, name: str, roles: tuple[str, ...]) -> None:
    """Give ADDRESS one or more roles, with an account if it has none; safe to repeat."""
    try:
        known = queries.find_member_by_email(session(), address)
        member_id = known.id if known else services.create_member(session(), email=address, display_name=name, now=now())
    except ValueError:
        raise click.BadParameter("is not an e-mail address", param_hint="ADDRESS") from None
    for role in roles:
        services.grant_role(session(), member_id=member_id, role=role, actor_id=None, now=now())
    click.echo(f"{address}: {', '.join(roles)}")
    if settings().is_demo:
        click.echo(f"Sign-in link: flask --app wsgi accounts staff-link {address}")
    else:
        click.echo("Staff can't sign in with a mail, and this version has no other way outside of the demo yet.")


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
