"""What chaos does to webhooks: which are sent, when, in which order, and with what wrong about them."""

from dataclasses import dataclass

from membership.stripe_standin.chaos import Strike, is_set, strike
from membership.stripe_standin.store import Ledger

OF_DELIVERIES = ("drop", "delay", "duplicate")
OF_ROUNDS = (*OF_DELIVERIES, "reorder")
_OF_SIGNATURES = ("wrong_signature", "stale", "future")
OF_ATTEMPTS = (*_OF_SIGNATURES, "old_shape")


@dataclass(frozen=True)
class Sending:
    """One event on its way to one endpoint; an echo is a repeat that its delivery does not wait for."""

    event: str
    endpoint: str
    type: str
    is_echo: bool = False

    @property
    def subject(self) -> dict[str, str]:
        """Return what faults are matched against."""
        return {"type": self.type}


@dataclass(frozen=True)
class Flaws:
    """What is wrong with one attempt; nothing, unless chaos says so."""

    shift: int = 0
    is_forged: bool = False
    is_old: bool = False


PERFECT = Flaws()


def due_sendings(ledger: Ledger) -> list[Sending]:
    """Return everything that is due, in the order of the events, each echo behind its original."""
    sql = """SELECT d.event, d.endpoint, json_extract(o.body, '$.type'), d.is_echo
             FROM (SELECT event, endpoint, next_at AS at, 0 AS is_echo FROM delivery WHERE state = 'pending'
                   UNION ALL SELECT event, endpoint, at, 1 FROM echo) d
             JOIN object o ON o.id = d.event
             WHERE d.at <= ? ORDER BY o.seq, d.endpoint, d.is_echo"""
    return [Sending(event, endpoint, type_, bool(echo)) for event, endpoint, type_, echo in ledger.execute(sql, ledger.now)]


def drawn_round(ledger: Ledger) -> list[Sending]:
    """Draw the fate of what is due for the first time; return what is to be sent now, in the order drawn."""
    if is_set(ledger, *OF_DELIVERIES):
        for sending in due_sendings(ledger):
            if not sending.is_echo and _is_new(ledger, sending):
                _draw_fate(ledger, sending)
    return _reordered(ledger, due_sendings(ledger))


def draw_flaws(ledger: Ledger, sending: Sending) -> Flaws:
    """Draw what is wrong with one attempt."""
    old = strike(ledger, ("old_shape",), sending.subject, _words(sending))
    signed = strike(ledger, _OF_SIGNATURES, sending.subject, _words(sending))
    if signed is None or signed.fault == "wrong_signature":
        return Flaws(is_forged=signed is not None, is_old=old is not None)
    seconds = signed.options["seconds"]
    return Flaws(shift=seconds if signed.fault == "future" else -seconds, is_old=old is not None)


def _is_new(ledger: Ledger, sending: Sending) -> bool:
    """Note that a delivery's fate is drawn now; False if it was before."""
    sql = "INSERT INTO fate (event, endpoint) VALUES (?, ?) ON CONFLICT DO NOTHING"
    return ledger.execute(sql, sending.event, sending.endpoint).rowcount == 1


def _draw_fate(ledger: Ledger, sending: Sending) -> None:
    key, words = (sending.event, sending.endpoint), _words(sending)
    if strike(ledger, ("drop",), sending.subject, words):
        ledger.execute("UPDATE delivery SET state = 'given_up' WHERE event = ? AND endpoint = ?", *key)
        values = (*key, ledger.now, "chaos: dropped, never sent")
        ledger.execute("INSERT INTO attempt (event, endpoint, at, detail) VALUES (?, ?, ?, ?)", *values)
        return
    at = ledger.now + _seconds(strike(ledger, ("delay",), sending.subject, words))
    ledger.execute("UPDATE delivery SET next_at = ? WHERE event = ? AND endpoint = ?", at, *key)
    if again := strike(ledger, ("duplicate",), sending.subject, words):
        ledger.execute("INSERT INTO echo (event, endpoint, at) VALUES (?, ?, ?)", *key, at + _seconds(again))


def _seconds(struck: Strike | None) -> int:
    return struck.options["seconds"] if struck else 0


def _reordered(ledger: Ledger, sendings: list[Sending]) -> list[Sending]:
    """Let those that are drawn change places; more than one never keep their order."""
    if not is_set(ledger, "reorder"):
        return sendings
    struck = {n: s for n, row in enumerate(sendings) if (s := strike(ledger, ("reorder",), row.subject, _words(row)))}
    places = list(struck)
    if len(places) < 2:
        return sendings
    struck[places[-1]].chance.shuffle(places)
    if places == list(struck):
        places.append(places.pop(0))
    moved = list(sendings)
    for old, new in zip(struck, places, strict=True):
        moved[new] = sendings[old]
    return moved


def _words(sending: Sending) -> str:
    return f"{sending.type} {sending.event}"
