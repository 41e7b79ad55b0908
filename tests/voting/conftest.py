"""What the tests of voting share: a folder of keys."""

from pathlib import Path

import pytest

from membership.voting.keys import RoundKeys


@pytest.fixture
def keys(tmp_path: Path) -> RoundKeys:
    """The keys of this test's votes, in the folder that the app fixture uses too."""
    return RoundKeys(tmp_path / "state" / "round-keys")
