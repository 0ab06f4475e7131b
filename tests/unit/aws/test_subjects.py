from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from tests.unit.aws.s3_client import client_error

from iam_ra.aws.subjects import MOST_ASKED, Sought, let_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iam_ra.aws.session import Aws

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
SERIAL = 0x1234567890ABCDEF << 90


class Service:
    """Roles Anywhere with some subjects, by X.509 name: when each was last seen, and the certificates it showed."""

    def __init__(self, **credentials: dict[str, Any]) -> None:
        self.subjects = {
            f"CN={name}": (NOW + HOUR, list(shown.values())) for name, shown in credentials.items()
        }
        self.asked: list[str] = []
        self.patience = 1000

    def get_paginator(self, name: str) -> Any:
        assert name == "list_subjects"
        return SimpleNamespace(paginate=self._pages)

    def _pages(self) -> Iterator[dict[str, Any]]:
        for name, (when, _) in self.subjects.items():
            yield {"subjects": [{"subjectId": name, "x509Subject": name, "lastSeenAt": when}, {}]}

    def get_subject(self, *, subjectId: str) -> dict[str, Any]:  # noqa: N803 - the client's own name
        self.asked.append(subjectId)
        if len(self.asked) > self.patience:
            raise client_error("ThrottlingException")
        return {"subject": {"credentials": self.subjects[subjectId][1]}}


def shown(serial: str, *, failed: bool = False, when: datetime = NOW) -> dict[str, Any]:
    return {"serialNumber": serial, "seenAt": when, "failed": failed}


def ask(service: Service, *sought: Sought) -> dict[str, datetime]:
    aws = cast("Aws", SimpleNamespace(rolesanywhere=service, rolesanywhere_once=service))
    return dict(let_in(aws, sought))


@pytest.mark.parametrize(
    "text", [str(SERIAL), f"{SERIAL:x}", f"00{SERIAL:X}", ":".join(["00", f"{SERIAL:x}"])]
)
def test_a_serial_is_known_in_any_form(text: str) -> None:
    assert ask(Service(web={"a": shown(text)}), Sought("web", str(SERIAL), NOW)) == {str(SERIAL): NOW}


def test_a_refused_or_another_certificate_does_not_count() -> None:
    service = Service(web={"a": shown("7"), "b": shown("9", failed=True)})
    assert ask(service, Sought("web", "9", NOW), Sought("web", "8", NOW)) == {}


def test_nobody_is_asked_about_whom_the_list_rules_out() -> None:
    service = Service(web={"a": shown("7")}, web2={"a": shown("7")})
    assert ask(service, Sought("web", "7", NOW + 2 * HOUR), Sought("we", "7", NOW)) == {}
    assert service.asked == []


def test_names_with_more_attributes_and_escapes() -> None:
    service = Service()
    service.subjects = {r"OU=iam-ra,CN=a\+b@c": (NOW, [shown("7")])}
    assert ask(service, Sought("a+b@c", "7", NOW)) == {"7": NOW}


def fleet() -> tuple[Service, list[Sought]]:
    names = [f"h{number:02}" for number in range(15)]
    service = Service(**{name: {"a": shown(str(number))} for number, name in enumerate(names)})
    return service, [Sought(name, str(number), NOW - number * HOUR) for number, name in enumerate(names)]


def test_ten_are_asked_the_oldest_first() -> None:
    service, sought = fleet()
    found = ask(service, *sought)
    assert service.asked == [f"CN=h{number:02}" for number in range(14, 4, -1)]
    assert len(found) == MOST_ASKED == 10


def test_who_is_told_to_slow_down_stops() -> None:
    service, sought = fleet()
    service.patience = 2
    assert ask(service, *sought).keys() == {"14", "13"}
    assert len(service.asked) == 3


def test_without_the_right_to_ask_nothing_is_known() -> None:
    service, sought = fleet()

    def denied(_: str) -> Any:
        raise client_error("AccessDeniedException")

    vars(service)["get_paginator"] = denied
    assert ask(service, *sought) == {}
