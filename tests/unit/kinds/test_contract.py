from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from tests.unit.kinds.samples import NAMES, NOW, stack

import iam_ra.kinds
from iam_ra.engine.action import Action
from iam_ra.engine.address import Address
from iam_ra.engine.plan import Change
from iam_ra.kinds.base import Kind, all_kinds
from iam_ra.kinds.host_keys import HostKey
from iam_ra.kinds.stack import StackKind
from iam_ra.pki.keys import PrivateKey
from iam_ra.shipped import source

if TYPE_CHECKING:
    from iam_ra.kinds.run import Run

KINDS = list(all_kinds().values())


def defined() -> dict[str, type[Kind]]:
    """Return the concrete kinds that the files of the folder define, by file."""
    found = {}
    for each in pkgutil.iter_modules(iam_ra.kinds.__path__):
        module = importlib.import_module(f"iam_ra.kinds.{each.name}")
        for _, member in inspect.getmembers(module, inspect.isclass):
            if (
                issubclass(member, Kind)
                and member.__module__ == module.__name__
                and not inspect.isabstract(member)
            ):
                assert each.name not in found, f"{each.name} defines two kinds"
                found[each.name] = member
    return found


def test_every_kind_is_registered_under_a_name_of_its_own() -> None:
    registered = {type(kind) for kind in KINDS}
    assert registered == set(defined().values())
    assert [kind.name for kind in KINDS] == sorted({kind.name for kind in KINDS})
    assert all(name == kind.name for name, kind in all_kinds().items())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_says_what_it_is(kind: Kind) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.name)
    assert kind.summary
    assert "\n" not in kind.summary
    assert not kind.summary.endswith(".")
    assert type(kind).__doc__


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_has_every_method(kind: Kind) -> None:
    assert not inspect.isabstract(type(kind))
    for name, method in inspect.getmembers(Kind, inspect.isfunction):
        own = inspect.signature(getattr(type(kind), name))
        assert list(own.parameters) == list(inspect.signature(method).parameters), name


def test_a_kind_with_a_missing_method_cannot_be_made() -> None:
    class Half(Kind):
        name = "half"
        summary = "half"

    with pytest.raises(TypeError, match="abstract"):
        cast("Any", Half)()


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if isinstance(kind, StackKind)], ids=lambda kind: kind.name
)
def test_a_stack_gives_the_outputs_that_it_is_watched_and_referred_by(kind: StackKind) -> None:
    written = re.sub("{%.*?%}", "", re.sub("{{.*?}}", '"d"', source(kind.template))).partition('"Outputs":')[
        2
    ]
    named = json.loads(f'{{"Outputs":{written}')["Outputs"]
    shown = kind.outputs(stack("any", outputs=dict.fromkeys(named, "x")))
    assert set(kind.drift_notes) <= shown.keys()
    assert kind.stable_outputs <= shown.keys()


def test_the_secrets_give_the_outputs_that_they_are_watched_by() -> None:
    kind = all_kinds()["host-secrets"]
    key = HostKey("7", b"certificate", PrivateKey.generate("ec-p256"))
    run = SimpleNamespace(
        names=NAMES,
        now=NOW,
        secrets_seen={},
        host_keys=SimpleNamespace(obtain=lambda *_: key),
        secrets=SimpleNamespace(put=lambda arn, value, token, **_: token),  # noqa: ARG005
    )
    change = Change(Address("host/web", "secrets"), kind.name, Action.CREATE, ())
    inputs = {"serial": "7", "certificate_secret": "arn:c", "private_key_secret": "arn:k"}
    outputs = kind.apply(change, inputs, cast("Run", run))
    assert set(kind.drift_notes) <= outputs.keys()
