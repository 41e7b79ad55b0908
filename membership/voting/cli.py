"""The commands of voting."""

import sys
from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup

from membership.errors import Refusal
from membership.voting import certificates, counting, queries, services, verifying
from membership.voting.certificates import Site
from membership.voting.keys import RoundKeys
from membership.voting.public_keys import NoKeys, read_jwk_set
from membership.voting.signing import CertificateSigner
from membership.web.database import clock, now, session, settings

cli = AppGroup("voting", help="Votes.")
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


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


@cli.command("key-lost")
@click.argument("slug")
def give_up_key(slug: str) -> None:
    """Say that the key of a vote is gone for good with the folder that held it: every ballot in its box counts from now on.

    First look on every machine whether the folder is only not mounted. A key that can be read here is never given up.
    """
    keys: RoundKeys = current_app.extensions["round_keys"]
    try:
        round_ = queries.get_round_by_slug(session(), slug)
        services.give_up_key(session(), round_id=round_.id, keys=keys, now=now())
    except Refusal as refusal:
        raise click.ClickException(refusal.message) from refusal
    click.echo(f"{slug}: its key is noted as lost in {keys.directory}")


@cli.command("verify")
@click.argument("file", type=FILE)
@click.option("--keys", "keys_file", type=FILE, help="The public keys of another site (its /votes/certificate-keys.json).")
@click.option("--numbers", "numbers_file", type=FILE, help="The list of ballot numbers, as the site gives it.")
def verify_certificate(file: Path, keys_file: Path | None, numbers_file: Path | None) -> None:
    """Check a certificate and add its count up again; exit code 1 if anything is wrong. The keys are this site's unless given."""
    try:
        keys = read_jwk_set(keys_file.read_bytes()) if keys_file else certificates.public_keys(session())
    except NoKeys as refused:
        raise click.ClickException(str(refused)) from refused
    report = verifying.verify(file.read_bytes(), keys=keys, numbers=numbers_file.read_bytes() if numbers_file else None)
    click.echo("\n".join(verifying.lines_of(report)))
    if not report.holds:
        sys.exit(1)


@cli.command("certify")
@click.argument("slug")
def certify(slug: str) -> None:
    """Sign the certificate of a vote whose count is public, and print it; one that has a certificate keeps it."""
    try:
        round_ = queries.get_round_by_slug(session(), slug)
        services.issue_certificate(session(), round_id=round_.id, signer=_signer(), site=Site.of(settings()), now=now())
    except Refusal as refusal:
        raise click.ClickException(refusal.message) from refusal
    issued = certificates.find_certificate(session(), round_.id)
    assert issued
    click.echo(certificates.document_of(issued), nl=False)


@cli.command("certificate-key")
@click.option("--new", is_flag=True, help="Put the present key aside and sign with another one from now on.")
def certificate_key(new: bool) -> None:
    """Print the id of the key that signs certificates; it is made if there is none."""
    signer = _signer()
    try:
        if new:
            click.echo(f"the old key: {services.replace_certificate_key(session(), signer=signer, now=now())}")
        click.echo(signer.kid)
    except Refusal as refusal:
        raise click.ClickException(refusal.message) from refusal


def _signer() -> CertificateSigner:
    signer: CertificateSigner = current_app.extensions["certificate_signer"]
    return signer
