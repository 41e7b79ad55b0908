"""Take each guard out of a copy of the product: the test that is about it must go red."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.guards import GUARDS, Guard

pytestmark = pytest.mark.proof

ROOT = Path(__file__).parents[2]
COPIED = ("membership", "templates", "migrations", "tests", "pyproject.toml", "wsgi.py")
FAILED = 1  # pytest's exit code for tests that ran and failed; all others mean that they could not run


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree, to take things out of."""
    there = tmp_path_factory.mktemp("guards")
    for name in COPIED:
        one = ROOT / name
        if one.is_dir():
            shutil.copytree(one, there / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        else:
            shutil.copy(one, there / name)
    return there


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_its_test_goes_red_without_the_guard(copy: Path, guard: Guard) -> None:
    path = copy / guard.path
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole.replace(guard.stands, guard.without), encoding="utf-8")
    # Not what the outer run tells its own workers.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    try:
        ran = subprocess.run(
            [sys.executable, "-B", "-m", "pytest", guard.test, "-q", "-x", "-n0", "--no-header"],
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    finally:
        path.write_text(whole, encoding="utf-8")

    assert ran.returncode == FAILED, ran.stdout[-2000:] + ran.stderr[-2000:]
