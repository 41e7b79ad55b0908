"""The commands of patronage."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

import click
from flask import current_app
from flask.cli import AppGroup
from sqlalchemy.exc import DBAPIError

from membership.db import make_engine, make_sessions
from membership.errors import Refusal
from membership.money import parse_amount, takes_fractions
from membership.patronage import queries, services
from membership.patronage.gateway import Gateway
from membership.patronage.gateway.catalogue import Price
from membership.patronage.models import INTERVALS, Plan
from membership.web.database import kernel, now, session, settings

cli = AppGroup("patronage", help="Plans, payments and memberships.")

# What a newsroom starts with, in whole units of its currency; in a hundred times as many where there are no smaller ones.
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
@click.option("--retire", "wish", flag_value="retire", help="Offer the plan no longer; who pays by it goes on.")
@click.option("--offer", "wish", flag_value="offer", help="Offer a retired plan again.")
def plan(key: str, name: str | None, dry_run: bool, wish: str | None, **given: str | None) -> None:
    """Create a plan, or change what is given; shows what changes and is safe to run twice. The join page offers every plan."""
    if wish:
        _offer(key, is_offered=wish == "offer")
        return
    known = queries.find_plan(session(), key)
    currency = known.currency if known else settings().currency
    minimums = {every: _minimum(given[f"minimum_{every}"], known, every, currency) for every in INTERVALS}
    presets = {every: _presets(given[f"presets_{every}"], known, every, currency) for every in INTERVALS}
    fault = (
        services.key_fault(key) or services.currency_fault(currency) or services.plan_fault(minimums, presets, currency=currency)
    )
    if fault:
        raise click.ClickException(fault)
    title = name or (known.name if known else settings().site_name)
    changes = _changes(known, title, minimums, presets)
    for line in changes or ["Nothing changes."]:
        click.echo(line)
    if changes and not dry_run:
        services.ensure_plan(session(), key=key, name=title, currency=currency, minimums=minimums, presets=presets, now=now())
        click.echo("Saved.")


@cli.command("catalogue")
@click.option("--apply", "is_applied", is_flag=True, help="Do it; without this it is only shown.")
def catalogue(is_applied: bool) -> None:
    """Bring products, prices and the text on bank statements to Stripe; shows what differs first and is safe to run twice."""
    gateway = cast(Gateway, current_app.extensions["gateway"])
    try:
        changes = services.compare_catalogue(session(), gateway)
        for line in (line for change in changes for line in _lines(change)):
            click.echo(line)
        _tell_statement(gateway)
        for done, change in enumerate(changes if is_applied else (), start=1):
            services.apply_change(session(), gateway, change)
            click.echo(f"{done} of {len(changes)} done")
    except Refusal as refused:
        raise click.ClickException(refused.message) from refused
    if not changes:
        click.echo("Stripe has everything as it should be.")
    elif not is_applied:
        click.echo("Nothing was changed. To do it, say --apply.")


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


@cli.command("reconcile")
@click.option("--apply", "is_applied", is_flag=True, help="Mend what differs; without this it is only shown.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Only what happened since this day (UTC), at most 29 days ago.")
def reconcile(is_applied: bool, since: datetime | None) -> None:
    """Compare what we believe with what Stripe says; safe to repeat."""
    since = since.replace(tzinfo=UTC) if since else None
    if since and since < now() - services.EVENTS_LAST:
        raise click.ClickException("Stripe keeps what happened for 29 days. Leave --since out to compare everything.")
    gateway = cast(Gateway, current_app.extensions["gateway"])
    try:
        services.request_reconcile(session(), is_applied=is_applied, since=since, requested_by=None, now=now())
    except Refusal as refused:
        raise click.ClickException(refused.message) from refused
    run = services.carry_out_reconcile(session(), gateway, now=now, progress=_progress)
    assert run is not None
    _tell_differences(run.drift)
    if run.error:
        raise click.ClickException(run.error)
    if run.drift:
        click.echo("Mended." if is_applied else "Nothing was changed. To mend it, say --apply.")


@cli.command("rebuild")
@click.option("--into", required=True, help="An empty, migrated database: sqlite:///… or postgresql://…")
def rebuild(into: str) -> None:
    """Fill an empty database from Stripe and our own acts, and say where it differs from the one in use."""
    gateway = cast(Gateway, current_app.extensions["gateway"])
    engine = make_engine(into)
    try:
        with make_sessions(engine, audit_keys=session().info["audit_keys"])() as target:
            found = services.rebuild(session(), target, gateway, now=now, progress=_progress)
    except Refusal as refused:
        raise click.ClickException(refused.message) from refused
    except DBAPIError as error:
        raise click.ClickException(f"{type(error).__name__}: is this database there, and migrated?") from error
    finally:
        engine.dispose()
    _tell_differences([difference.as_dict() for difference in found])
    if found:
        raise click.ClickException("The rebuilt database is not equal to the one in use.")


@cli.command("check-money")
def check_money() -> None:
    """Run the checks of our own sums."""
    found = services.check_money(session(), now=now()).findings
    for name, ids in found.items():
        click.echo(f"{name}: {', '.join(ids)}")
    if found:
        raise click.ClickException("Something does not add up.")
    click.echo("Everything adds up.")


@cli.command("close-stripe")
@click.option("--reason", required=True, help="For the newsroom's own record.")
def close_stripe(reason: str) -> None:
    """Turn every ask to the other ways, from now on: the day Stripe closes our account."""
    _switch(lambda: services.close_stripe(session(), reason=reason, actor_id=None, now=now()))
    click.echo("The asks lead to the other ways now. Patrons keep their rights for what they paid, and 30 days.")


@cli.command("reopen-stripe")
def reopen_stripe() -> None:
    """Ask by card again."""
    _switch(lambda: services.reopen_stripe(session(), actor_id=None, now=now()))
    click.echo("The asks take cards again.")


def _switch(turn: Callable[[], None]) -> None:
    try:
        turn()
    except Refusal as refused:
        raise click.ClickException(refused.message) from refused


def _progress(done: int, total: int) -> None:
    click.echo(f"{done} of {total}", err=True)


def _tell_differences(drift: Sequence[Mapping[str, str]]) -> None:
    for found in drift:
        click.echo(f"{found['what']} {found['id']}: {found['field']}: {found['ours'] or '-'} -> {found['stripes'] or '-'}")
    click.echo(f"{len(drift)} differences." if drift else "No difference.")


def _offer(key: str, *, is_offered: bool) -> None:
    try:
        if is_offered:
            services.offer_plan(session(), key=key)
        else:
            services.retire_plan(session(), key=key, now=now())
    except Refusal as refused:
        raise click.ClickException(refused.message) from refused
    click.echo(f"{key}: offered" if is_offered else f"{key}: offered no longer; who pays by it goes on")


def _lines(change: services.CatalogueChange) -> Iterator[str]:
    """Give a line for each thing that is to be created or changed at Stripe."""
    wanted, present = change.wanted, change.present
    if isinstance(wanted, Price):
        yield f"+ price {wanted.lookup_key}"
    elif present is None:
        yield f"+ product {wanted.id}: {wanted.name}, on bank statements {wanted.descriptor}"
    else:
        if present.name != wanted.name:
            yield f"~ product {wanted.id}: name: {present.name} -> {wanted.name}"
        if present.descriptor != wanted.descriptor:
            yield f"~ product {wanted.id}: on bank statements: {present.descriptor or 'nothing'} -> {wanted.descriptor}"
        if not present.active:
            yield f"~ product {wanted.id}: put away -> on sale"


def _tell_statement(gateway: Gateway) -> None:
    """Say where bank statements show something else than STATEMENT_DESCRIPTOR: single payments go by the account's own text."""
    wanted, shown = settings().statement_descriptor, gateway.statement_of_single_payments()
    if shown is None:
        click.echo(f"! This key may not read the account. Look in Stripe's dashboard whether its statement descriptor is {wanted}.")
    elif shown.casefold() != wanted.casefold():
        own = gateway.account().descriptor or "empty"
        click.echo(f"! Bank statements show single payments by card as {shown}: your account's own statement descriptor is {own}.")
        click.echo(f"  Make it {wanted} in Stripe's dashboard: Settings, Business, Public details.")


def _minimum(text: str | None, known: Plan | None, every: str, currency: str) -> int:
    if text is None and known is not None:
        return known.minimum(every)
    return _amount(text, currency) if text else _first(FIRST_MINIMUMS[every], currency)


def _presets(text: str | None, known: Plan | None, every: str, currency: str) -> tuple[int, ...]:
    if text is None and known is not None:
        return known.presets(every)
    if text is None:
        return tuple(_first(part, currency) for part in FIRST_PRESETS[every].split(","))
    return tuple(_amount(part, currency) for part in text.split(","))


def _first(text: str, currency: str) -> int:
    return _amount(text if takes_fractions(currency) else f"{text}00", currency)


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
