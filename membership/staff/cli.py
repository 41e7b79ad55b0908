"""The commands of the desk: look at the audit trail, and at everything that should be in order."""

import sys
from collections.abc import Callable

import click
from flask import current_app
from flask.cli import AppGroup, with_appcontext
from sqlalchemy.exc import SQLAlchemyError

from membership.audit_check import Head, current_head, verify
from membership.errors import Refusal
from membership.patronage import services as patronage
from membership.staff.doctor import FAULT, OK, WARNING, Finding, look_at_rows, look_at_settings
from membership.web.database import now, session, settings
from membership.web.health import database_is_migrated

audit = AppGroup("audit", help="The record of who did what.")


@audit.command("head")
def head() -> None:
    """Print the chain's end as N:HEX; kept elsewhere, it shows later that nothing was taken out since."""
    found = current_head(session())
    if found is None:
        raise click.ClickException("Nothing was recorded yet.")
    click.echo(str(found))


@audit.command("verify")
@click.option(
    "--head", "known", metavar="N:HEX", help="A head that was printed earlier: also what was true then must still be there."
)
def verify_chain(known: str | None) -> None:
    """Walk the whole chain and name what was changed, taken out, put in or moved; exit code 1 if there is anything."""
    found = verify(session(), session().info["audit_keys"], known=_parse(known) if known else None, progress=_progress)
    for fault in found.faults:
        click.echo(str(fault))
    if found.faults:
        raise click.ClickException(f"{len(found.faults)} faults in {found.checked} entries.")
    click.echo(f"{found.checked} entries, all as they were written. Head: {found.head or 'none yet'}")


def _parse(written: str) -> Head:
    try:
        return Head.parse(written)
    except ValueError:
        raise click.BadParameter("is not of the form N:HEX, as audit head prints it", param_hint="--head") from None


def _progress(done: int, total: int) -> None:
    click.echo(f"{done} of {total}", err=True)


@click.command("doctor")
@click.option("--stripe", "asks_stripe", is_flag=True, help="Ask Stripe too whether it has what you sell.")
@with_appcontext
def doctor(asks_stripe: bool) -> None:
    """Look whether everything is in order, and say what to do; exit code 1 on a fault, 0 on warnings."""
    database = _database()
    findings = [*look_at_settings(settings()), database, _round_keys(), _certificate_key()]
    if database.state != FAULT:
        findings += look_at_rows(session(), settings(), at=now())
        findings += [_catalogue()] if asks_stripe else []
    for found in findings:
        _tell(found)
    if any(found.state == FAULT for found in findings):
        sys.exit(1)


def _tell(found: Finding) -> None:
    mark = {OK: "ok     ", WARNING: "warning", FAULT: "FAULT  "}[found.state]
    click.echo(f"{mark} {found.name}: {found.says}")
    if found.advice:
        click.echo(f"        -> {found.advice}")


def _database() -> Finding:
    if _holds(database_is_migrated):
        return Finding("database", OK, "is there, and of this version")
    return Finding("database", FAULT, "is away, or of another version", "flask --app wsgi db upgrade")


def _round_keys() -> Finding:
    if _holds(current_app.extensions["readiness"]["round_keys"]):
        return Finding("round keys", OK, "readable, and by nobody else")
    advice = f"Make {settings().round_keys_dir} a folder of the app's own user, with mode 0700, and put lost keys back."
    return Finding("round keys", FAULT, "the folder is missing or open to others, or the key of an open vote is gone", advice)


def _certificate_key() -> Finding:
    file, fault = settings().certificate_key_file, current_app.extensions["certificate_signer"].fault()
    says, advice = {
        "": ("readable, and by nobody else", ""),
        "missing": (
            "is made with the next certificate",
            f"If there was one, put {file} back: readers know it.",
        ),
        "damaged": ("is there and can't be read", f"Put {file} back from where you keep it: until then no certificate is signed."),
        "not_private": ("others on this machine can read it", f"chmod 600 {file}"),
    }[fault]
    return Finding("certificate key", OK if fault in ("", "missing") else FAULT, says, advice)


def _holds(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except (SQLAlchemyError, OSError):
        return False


def _catalogue() -> Finding:
    try:
        changes = patronage.compare_catalogue(session(), current_app.extensions["gateway"])
    except Refusal as refused:
        return Finding("Stripe", FAULT, refused.message, "Are the keys right? See Stripe's dashboard.")
    if changes:
        return Finding("Stripe", WARNING, f"{len(changes)} things differ", "flask --app wsgi patronage catalogue")
    return Finding("Stripe", OK, "answers, and has what you sell")
