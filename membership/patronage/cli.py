"""The commands of patronage."""

from collections.abc import Mapping
from typing import cast

import click
from flask import current_app
from flask.cli import AppGroup

from membership.errors import Refusal
from membership.money import parse_amount
from membership.patronage import queries, services
from membership.patronage.gateway import Gateway
from membership.patronage.models import INTERVALS, Plan
from membership.web.database import kernel, now, session, settings

cli = AppGroup("patronage", help="Plans, payments and memberships.")

# What a newsroom starts with, in whole units of its currency.
FIRST_MINIMUMS = {"month": "3", "year": "30", "once": "3"}
FIRST_PRESETS = {"month": "3,5,10", "year": "30,50,100", "once": "10,20,50"}


@cli.command("plan")
@click.option("--key", default="main", show_default=True, help="Names the plan here and at Stripe; never changes.")
@click.option("--name", help="Stands on Stripe's payment page.")
@click.option("--minimum-month", help="The lowest amount a month, such as 3.")
@click.option("--minimum-year", help="The lowest amount a year.")
@click.option("--minimum-once", help="The lowest single amount.")
@click.option("--presets-month", help="Three amounts, such as 3,5,10; the middle one is selected.")
@click.option("--presets-year", help="Three amounts a year.")
@click.option("--presets-once", help="Three single amounts.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
def plan(key: str, name: str | None, dry_run: bool, **given: str | None) -> None:
    """Create the plan, or change what is given; shows what changes and is safe to run twice."""
    known = queries.find_plan(session(), key)
    currency = known.currency if known else settings().currency
    minimums = {every: _minimum(given[f"minimum_{every}"], known, every, currency) for every in INTERVALS}
    presets = {every: _presets(given[f"presets_{every}"], known, every, currency) for every in INTERVALS}
    fault = services.plan_fault(minimums, presets)
    if fault:
        raise click.ClickException(fault)
    title = name or (known.name if known else settings().site_name)
    changes = _changes(known, title, minimums, presets)
    for line in changes or ["Nothing changes."]:
        click.echo(line)
    if changes and not dry_run:
        services.ensure_plan(session(), key=key, name=title, currency=currency, minimums=minimums, presets=presets, now=now())
        click.echo("Saved.")


@cli.command("sync")
@click.argument("subscription_id")
def sync(subscription_id: str) -> None:
    """Ask Stripe about one subscription and write what it answers; safe to repeat."""
    try:
        outcome = services.sync_subscription(
            session(), cast(Gateway, current_app.extensions["gateway"]), stripe_id=subscription_id, now=now()
        )
    except Refusal as refused:
        raise click.ClickException(refused.message) from refused
    kernel().queue.wake("mails")
    click.echo(f"{subscription_id}: {outcome}")


def _minimum(text: str | None, known: Plan | None, every: str, currency: str) -> int:
    if text is None and known is not None:
        return known.minimum(every)
    return _amount(text or FIRST_MINIMUMS[every], currency)


def _presets(text: str | None, known: Plan | None, every: str, currency: str) -> tuple[int, ...]:
    if text is None and known is not None:
        return known.presets(every)
    return tuple(_amount(part, currency) for part in (text or FIRST_PRESETS[every]).split(","))


def _amount(text: str, currency: str) -> int:
    try:
        return parse_amount(text, currency)
    except ValueError:
        raise click.ClickException(f"{text!r} is no amount in {currency.upper()}.") from None


def _changes(known: Plan | None, name: str, minimums: Mapping[str, int], presets: Mapping[str, tuple[int, ...]]) -> list[str]:
    """Return a line for each thing that is new or different; amounts in minor units, as they are stored."""
    wanted = {"name": name} | _flat("lowest", minimums) | _flat("presets", presets)
    if known is None:
        return [f"+ {thing}: {value}" for thing, value in wanted.items()]
    present = {"name": known.name}
    present |= _flat("lowest", {every: known.minimum(every) for every in INTERVALS})
    present |= _flat("presets", {every: known.presets(every) for every in INTERVALS})
    return [f"~ {thing}: {present[thing]} -> {value}" for thing, value in wanted.items() if present[thing] != value]


def _flat(label: str, values: Mapping[str, int | tuple[int, ...]]) -> dict[str, str]:
    return {f"{label} ({every})": str(value) for every, value in values.items()}
