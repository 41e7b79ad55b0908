"""A count as data that a page turns into sentences, holding back what would give away somebody's ballot. Pure."""

from dataclasses import dataclass
from fractions import Fraction

from membership.voting.certificate_shape import NUMBERS_FROM, TABLES_FROM
from membership.voting.tally import Result, Step

VULGAR = {
    Fraction(1, 2): "½", Fraction(1, 3): "⅓", Fraction(2, 3): "⅔", Fraction(1, 4): "¼", Fraction(3, 4): "¾", Fraction(1, 5): "⅕",
    Fraction(2, 5): "⅖", Fraction(3, 5): "⅗", Fraction(4, 5): "⅘", Fraction(1, 6): "⅙", Fraction(5, 6): "⅚",
}  # fmt: skip


@dataclass(frozen=True)
class Points:
    """An exact score as it is printed: a whole part and a fraction such as ½, 7/12 or nothing."""

    whole: int
    fraction: str = ""


@dataclass(frozen=True)
class Part:
    """Readers of one topic who hold this many winners already, and what their voices add up to."""

    readers: int
    held: int
    points: Points


@dataclass(frozen=True)
class Seat:
    """One seat in words: who won it with what, and by how much. What would say too much is None or empty."""

    number: int
    winner: str | None
    ticks: int | None
    points: Points | None
    parts: tuple[Part, ...]  # empty below 100 ballots
    tied: tuple[str, ...]
    drawn: tuple[str, ...]
    runner_up: str | None
    margin: Points | None


@dataclass(frozen=True)
class Answer:
    """The answer to "why not this topic?": it had more ticks than a winner."""

    loser: str
    winner: str
    after: tuple[str, ...]  # who had won before that seat
    loser_ticks: int
    winner_ticks: int
    loser_points: Points
    winner_points: Points
    parts: tuple[Part, ...]  # of the loser; empty below 100 ballots


@dataclass(frozen=True)
class Explanation:
    """What a page may say of a count."""

    shows_numbers: bool
    shows_steps: bool
    seats: tuple[Seat, ...]
    answers: tuple[Answer, ...]
    seats_left: int
    differs_from_plain: bool


def explain(result: Result) -> Explanation:
    """Return the count in the form that may be shown with this many ballots."""
    numbers, steps = shows_numbers(result), shows_steps(result)
    return Explanation(
        shows_numbers=numbers,
        shows_steps=steps,
        seats=tuple(_seat(result, step) for step in result.steps if step.winner),
        answers=_answers(result) if numbers else (),
        seats_left=result.seats - len(result.winners),
        differs_from_plain=numbers and set(result.winners) != set(result.plain_winners),
    )


def shows_numbers(result: Result) -> bool:
    """Whether enough voted to show totals and scores."""
    return result.counted >= NUMBERS_FROM


def shows_steps(result: Result) -> bool:
    """Whether enough voted to show how many readers stand behind each point."""
    return result.counted >= TABLES_FROM


def points(score: int, unit: int) -> Points:
    """Return a score as whole points and an exact fraction."""
    exact = Fraction(score, unit)
    whole, rest = divmod(exact, 1)
    fraction = VULGAR.get(rest, f" {rest.numerator}/{rest.denominator}") if rest else ""
    return Points(int(whole), fraction)


def score_table(result: Result) -> dict[str, tuple[Points | None, ...]]:
    """Return for each topic its points at every step; None once it has won."""
    steps = [step for step in result.steps if step.winner]
    return {name: tuple(_points_at(result, step, name) for step in steps) for name in result.totals}


def _points_at(result: Result, step: Step, name: str) -> Points | None:
    return points(step.scores[name], result.unit) if name in step.scores else None


def _seat(result: Result, step: Step) -> Seat:
    assert step.winner is not None
    numbers = shows_numbers(result)
    return Seat(
        number=step.seat,
        winner=step.winner,
        ticks=result.totals[step.winner] if numbers else None,
        points=points(step.scores[step.winner], result.unit) if numbers else None,
        parts=parts_of(result, step, step.winner),
        tied=step.tied if numbers else (),
        drawn=step.drawn if numbers else (),
        runner_up=step.runner_up if numbers else None,
        margin=points(step.margin, result.unit) if numbers and step.margin is not None else None,
    )


def _answers(result: Result) -> tuple[Answer, ...]:
    found = []
    for reason in result.why_not:
        step = result.steps[reason.seat - 1]
        found.append(
            Answer(
                loser=reason.loser,
                winner=reason.winner,
                after=result.winners[: reason.seat - 1],
                loser_ticks=result.totals[reason.loser],
                winner_ticks=result.totals[reason.winner],
                loser_points=points(step.scores[reason.loser], result.unit),
                winner_points=points(step.scores[reason.winner], result.unit),
                parts=parts_of(result, step, reason.loser),
            ),
        )
    return tuple(found)


def parts_of(result: Result, step: Step, name: str) -> tuple[Part, ...]:
    """Return a topic's readers at one step by the winners that they held; nothing where too few voted to say so."""
    if not shows_steps(result):
        return ()
    rows = enumerate(step.histogram[name])
    return tuple(Part(many, held, points(many * (result.unit // (held + 1)), result.unit)) for held, many in rows if many)
