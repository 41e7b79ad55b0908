"""Is a certificate whole, and does its count add up? For anybody: needs no database, no app and none of the site's settings. Pure.

    python -m membership.voting.verifying certificate.json --keys certificate-keys.json [--numbers numbers.txt]

Signed by the right key, a certificate can still be wrong where the newsroom itself wrote down something else than what was in
the box. Of that, what is bound to other numbers in it is noticed (membership.voting.re_adding), and this is not, because nothing
depends on it:

- names, titles, notes, reasons and the audit trail's head; times, as long as their order stays;
- how many could vote, how many ballots were not counted and why, how many people checked the box, how many topics could be
  ticked, where it stays possible: no more ballots than voters, no more ticks than the ballots can hold;
- how many stories were promised, where everything that anybody ticked was chosen, by most ticks;
- from 100 ballots: which of two topics with the same ticks and the same score had which readers behind it;
- below 100 ballots: from the second step on the score of a topic that neither won nor came next, and of the only one left, within
  what the ticks allow; where the key was lost, how many ballots were counted; below 20: who won, and in which order;
- a whole other count that adds up too: that each ballot was recorded as it was cast is not proved here. For that stand the ballot
  numbers, two people at the box, and the recount.
"""

import argparse
import hashlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from membership.voting import re_adding
from membership.voting.canonical import NotCanonical, canonical, read_canonical
from membership.voting.certificate_shape import NUMBERS_FROM, SMALLEST_REASON, TABLES_FROM, hexadecimal, misfit
from membership.voting.public_keys import NoKeys, PublicKeys, from_base64url, read_jwk_set

PASSED, FAILED, ABSENT = "passed", "failed", "absent"
ALGORITHM = "Ed25519"
Payload = dict[str, Any]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: form, signature, settings, seed, lots, sums, order, steps or numbers."""

    name: str
    state: str
    says: str


@dataclass(frozen=True)
class Report:
    """What was checked of one certificate."""

    checks: tuple[Check, ...]
    about: str = ""  # which vote of whom, as the certificate says

    @property
    def holds(self) -> bool:
        """Whether nothing failed."""
        return all(check.state != FAILED for check in self.checks)


def verify(document: bytes, *, keys: PublicKeys, numbers: bytes | None = None) -> Report:
    """Check a certificate against the site's public keys and, if given, the list of ballot numbers as the site gives it."""
    try:
        read = read_canonical(document)
    except NotCanonical as refused:
        return Report((Check("form", FAILED, f"this is no certificate: {refused}"),))
    if where := misfit(read):
        return Report((Check("form", FAILED, f"this is no certificate: {where} is missing, or not what should stand there"),))
    payload = read["payload"]
    settings = _of("settings", _settings_faults(payload), "the settings, times and numbers of ballots fit together")
    checks = (
        Check("form", PASSED, "it is a certificate, written as certificates are"),
        _signature(payload, read["signature"], keys),
        settings,
        _of("seed", _seed_faults(payload), "the lot's seed is the one that its fingerprint was published of"),
        _of("lots", _lot_faults(payload), "every lot follows from the seed and from the list of who could vote"),
        *(_count_checks(payload) if settings.state == PASSED else _left_out("the settings are wrong already")),
        _numbers(payload, numbers),
    )
    return Report(
        checks, f"{payload['vote']['name']} ({payload['vote']['slug']}), {payload['site']['name']}, {payload['site']['url']}"
    )


def _of(name: str, faults: Iterable[str], well: str, *, absent: str = "") -> Check:
    found = next(iter(faults), "")
    return Check(name, FAILED, found) if found else Check(name, ABSENT, absent) if absent else Check(name, PASSED, well)


def _signature(payload: Payload, signature: dict[str, str], keys: PublicKeys) -> Check:
    if signature["algorithm"] != ALGORITHM:
        return Check("signature", FAILED, f"certificates are signed with {ALGORITHM}")
    if signature["kid"] not in keys:
        return Check("signature", FAILED, f"signed with the key {signature['kid'][:50]}, which is none of the keys given")
    try:
        signed = from_base64url(signature["value"])
        Ed25519PublicKey.from_public_bytes(keys[signature["kid"]]).verify(signed, canonical(payload).encode())
    except (InvalidSignature, ValueError):
        return Check("signature", FAILED, "the signature doesn't fit: it is another one's, or something was changed after signing")
    return Check("signature", PASSED, f"signed with the key {signature['kid']}, and unchanged since")


def _settings_faults(payload: Payload) -> Iterator[str]:
    settings, box, topics, count = payload["settings"], payload["box"], payload["topics"], payload["count"]
    if settings["rule"] not in ("plain", "fair_share") or settings["electorate"] not in ("while_open", "at_opening"):
        yield "the rule, or who may vote, is none that there is"
    if not (1 <= settings["seats"] <= 5 and 1 <= settings["most_ticks"] <= 10 and box["checked_by"] in (1, 2)):
        yield "the number of stories, of ticks or of people at the box is none that there can be"
    if box["counted"] > payload["roll"]["could_vote"] and not box["key_lost"]:
        yield "more ballots were counted than there were people who could vote"
    reasons = box["not_counted_because"].values()
    if reasons and (sum(reasons) != box["not_counted"] or min(reasons) < SMALLEST_REASON):
        yield "the reasons don't add up to the ballots that were not counted"
    winners = payload["winners"]
    if len(set(winners)) != len(winners) or len(winners) > settings["seats"] or not set(winners) <= set(payload["lot"]["of"]):
        yield "a winner stands there twice, was no topic that could win, or is one too many"
    if {slug for slug, topic in topics.items() if not topic["withdrawn"]} != set(payload["lot"]["of"]):
        yield "the lots are not those of the topics that were not withdrawn"
    if (count is None) != (box["counted"] < NUMBERS_FROM) or (count is not None and not _has_tables_rightly(payload)):
        yield "with this many ballots more should stand here, or less"
    yield from _time_faults(payload)


def _has_tables_rightly(payload: Payload) -> bool:
    count, wanted = payload["count"], payload["box"]["counted"] >= TABLES_FROM
    parts = [count["without_a_winner"], *(step["readers"] for step in count["steps"])]
    return all((part is not None) == wanted for part in parts)


def _time_faults(payload: Payload) -> Iterator[str]:
    times, voided = payload["times"], payload["voided"]
    made_public = [one for one in (times["published"], voided and voided["at"]) if one]
    in_order = [times["opened"], times["closed"], times["counted"], *made_public, payload["issued_at"]]
    if in_order != sorted(in_order) or not made_public:
        yield "the times are not in the order in which things happen"
    if times["closed"] > times["announced_end"] or (times["closed"] < times["announced_end"] and not times["closing_note"]):
        yield "it closed late, or early without a word why"
    end = times["moved"][0]["from"] if times["moved"] else times["announced_end"]
    for move in times["moved"]:
        if move["from"] != end or move["to"] <= move["from"] or not times["opened"] <= move["at"] <= move["from"]:
            yield "the vote's end was moved from another time than the one announced, or not to a later one"
        end = move["to"]
    if end != times["announced_end"]:
        yield "the vote's end is not the one that it was moved to"
    for topic in payload["topics"].values():
        if topic["withdrawn"] and not times["opened"] <= topic["withdrawn"]["at"] <= times["closed"]:
            yield "a topic was withdrawn when the vote was not open"


def _seed_faults(payload: Payload) -> Iterator[str]:
    if hashlib.sha256(bytes.fromhex(payload["lot"]["seed"])).hexdigest() != payload["lot"]["seed_sha256"]:
        yield "the lot's seed is another one than was promised at the opening"


def _lot_faults(payload: Payload) -> Iterator[str]:
    before = bytes.fromhex(payload["lot"]["seed"]) + bytes.fromhex(payload["roll"]["sha256"])
    for slug, lot in payload["lot"]["of"].items():
        if hashlib.sha256(before + slug.encode()).hexdigest() != lot:
            yield f"the lot of {slug} is not the one that follows from the seed and the list of who could vote"


def _count_checks(payload: Payload) -> Iterator[Check]:
    if payload["count"] is None:
        yield from _left_out(f"fewer than {NUMBERS_FROM} ballots: only the order is published")
        return
    few = "" if payload["box"]["counted"] >= TABLES_FROM else (
        f"fewer than {TABLES_FROM} ballots: who stands behind each score is not published; what can be said of it was checked"
    )  # fmt: skip
    sums = _of("sums", re_adding.sum_faults(payload), "every score was added up again from the readers behind it", absent=few)
    yield sums
    if sums.state == FAILED:
        yield from _left_out("the sums are wrong already", "order", "steps")
        return
    yield _of("order", re_adding.order_faults(payload), "at each step the best won, and ties went to more ticks, then to the lot")
    yield _of("steps", re_adding.step_faults(payload), "each step follows from the one before", absent=few)


def _left_out(why: str, *names: str) -> Iterator[Check]:
    yield from (Check(name, ABSENT, why) for name in names or ("sums", "order", "steps"))


def _numbers(payload: Payload, numbers: bytes | None) -> Check:
    claimed, counted = payload["ballot_numbers"], payload["box"]["counted"]
    if (claimed is None) != payload["box"]["key_lost"] or (claimed and claimed["listed"] != counted):
        return Check("numbers", FAILED, "there is not one ballot number for each ballot")
    if claimed is None:
        return Check("numbers", ABSENT, "the vote's key was lost: there is no list of ballot numbers")
    if numbers is None:
        return Check("numbers", ABSENT, "the list of ballot numbers was not given")
    return _of("numbers", _list_faults(claimed, numbers), "the list of ballot numbers is the one that was signed")


def _list_faults(claimed: dict[str, Any], numbers: bytes) -> Iterator[str]:
    if hashlib.sha256(numbers).hexdigest() != claimed["sha256"]:
        yield "the list of ballot numbers is another one"
    lines = numbers.decode(errors="replace").splitlines()
    if len(lines) != claimed["listed"] or lines != sorted(set(lines)) or not all(hexadecimal(line) for line in lines):
        yield "the list holds more or fewer ballots, one twice, or something else"


def lines_of(report: Report) -> Iterator[str]:
    """Give a report as lines of text, without what would let a forged name hide or feign a line in a terminal."""
    marks = {PASSED: "ok    ", FAILED: "FAILED", ABSENT: "-     "}
    said = [report.about] if report.about else []
    said += [f"{marks[check.state]} {check.name}: {check.says}" for check in report.checks]
    yield from ("".join(character if character.isprintable() else " " for character in line) for line in said)
    yield "It holds." if report.holds else "It does not hold."


def main(arguments: list[str] | None = None) -> int:
    """Check the files that are named; return 0 if the certificate holds, else 1."""
    parser = argparse.ArgumentParser(prog="membership.voting.verifying", description="Check the certificate of a vote.")
    parser.add_argument("file", type=Path, help="the certificate, as the site gives it")
    parser.add_argument("--keys", type=Path, required=True, help="the site's public keys (certificate-keys.json)")
    parser.add_argument("--numbers", type=Path, help="the list of ballot numbers (numbers.txt)")
    named = parser.parse_args(arguments)
    try:
        keys = read_jwk_set(named.keys.read_bytes())
        numbers = named.numbers.read_bytes() if named.numbers else None
        report = verify(named.file.read_bytes(), keys=keys, numbers=numbers)
    except (OSError, NoKeys) as refused:
        parser.error(str(refused))
    sys.stdout.write("".join(f"{line}\n" for line in lines_of(report)))
    return 0 if report.holds else 1


if __name__ == "__main__":
    sys.exit(main())
