"""A vote's key: on the disk before it is used, gone when it is destroyed, and its loss is said plainly."""

import stat
from pathlib import Path

import pytest

from membership.errors import Unavailable
from membership.voting.keys import KeyLost, RoundKeys


def test_a_missing_key_is_refused_in_words(keys: RoundKeys) -> None:
    with pytest.raises(KeyLost, match="already sent still count"):
        keys.read(1)


def test_a_damaged_key_is_refused(keys: RoundKeys) -> None:
    keys.create(1)
    (keys.directory / "round-1.key").write_bytes(b"short")

    with pytest.raises(KeyLost):
        keys.read(1)


def test_a_key_is_kept_for_its_round_alone(keys: RoundKeys) -> None:
    first, second = keys.create(1), keys.create(2)

    assert (keys.read(1), keys.read(2), first == second, len(first)) == (first, second, False, 32)


def test_only_the_apps_own_user_may_read_keys(keys: RoundKeys) -> None:
    keys.create(1)

    modes = [stat.S_IMODE(path.stat().st_mode) for path in (keys.directory, keys.directory / "round-1.key")]
    assert modes == [0o700, 0o600]


def test_a_destroyed_key_is_gone_and_destroying_it_again_is_fine(keys: RoundKeys) -> None:
    keys.create(1)

    keys.destroy(1)
    keys.destroy(1)

    assert (keys.exists(1), list(keys.directory.iterdir())) == (False, [])


def test_destroying_where_no_key_was_ever_kept_is_fine(tmp_path: Path) -> None:
    RoundKeys(tmp_path / "nowhere").destroy(1)

    assert not (tmp_path / "nowhere").exists()


def test_a_key_that_can_not_be_read_just_now_is_not_lost(keys: RoundKeys) -> None:
    (keys.directory / "round-1.key").mkdir(parents=True)  # any failure of the disk but a missing file

    with pytest.raises(Unavailable, match="can't be read just now"):
        keys.read(1)
    assert keys.exists(1) is False
