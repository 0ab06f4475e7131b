"""The report in a real browser, as wide as a phone and as wide as a desk: what it shows, and that nothing spills over."""

from __future__ import annotations

import html
import json
import re
import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e.world import READ_ONLY, small
from tests.unit.render import graphs, samples

from iam_ra.render.html import plan_html
from iam_ra.render.model import Fleet, PlanDocument
from iam_ra.state.status import Identity

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.world import World

    from iam_ra.engine.plan import Plan
    from iam_ra.render.graph import Graph

WIDTHS = (390, 1280)
# What the browser is asked about each page; it stands outside of them, for their policy lets no script run.
ASKED = """
const told = [...document.querySelectorAll("iframe")].map((frame) => {
  const page = frame.contentDocument, root = page.documentElement, wide = root.clientWidth;
  const texts = (chosen) => [...page.querySelectorAll(chosen)].map((each) => each.textContent.trim());
  const isShown = (each) => each.checkVisibility() && !each.closest(".picture");
  return {
    name: frame.name, wide, scrolls: root.scrollWidth,
    spilling: [...page.body.querySelectorAll("*")].filter(isShown)
      .filter((each) => each.getBoundingClientRect().right > wide + 1).map((each) => each.outerHTML.slice(0, 80)),
    rows: [...page.querySelectorAll(".fleet tbody tr")].map((row) => [...row.children].map((cell) => cell.textContent.trim())),
    nodes: texts(".node .name"), columns: texts(".heading"),
    arrows: texts(".edge > title"),
    outgrown: [...page.querySelectorAll(".node")].filter((node) => {
      const box = node.querySelector(".box").getBBox();
      return [...node.querySelectorAll("text")].some((text) => {
        const own = text.getBBox();
        return own.x < box.x || own.x + own.width > box.x + box.width;
      });
    }).map((node) => node.textContent),
    tiles: page.defaultView.getComputedStyle(page.querySelector(".tiles")).display,
    box: page.querySelector(".box") && page.defaultView.getComputedStyle(page.querySelector(".box")).fill,
    scripts: page.defaultView.ran === true,
  };
});
const result = document.createElement("pre");
result.textContent = JSON.stringify(told);
document.body.replaceChildren(result);
"""


def browse(folder: Path, pages: dict[str, str]) -> tuple[dict[tuple[str, int], dict[str, Any]], str]:
    """Load each page as wide as each of `WIDTHS`; return what the browser tells, and what its console says."""
    frames = "".join(
        f'<iframe name="{name}" width="{width}" height="900" srcdoc="{html.escape(text)}"></iframe>'
        for name, text in pages.items()
        for width in WIDTHS
    )
    wrapper = folder / "pages.html"
    wrapper.write_text(
        f"<!doctype html><meta charset=utf-8><style>iframe{{border:0}}</style><body>{frames}"
        f"<script>addEventListener('load', () => {{{ASKED}}})</script>",
        encoding="utf-8",
    )
    done = subprocess.run(
        [  # noqa: S607 - wherever it is
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--disable-dev-shm-usage",
            "--enable-logging=stderr",
            f"--user-data-dir={folder / 'profile'}",
            "--dump-dom",
            wrapper.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = re.search(r"<pre>(.*)</pre>", done.stdout, re.DOTALL)
    assert found, f"{done.stdout[:500]}\n{done.stderr}"
    told = json.loads(html.unescape(found[1]))
    console = "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)
    return {(each["name"], each["wide"]): each for each in told}, console


def fleet_page(graph: Graph, members: list[Identity], plan: Plan) -> str:
    header, now = samples.HEADER, datetime(2026, 1, 1, tzinfo=UTC)
    return plan_html(PlanDocument(plan, header, now, fleet=lambda: Fleet(members, graph)))


def identity(name: str) -> Identity:
    return Identity(f"host/{name}", name, (name, "reader"), "1", "2027-01-01T00:00:00+00:00", 3, "")


@pytest.mark.tool("chromium")
def test_a_browser_shows_the_plan_the_fleet_and_the_picture(world: World, tmp_path: Path) -> None:
    def content(**hosts: Any) -> dict[str, Any]:
        found = {name: {"delivery": ["secretsmanager"], **host} for name, host in hosts.items()}
        return small(roles={name: {"policies": [READ_ONLY]} for name in ("admin", "reader")}, hosts=found)

    world.write(
        content(web={"roles": ["admin", "reader"], "default_role": "reader"}, old={"roles": ["reader"]})
    )
    world.apply()
    world.write(content(web={"roles": ["reader"]}, new={"roles": ["admin"]}))
    world.run("plan", "--out", "html=plan.html").expect()
    pages = {
        "real": (world.root / "plan.html").read_text(encoding="utf-8"),
        "hostile": fleet_page(
            graphs.hostile(), [identity(name) for name in graphs.HOSTILE], samples.hostile()
        ),
        "large": fleet_page(
            graphs.crowd(300, 3, 2), [identity(f"h-{n}") for n in range(300)], samples.fleet()
        ),
    }
    told, console = browse(tmp_path, pages)
    assert console == ""
    assert told.keys() == {(name, width) for name in pages for width in WIDTHS}
    for (_, width), each in told.items():
        assert each["scrolls"] == width
        assert each["spilling"] == each["outgrown"] == []
        # Both style sheets were let in, and nothing else.
        assert each["tiles"] == "grid"
        assert each["box"] not in {None, "rgb(0, 0, 0)"}
        assert not each["scripts"]
    for width in WIDTHS:
        real = told["real", width]
        assert [(row[0], row[2].split()) for row in real["rows"]] == [
            ("host/old", ["reader"]),
            ("host/web", ["admin", "reader"]),
            ("ca/default", ["signs"]),
        ]
        assert real["columns"] == ["Authorities", "Hosts", "Roles"]
        assert sorted(real["nodes"]) == ["admin", "default", "new", "old", "reader", "web"]
        assert "host/web may take role/admin, deleted" in real["arrows"]
        assert len(told["large", width]["rows"]) == 300
        assert told["large", width]["nodes"].count("100 hosts") == 3
