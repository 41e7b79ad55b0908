"""The badges: what each is called and what it is given for. Pure; the sentences are translated where they are printed."""

from dataclasses import dataclass

PATRON, CO_CREATOR = "patron", "co_creator"
N_ = str  # marks a text for the catalogues


@dataclass(frozen=True)
class Badge:
    """One kind of badge."""

    key: str
    name: str
    criteria: str


BADGES = {
    PATRON: Badge(PATRON, N_("Patron"), N_("You help to keep every story open to everyone.")),
    # Whatever somebody ticked: a badge must not say it.
    CO_CREATOR: Badge(CO_CREATOR, N_("Co-creator"), N_("Your ballot was counted in this vote, whatever you ticked.")),
}
