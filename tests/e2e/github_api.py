"""GitHub's REST API as far as the actions use it: comments and pull requests of one repository, in memory."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

REPOSITORY = "me/fleet"
TOKEN = "ghs_secret"
BOT = "github-actions[bot]"
# What GitHub refuses as a comment (422, "Body is too long").
LONGEST = 65536


@dataclass
class GitHub:
    """A repository on GitHub. `read_only` is what a fork's token is."""

    comments: dict[int, dict[str, Any]] = field(default_factory=dict)
    # By the commit that a merge made.
    merged: dict[str, int] = field(default_factory=dict)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    read_only: bool = False
    requests: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), lambda *given: _Handler(self, *given))
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def comment(self, body: str, author: str = BOT, issue: int = 1) -> int:
        number = len(self.comments) + 1
        self.comments[number] = {"id": number, "body": body, "user": {"login": author}, "issue": issue}
        return number

    def bodies(self, issue: int = 1) -> list[str]:
        return [each["body"] for each in self.comments.values() if each["issue"] == issue]

    def answer(self, method: str, path: str, query: dict[str, str], sent: Any) -> tuple[int, Any]:
        """Return a status and what is answered."""
        if method != "GET" and self.read_only:
            return 403, {"message": "Resource not accessible by integration"}
        if method != "GET" and len(sent.get("body", "")) > LONGEST:
            return 422, {"message": "Validation Failed"}
        for route, work in _ROUTES.items():
            found = re.fullmatch(route.format(f"/repos/{REPOSITORY}"), f"{method} {path}")
            if found:
                return work(self, found.groups(), query, sent)
        return 404, {"message": "Not Found"}

    def list_comments(self, at: tuple[str, ...], query: dict[str, str], _: Any) -> tuple[int, Any]:
        size, page = int(query.get("per_page", 30)), int(query.get("page", 1))
        found = [each for each in self.comments.values() if each["issue"] == int(at[0])]
        return 200, found[(page - 1) * size : page * size]

    def write_comment(self, at: tuple[str, ...], _: dict[str, str], sent: Any) -> tuple[int, Any]:
        return 201, self.comments[self.comment(sent["body"], issue=int(at[0]))]

    def edit_comment(self, at: tuple[str, ...], _: dict[str, str], sent: Any) -> tuple[int, Any]:
        comment = self.comments.get(int(at[0]))
        if comment is None:
            return 404, {"message": "Not Found"}
        comment["body"] = sent["body"]
        return 200, comment

    def pulls_of_commit(self, at: tuple[str, ...], _: dict[str, str], __: Any) -> tuple[int, Any]:
        number = self.merged.get(at[0])
        return 200, [] if number is None else [{"number": number, "merge_commit_sha": at[0]}]

    def list_pulls(self, _: tuple[str, ...], query: dict[str, str], __: Any) -> tuple[int, Any]:
        owner = REPOSITORY.partition("/")[0]
        wanted = (query["head"], query["base"])
        return 200, [each for each in self.pulls if (f"{owner}:{each['head']}", each["base"]) == wanted]

    def open_pull(self, _: tuple[str, ...], __: dict[str, str], sent: Any) -> tuple[int, Any]:
        self.pulls.append({"number": 100 + len(self.pulls), **sent})
        return 201, self.pulls[-1]


_ROUTES: dict[str, Callable[..., tuple[int, Any]]] = {
    r"GET {}/issues/(\d+)/comments": GitHub.list_comments,
    r"POST {}/issues/(\d+)/comments": GitHub.write_comment,
    r"PATCH {}/issues/comments/(\d+)": GitHub.edit_comment,
    r"GET {}/commits/(\w+)/pulls": GitHub.pulls_of_commit,
    r"GET {}/pulls": GitHub.list_pulls,
    r"POST {}/pulls": GitHub.open_pull,
}


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, github: GitHub, *given: Any) -> None:
        self._github = github
        super().__init__(*given)

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PATCH(self) -> None:
        self._answer()

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        length = int(self.headers.get("Content-Length") or 0)
        sent = json.loads(self.rfile.read(length)) if length else {}
        self._github.requests.append(f"{self.command} {self.path}")
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            status, answer = 401, {"message": "Bad credentials"}
        else:
            status, answer = self._github.answer(self.command, url.path, query, sent)
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
