"""A plan, or why there is none, as one page of HTML that needs nothing else: no request leaves it, no script is in it.

Jinja2 escapes every value; what is not escaped is our own style sheet and our own picture. The page's policy lets a browser
use those two alone, by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, FunctionLoader, StrictUndefined

from iam_ra import __version__
from iam_ra.render import html_view as view
from iam_ra.render import svg
from iam_ra.render.graph_crowds import condensed
from iam_ra.render.palette import FONTS, themed
from iam_ra.shipped import source

if TYPE_CHECKING:
    from iam_ra.render.graph import Graph
    from iam_ra.render.model import ErrorDocument, Header, PlanDocument

# A page is read, not searched: the list beside the picture has everybody.
_ARROWS: Final = 150


def plan_html(document: PlanDocument) -> str:
    """Return the report: what the plan changes, and if the document knows, who there is and who may become whom."""
    fleet = None if document.fleet is None else document.fleet()
    return _page(
        "plan.html.j2",
        document.header,
        made=f"{document.now:%Y-%m-%d %H:%M} UTC",
        sentences=view.sentences(document),
        tiles=view.tiles(document),
        refusals=view.refusals(document),
        warnings=view.warnings(document.warnings),
        groups=view.groups(document),
        drift=view.drift(document),
        has_fleet=fleet is not None,
        lives=view.lives(fleet.members) if fleet else [],
        rows=view.ROWS,
        picture=_picture(fleet.graph) if fleet else "",
        takers=view.takers(fleet.graph) if fleet else [],
        checksum=document.checksum or "",
        serial=document.serial,
    )


def error_html(document: ErrorDocument) -> str:
    """Return a page that says why there is no plan."""
    return _page("error.html.j2", document.header, problems=view.problems(document.error))


def _picture(graph: Graph) -> str:
    return svg.graph_svg(condensed(graph, _ARROWS), title=False)


def _page(name: str, header: Header, **values: Any) -> str:
    style = f"{themed(':root')}body{{font-family:{FONTS}}}{source('report/style.css')}"
    return (
        _environment()
        .get_template(f"report/{name}")
        .render(
            command=header.command,
            facts=view.facts(header),
            version=__version__,
            style=style,
            policy=f"default-src 'none'; style-src {_hash(style)} {_hash(svg.STYLE)}; base-uri 'none'; form-action 'none'",
            sign_of=view.sign_of,
            **values,
        )
    )


def _hash(text: str) -> str:
    """Return how a policy names a style element of this text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _environment() -> Environment:
    return Environment(
        loader=FunctionLoader(source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
