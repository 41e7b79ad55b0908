"""The commands of voting."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.voting.keys import RoundKeys
from membership.voting.public_keys import jwk_set
from tests.factories.certificates import KEYS, make_payload, signed
from tests.factories.voting import cast_all, count_vote, open_vote, publish_vote


@pytest.fixture
def run(app: Flask) -> Any:
    """Run a command of the voting group."""
    return lambda *words: app.test_cli_runner().invoke(args=["voting", *map(str, words)])


def test_a_vote_without_a_public_count_is_not_certified(run: Any, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    cast_all(session, round_, {"water": 2}, keys=keys, clock=clock)
    count_vote(session, round_, keys=keys, clock=clock)

    for slug, said in (("march", "This vote's result is not public yet."), ("nowhere", "There is no vote at this address.")):
        refused = run("certify", slug)
        assert (refused.exit_code, said in refused.output) == (1, True)


def test_a_certificate_is_printed_and_checked_with_the_sites_own_keys(
    run: Any, session: Session, clock: FixedClock, keys: RoundKeys, tmp_path: Path
) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    cast_all(session, round_, {"water": 2}, keys=keys, clock=clock)
    publish_vote(session, round_, keys=keys, clock=clock)
    printed, again = run("certify", "march"), run("certify", "march")
    assert printed.output == again.output
    file = tmp_path / "certificate.json"
    file.write_text(printed.output)

    found = run("verify", file)

    assert (found.exit_code, found.output.splitlines()[0]) == (0, "The March vote (march), The Test Gazette, http://localhost")
    assert "-      sums: fewer than 20 ballots: only the order is published" in found.output

    file.write_text(printed.output.replace('"counted":2', '"counted":3'))
    forged = run("verify", file)
    assert forged.exit_code == 1
    assert "FAILED signature: the signature doesn't fit" in forged.output
    assert "FAILED numbers: there is not one ballot number for each ballot" in forged.output


def test_the_certificate_of_another_site_needs_its_keys(run: Any, tmp_path: Path) -> None:
    certificate, keys, none = tmp_path / "certificate.json", tmp_path / "keys.json", tmp_path / "none.json"
    certificate.write_bytes(signed(make_payload({"a": 3})))
    keys.write_text(json.dumps(jwk_set(KEYS)))
    none.write_text("{}")

    assert f"signed with the key {next(iter(KEYS))}, which is none of the keys given" in run("verify", certificate).output
    assert run("verify", certificate, "--keys", keys).exit_code == 0
    assert "this is no file of public keys" in run("verify", certificate, "--keys", none).output


def test_another_key_is_taken_and_the_old_one_kept(run: Any, app: Flask) -> None:
    before = run("certificate-key").output.strip()

    said = run("certificate-key", "--new").output.splitlines()

    assert said[1] == run("certificate-key").output.strip() != before
    old = app.extensions["kernel"].settings.state_dir / f"certificate-key-{before}.pem"
    assert (said[0], old.stat().st_mode & 0o777) == (f"the old key: {old}", 0o600)
