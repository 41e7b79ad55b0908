"""Why a ballot was not taken. The sentences here hold no numbers: a page builds the full ones from the attributes."""

from datetime import datetime

from membership.errors import Conflict, NotAllowed


class BallotRefused(NotAllowed):
    """A ballot that was not taken; nothing was changed."""


class NotOpenYet(BallotRefused):
    """The vote has not begun."""

    def __init__(self) -> None:
        super().__init__("This vote isn't open yet.")


class RoundClosed(BallotRefused):
    """The vote is over: says when it ended and when the ballot arrived."""

    def __init__(self, *, closed_at: datetime, received_at: datetime) -> None:
        super().__init__("Voting has closed.")
        self.closed_at, self.received_at = closed_at, received_at


class TooManyTicks(BallotRefused):
    """More topics ticked than allowed."""

    def __init__(self, *, ticked: int, most: int) -> None:
        super().__init__("You ticked too many topics.")
        self.ticked, self.most = ticked, most


class NoTicks(BallotRefused):
    """An empty ballot."""

    def __init__(self) -> None:
        super().__init__("Tick at least one topic.")


class UnknownTopic(BallotRefused):
    """A topic that is not on this ballot."""

    def __init__(self) -> None:
        super().__init__("One of these topics isn't part of this vote.")


class WithdrawnTopic(BallotRefused):
    """A topic that was taken off this ballot since the page was opened."""

    def __init__(self) -> None:
        super().__init__("One of these topics was taken off the ballot.")


class StillSettling(Conflict):
    """First payments are still on their way; the box can be checked when they have arrived, at the latest at `until`."""

    def __init__(self, *, pending: int, until: datetime) -> None:
        super().__init__("Some first payments are still on their way. The box can be checked when they have arrived.")
        self.pending, self.until = pending, until


class SamePerson(NotAllowed):
    """The box takes two people."""

    def __init__(self) -> None:
        super().__init__("You checked this box yourself. A second person has to confirm it.")


class TooSoonAlone(NotAllowed):
    """Who alone can check a box looks at it twice, a day apart."""

    def __init__(self) -> None:
        super().__init__("You checked this box yourself. Nobody else can confirm it, so look again 24 hours after your first look.")


class TwinTopic(Conflict):
    """A public topic has a title that nobody can tell from this one."""

    def __init__(self, *, slug: str, title: str) -> None:
        super().__init__("There is a topic with this title already. Support that one, or say how yours differs.")
        self.slug, self.title = slug, title
