"""The table of what the control page can do: each module adds its own actions by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from membership.stripe_standin.errors import ApiError, Json, parameter_missing
from membership.stripe_standin.store import Ledger


@dataclass(frozen=True)
class Wish:
    """What was asked of one action: the form's values."""

    values: Mapping[str, str]

    @property
    def id(self) -> str:
        """Return the id of what to act on; raises 400 where none is given."""
        key = self.values.get("id")
        if not key:
            raise parameter_missing("id")
        return key

    def number(self, name: str, least: int, most: int) -> int:
        """Return a whole number within limits."""
        text = self.values.get(name, "")
        if not (text.isascii() and text.isdecimal() and least <= int(text) <= most):
            raise ApiError(f"Give {name} as a whole number from {least} to {most}.", param=name)
        return int(text)

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """Return one of the choices, the first unless the form says otherwise."""
        text = self.values.get(name) or choices[0]
        if text not in choices:
            raise ApiError(f"Give {name} as one of: {', '.join(choices)}.", param=name)
        return text


Act = Callable[[Ledger, Wish], Json]
ACTIONS: dict[str, Act] = {}


def action(name: str) -> Callable[[Act], Act]:
    """Register what `POST /_control/<name>` does inside one writing transaction; it returns what JSON callers get."""

    def register(act: Act) -> Act:
        ACTIONS[name] = act
        return act

    return register
