"""The templates are found in an installed package, not only in the checkout."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from iam_ra import shipped
from iam_ra.files import templating

CHECKOUT = Path(__file__).parents[3]


def test_a_wheel_holds_the_templates_and_finds_them(tmp_path: Path) -> None:
    wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    wheel += ["-w", str(tmp_path), str(CHECKOUT)]
    subprocess.run(wheel, check=True)
    installed = tmp_path / "installed"
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as archive:
        archive.extractall(installed)
    script = (
        "from iam_ra.files import templating as t; import iam_ra; from iam_ra import shipped\n"
        "print(iam_ra.__file__); print(shipped.folder())\n"
        "print(*sorted(f'{name}={t.source_digest(name)}' for name in shipped.names()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(installed)},
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    module, folder, digests = done.stdout.splitlines()
    assert module == str(installed / "iam_ra/__init__.py")
    assert folder == str(installed / "iam_ra/templates")
    assert digests.split() == sorted(f"{name}={templating.source_digest(name)}" for name in shipped.names())


def test_a_checkout_finds_its_own() -> None:
    assert shipped.folder() == CHECKOUT / "templates"
