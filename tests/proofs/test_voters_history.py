"""The search finds what it is there to find: each of these stories could not have happened, or could."""

import pytest

from tests.proofs.voters_history import DONE, LATE, NO_BALLOT, READ, UNKNOWN, WRITE, Ballot, Request, end_of, faults, recount

A, B = frozenset({"water"}), frozenset({"port", "schools"})
END = 100.0
VOTER = 7


def write(ballot: Ballot, sent_at: float, answered_at: float, outcome: str = DONE) -> Request:
    return Request(WRITE, ballot, sent_at, answered_at, outcome)


def read(ballot: Ballot, sent_at: float, answered_at: float) -> Request:
    return Request(READ, ballot, sent_at, answered_at, DONE)


def unanswered(ballot: Ballot, sent_at: float) -> Request:
    return Request(WRITE, ballot, sent_at, outcome=UNKNOWN)


def told(*requests: Request, box: list[Ballot]) -> list[str]:
    return faults({VOTER: requests}, {VOTER: box} if box else {}, end=END)


def test_a_lost_ballot_is_found() -> None:
    assert told(write(A, 1, 2), box=[]) == ["voter 7 has nothing in the box, and was told something else"]


def test_a_doubled_ballot_is_found() -> None:
    assert told(write(A, 1, 2), write(B, 3, 4), box=[A, B]) == ["voter 7 has 2 ballots in the box"]


def test_a_late_ballot_that_counts_is_found() -> None:
    found = told(write(A, 1, 2), write(B, 101, 102, LATE), box=[B])
    assert found == ["voter 7 has port,schools in the box, and was told something else"]


def test_a_change_that_was_undone_is_found() -> None:
    assert told(write(A, 1, 2), write(B, 3, 4), box=[A]) == ["voter 7 has water in the box, and was told something else"]


def test_a_ballot_that_was_taken_back_and_counts_is_found() -> None:
    assert told(write(A, 1, 2), write(NO_BALLOT, 3, 4), box=[A]) == ["voter 7 has water in the box, and was told something else"]


def test_a_ballot_that_came_back_is_found_though_the_end_is_right() -> None:
    back = told(write(A, 1, 2), write(B, 3, 4), read(A, 5, 6), read(B, 7, 8), box=[B])
    assert back == ["no order explains what voter 7 was told"]


def test_a_ballot_of_half_of_its_ticks_is_found() -> None:
    assert told(write(B, 1, 2), box=[frozenset({"port"})]) == ["voter 7 has port in the box, and was told something else"]


def test_a_ballot_that_nobody_sent_is_found() -> None:
    assert faults({}, {VOTER: [A]}, end=END) == ["voter 7 sent nothing, and has a ballot in the box"]


def test_an_unanswered_ballot_that_was_seen_and_is_gone_is_found() -> None:
    assert told(unanswered(A, 1), read(A, 2, 3), box=[]) == ["voter 7 has nothing in the box, and was told something else"]


def test_a_ballot_that_was_taken_after_another_was_late_is_found() -> None:
    history = {1: [write(A, 3, 5)], 2: [write(A, 1, 2, LATE)]}

    with pytest.raises(ValueError, match=r"taken 1\.000000 s after the vote had ended"):
        end_of(history, not_before=0, not_after=9)


def test_a_ballot_that_was_taken_after_the_announced_end_is_found() -> None:
    with pytest.raises(ValueError, match="after the vote had ended"):
        end_of({1: [write(A, 11, 12)]}, not_before=10, not_after=10)


@pytest.mark.parametrize(
    ("requests", "boxes"),
    [
        ([], [[]]),
        ([write(A, 1, 2)], [[A]]),
        ([write(A, 1, 2), write(A, 3, 4), write(NO_BALLOT, 5, 6)], [[]]),
        ([write(A, 1, 4), write(B, 2, 3)], [[A], [B]]),  # at once: either was the last
        ([write(A, 1, 4), write(B, 2, 3), read(A, 5, 6)], [[A]]),
        ([write(A, 1, 2), unanswered(B, 3)], [[A], [B]]),
        ([write(A, 1, 2), unanswered(B, 3), write(NO_BALLOT, 4, 5)], [[], [B]]),  # it may have arrived at any later time
        ([write(A, 1, 2), unanswered(B, 101)], [[A]]),  # too late whenever it arrived
        ([write(A, 99, 105), write(B, 98, 104, LATE)], [[A]]),  # both under way when the vote ended
        ([write(A, 1, 9), read(NO_BALLOT, 2, 3), read(A, 4, 5)], [[A]]),
    ],
)
def test_what_can_have_happened_is_no_fault(requests: list[Request], boxes: list[list[Ballot]]) -> None:
    every_box: list[list[Ballot]] = [[], [A], [B]]
    assert [box for box in every_box if not told(*requests, box=box)] == boxes


def test_the_recount_goes_by_the_answers_and_asks_the_box_only_where_they_leave_it_open() -> None:
    history = {1: [write(A, 1, 2)], 2: [write(A, 1, 4), write(B, 2, 3)], 3: [write(B, 1, 2), write(NO_BALLOT, 3, 4)], 4: []}
    box = {1: [B], 2: [B], 3: [A]}

    assert recount(history, box, end=END) == ({A: 1, B: 1}, 1)
