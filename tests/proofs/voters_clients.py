"""Many browsers that vote at once over HTTP, and write down what they asked, when, and what they were told."""

import http.client
import random
import re
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from urllib.parse import urlencode

from tests.proofs.voters_history import DONE, LATE, NO_BALLOT, READ, UNKNOWN, WRITE, Ballot, Request
from tests.proofs.voters_world import SLUGS, Vote

PATIENCE_SECONDS = 60
# So many of the voters vote from several places at once, and change their minds all the time.
RESTLESS, RESTLESS_SHARE = 64, 0.4
TICKED = re.compile(r'<input[^>]*\bname="topics"[^>]*>')
VALUE = re.compile(r'\bvalue="([^"]*)"')


class Unexpected(Exception):
    """An answer that no voter should ever get."""


@dataclass
class Crowd:
    """The voters' browsers; all they heard is in history."""

    port: int
    vote: Vote
    seed: int
    history: dict[int, list[Request]] = field(init=False)
    over: threading.Event = field(default_factory=threading.Event)
    guard: threading.Lock = field(default_factory=threading.Lock)
    heard: dict[str, int] = field(default_factory=lambda: {DONE: 0, LATE: 0, UNKNOWN: 0})

    def __post_init__(self) -> None:
        chance = random.Random(self.seed)
        self.voters = chance.sample(list(self.vote.cookies), len(self.vote.cookies))
        self.history = {voter: [] for voter in self.voters}

    def votes(self, number: int, of: int) -> None:
        """Be one of so many browsers until the vote is over for all: send, change, take back, look."""
        chance = random.Random(f"{self.seed} {number}")
        mine = self.voters[number::of]  # by turns; the restless ones are everybody's
        browser = Browser(self.port)
        with closing(browser):
            while not self.over.is_set():
                is_restless = chance.random() < RESTLESS_SHARE
                voter = chance.choice(self.voters[:RESTLESS] if is_restless else mine)
                request = browser.ask(self.vote, voter, *_something(chance))
                if request is None:
                    self.over.wait(0.05)  # nobody is there at the moment
                else:
                    self._note(voter, request)

    def _note(self, voter: int, request: Request) -> None:
        with self.guard:
            self.heard[request.outcome] += 1
            self.history[voter].append(request)


def _something(chance: random.Random) -> tuple[str, Ballot]:
    lot = chance.random()
    if lot < 0.1:
        return READ, NO_BALLOT
    return WRITE, NO_BALLOT if lot < 0.25 else frozenset(chance.sample(SLUGS, chance.randint(1, 3)))


class Browser:
    """One connection to the server, opened again whenever it broke."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connection: http.client.HTTPConnection | None = None

    def ask(self, vote: Vote, voter: int, act: str, ballot: Ballot) -> Request | None:
        """Send one request as this voter; None if it can't have left here. Raises Unexpected."""
        try:
            connection = self._connect()
        except OSError:
            return None
        sent_at = time.time()
        try:
            self._send(connection, vote, voter, act, ballot)
            answer = connection.getresponse()
            page = answer.read().decode()
        except (OSError, http.client.HTTPException):
            self.close()
            return Request(act, ballot, sent_at)
        if answer.status == 503:  # a crowded server asks to come again, and says nothing of this one
            return Request(act, ballot, sent_at)
        outcome, shown = _told(act, answer, page)
        return Request(act, shown if act == READ else ballot, sent_at, time.time(), outcome)

    def close(self) -> None:
        """Close the connection."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def _connect(self) -> http.client.HTTPConnection:
        if self.connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
            connection.connect()
            self.connection = connection
        return self.connection

    def _send(self, connection: http.client.HTTPConnection, vote: Vote, voter: int, act: str, ballot: Ballot) -> None:
        headers = {"Host": f"localhost:{self.port}", "Cookie": vote.cookies[voter], "Sec-Fetch-Site": "same-origin"}
        if act == READ:
            connection.request("GET", f"/votes/{vote.slug}", headers=headers)
            return
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        path = f"/votes/{vote.slug}/{'ballot' if ballot else 'withdrawal'}"
        connection.request("POST", path, urlencode([("topics", slug) for slug in sorted(ballot)]), headers)


def _told(act: str, answer: http.client.HTTPResponse, page: str) -> tuple[str, Ballot]:
    if act == WRITE and answer.status == 303:
        return DONE, NO_BALLOT
    if act == WRITE and answer.status == 409 and "The vote closed at" in page:
        return LATE, NO_BALLOT
    boxes: Sequence[str] = TICKED.findall(page)
    if act == READ and answer.status == 200:
        ticked = (VALUE.search(each) for each in boxes if " checked" in each)
        return (DONE if boxes else LATE), frozenset(found[1] for found in ticked if found)
    raise Unexpected(f"{act} was answered with {answer.status}: {page[:2000]}")
