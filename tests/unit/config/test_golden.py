"""How problems look. After a wanted change: `UPDATE_GOLDEN=1 pytest tests/unit/config/test_golden.py`, then read the diff."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from iam_ra.config.diagnostics import ConfigError, Diagnostic
from iam_ra.config.load import load

GOLDEN = Path(__file__).parent / "golden"


def compare(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("name", ["broken", "syntax"])
def test_problems_look_like_this(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A folder of a fixed name, because messages name the folder that paths start at.
    monkeypatch.chdir(tmp_path)
    shutil.copy(GOLDEN / f"{name}.yaml", tmp_path)
    with pytest.raises(ConfigError) as caught:
        load(Path(f"{name}.yaml"))
    compare(f"{name}.txt", caught.value.render().replace(str(tmp_path), "/repo") + "\n")


def test_long_lines_show_the_part_with_the_problem() -> None:
    line = "a" * 200 + "HERE" + "b" * 200
    problem = Diagnostic("error", "IRA1199", "f", 7, 201, "a.b", "what", "", "", line, 4)
    excerpt, caret = problem.render().splitlines()[2:]
    start = caret.index("^^^^")
    assert excerpt[start : start + 4] == "HERE"
    assert len(excerpt) < 120


def test_the_error_is_one_object_for_machines() -> None:
    problem = Diagnostic("error", "IRA1120", "f", 1, 2, "p", "what", "why", "fix", "excerpt", 3)
    error = ConfigError("f", [problem])
    assert error.as_dict()["id"] == "IRA1100"
    assert error.as_dict()["diagnostics"][0] == {
        "severity": "error",
        "id": "IRA1120",
        "file": "f",
        "line": 1,
        "column": 2,
        "path": "p",
        "what": "what",
        "why": "why",
        "fix": "fix",
    }
    assert error.what == "f has 1 problem"
