"""The documentation as a site: built as `make docs` builds it, and looked at."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "docs/mkdocs/mkdocs.yml"
# Elements by which a page makes a browser ask a server, with the attribute that says which.
LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(CONFIG), "-d", str(folder)],
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    again = f"every page needs a line in the `nav` of {CONFIG.relative_to(ROOT)}, every link a target"
    assert done.returncode == 0, f"{again}\n{done.stdout}{done.stderr}"
    return folder


class _Page(HTMLParser):
    """What a page loads, and the texts of its paragraphs."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Iterable[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in LOADED and given.get("rel") not in {"canonical", "edit", "next", "prev"}:
            self.loads.append(given.get(LOADED[tag]) or "")
        if given.get("id"):
            self.ids.add(str(given["id"]))


def test_a_browser_asks_no_other_server(site: Path) -> None:
    for path in site.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not [each for each in _Page(text).loads if each.startswith(("http:", "https:", "//"))], path
        assert "data-md-component=source" not in text.replace('"', "")


def test_all_of_the_markdown_is_rendered(site: Path) -> None:
    """Look for what GitHub takes for a table, a list or a block, and the site took for text."""
    for path in site.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        for paragraph in re.findall(r"<p>(.*?)</p>", text, flags=re.DOTALL):
            left = re.search(r"^\s*(?:\||```|[-*] |#+ |\d+\. )", paragraph, flags=re.MULTILINE)
            assert not left, f"{path}: {paragraph}"


def test_anchors_are_those_of_github(site: Path) -> None:
    page = _Page((site / "reference/file/index.html").read_text(encoding="utf-8"))
    assert {"top-level", "certificate_authoritiesname", "hostsnamecertificate"} <= page.ids


def test_links_out_of_the_docs_lead_to_the_repository(site: Path) -> None:
    text = (site / "reference/file/index.html").read_text(encoding="utf-8")
    assert "https://github.com/igorlg/iam-roles-anywhere/blob/main/iam-ra.yaml.example" in text
