"""Guards of the product, each with what its absence looks like and the test that must notice it.

A test that stays green without the guard that it is about proves nothing: `make proof` takes each guard out of a copy of the
product and runs its test there.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Guard:
    """One guard: where it stands, word for word, and what is put in its place to take it out."""

    name: str
    path: str
    stands: str
    without: str
    test: str


GUARDS = (
    Guard(
        "a POST must come from a page of ours",
        "membership/web/security.py",
        '        if site not in ("same-origin", "none"):\n',
        "        if False:\n",
        "tests/web/test_security.py::test_what_no_page_of_ours_sent_is_refused",
    ),
    Guard(
        "a page of a role asks for the role",
        "membership/web/audience.py",
        "            if not _may(roles):\n",
        "            if False:\n",
        "tests/web/test_audience.py::test_each_role_opens_what_it_should_and_no_more",
    ),
    Guard(
        "an ended session opens nothing",
        "membership/accounts/queries.py",
        "            LoginSession.ended_at.is_(None),\n            LoginSession.expires_at > now,\n",
        "            LoginSession.expires_at > now,\n",
        "tests/accounts/test_views.py",
    ),
    Guard(
        "a voter has one ballot",
        "membership/voting/services/ballots.py",
        "            _remove(session, round_id, tag)\n            if _insert(session, ballot_id, round_id, tag):\n                break\n",
        "            if _insert(session, ballot_id, round_id, tag):\n                break\n",
        "tests/voting/test_ballots.py::test_a_second_ballot_replaces_the_first_as_a_whole",
    ),
    Guard(
        "closing waits for the ballots that were before it",
        "membership/voting/services/ballots.py",
        "    session.execute(select(Round.id).where(Round.id == round_id).with_for_update(read=True)).all()\n",
        "",
        "tests/voting/test_races.py::test_closing_waits_for_a_ballot_that_has_begun",
    ),
    Guard(
        "a late ballot is refused by the clock",
        "membership/voting/services/ballots.py",
        "    if paper.closed_at is not None or at >= paper.closes_at:\n",
        "    if paper.closed_at is not None:\n",
        "tests/voting/test_ballots.py::test_a_late_ballot_is_refused_even_while_the_closing_job_is_late_and_is_told_how_late",
    ),
    Guard(
        "the second check is a second person's",
        "membership/voting/services/box.py",
        "        if check.checked_by_id == actor_id:\n",
        "        if False:\n",
        "tests/voting/test_box.py::test_nobody_confirms_their_own_check",
    ),
    Guard(
        "another host's name is not ours",
        "membership/web/security.py",
        "        if request.host not in settings.hosts:\n",
        "        if False:\n",
        "tests/web/test_security.py::test_another_host_is_refused_and_its_name_not_repeated",
    ),
    Guard(
        "nobody is led off our site",
        "membership/web/audience.py",
        ' or path.startswith(("//", "/\\\\"))',
        "",
        "tests/web/test_audience.py::test_nobody_is_led_off_our_site",
    ),
    Guard(
        "use cases don't nest",
        "membership/db.py",
        '    if session.info.get("in_use_case"):\n        raise RuntimeError("transactions do not nest: one service calls another")\n',
        "",
        "tests/kernel/test_db.py::test_transactions_do_not_nest",
    ),
    Guard(
        "an event of Stripe's test mode moves no live money",
        "membership/patronage/services/inbox.py",
        "parsed.type in ABOUT and parsed.livemode == livemode",
        "parsed.type in ABOUT",
        "tests/patronage/test_webhooks.py::test_an_event_of_the_other_mode_is_kept_and_nothing_is_done",
    ),
    Guard(
        "an event is as young as its signature says",
        "membership/patronage/signature.py",
        "    if abs(now.timestamp() - timestamp) > TOLERANCE_SECONDS:\n",
        "    if now.timestamp() - timestamp > TOLERANCE_SECONDS:\n",
        "tests/patronage/test_webhooks.py::test_what_stripe_did_not_send_is_refused_and_leaves_nothing",
    ),
)
