# ruff: noqa: INP001 - mkdocs loads this file by its path
"""What the site needs beyond mkdocs, so that pages read on it as they do on GitHub."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_LINK = re.compile(r"(?<=\]\()(\.\.?/[^)\s#]*)(?=[)#])")


def on_config(config: Any) -> None:
    """Give headings the anchors that GitHub gives them, and list what patterns of the navigation stand for."""
    config.mdx_configs["toc"]["slugify"] = _anchor
    config.nav = _listed(config.nav, Path(config.docs_dir))


def _listed(items: list[Any], docs: Path) -> list[Any]:
    found: list[Any] = []
    for item in items:
        if isinstance(item, dict):
            found.append(
                {
                    title: _listed(each, docs) if isinstance(each, list) else each
                    for title, each in item.items()
                }
            )
        elif "*" in item:
            found += sorted(path.relative_to(docs).as_posix() for path in docs.glob(item))
        else:
            found.append(item)
    return found


def _anchor(title: str, separator: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", separator)


def on_page_markdown(markdown: str, *, page: Any, config: Mapping[str, Any], **_: Any) -> str:
    """Let links to files beside docs/, which are not on the site, lead to them on GitHub."""
    docs = Path(config["docs_dir"])
    folder = Path(page.file.abs_src_path).parent

    def moved(link: re.Match[str]) -> str:
        target = Path(os.path.normpath(folder / link[0]))
        if target.is_relative_to(docs) and target.is_file():
            return link[0]
        kind = "tree" if target.is_dir() else "blob"
        return f"{config['repo_url']}/{kind}/main/{os.path.relpath(target, docs.parent)}"

    return _LINK.sub(moved, markdown)
