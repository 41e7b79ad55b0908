"""Small files in the shapes that newsrooms bring; our own words. And the way to the real ones, where they are at hand."""

from pathlib import Path

import pytest

FILES = Path(__file__).parent
REAL = Path(__file__).parents[3].parent / "shared" / "input"

needs_real_input = pytest.mark.skipif(not REAL.is_dir(), reason="the real input files are not beside this repository")
