"""A sample of what `make fuzz` does with ten thousand files."""

from __future__ import annotations

import os
import random

from tests.fuzz.fuzzing import fuzz

FILES = 120


def test_no_file_breaks_validate_or_plan() -> None:
    seed = int(os.environ.get("FUZZ_SEED", random.SystemRandom().randrange(10**6)))
    found = fuzz(FILES, seed)
    assert not found.bad, f"FUZZ_SEED={seed} {found.bad[0]}"
    assert found.valid > 0, f"FUZZ_SEED={seed}"
