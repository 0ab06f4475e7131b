from __future__ import annotations

import copy
import dataclasses
import json
import logging
import pickle
import pprint
import traceback
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any

import pytest
from deepdiff import DeepDiff
from rich.console import Console
from rich.pretty import pretty_repr
from ruamel.yaml import YAML

from iam_ra.pki.keys import PrivateKey
from iam_ra.pki.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

MARK = "PLANTED-KEY-MATERIAL"


@dataclasses.dataclass(frozen=True)
class Holder:
    name: str
    secret: Secret


def held() -> Holder:
    return Holder("web", Secret(MARK))


def logged(secret: Secret) -> str:
    stream = StringIO()
    logger = logging.getLogger("planted")
    logger.propagate = False
    logger.addHandler(logging.StreamHandler(stream))
    logger.error("%s %r %s", secret, secret, {"key": [secret]})
    return stream.getvalue()


def failed(secret: Secret) -> str:
    def use(argument: Secret, holder: Holder) -> None:
        raise RuntimeError(f"cannot use {argument} of {holder}")

    console = Console(file=StringIO(), record=True, width=200)
    try:
        use(secret, held())
    except RuntimeError as error:
        console.print_exception(show_locals=True)
        captured = traceback.TracebackException.from_exception(error, capture_locals=True)
        return "".join(captured.format()) + console.export_text()
    raise AssertionError


TEXTS: dict[str, Callable[[Secret], object]] = {
    "f-string": lambda secret: f"{secret} {secret!r} {secret!s} {secret!a} {secret:>40}",
    "percent": lambda secret: "%s %r %a" % (secret, secret, secret),  # noqa: UP031
    "format": lambda secret: "{} {0.__class__} {0._reveal}".replace("{}", "{0}").format(secret),
    "container": lambda secret: str([secret, (secret,), {"key": secret}]),
    "json with default": lambda secret: json.dumps({"key": secret}, default=str),
    "dataclass": lambda _: repr(held()),
    "asdict": lambda _: dataclasses.asdict(held()),
    "astuple": lambda _: dataclasses.astuple(held()),
    "replace": lambda _: dataclasses.replace(held(), name="other"),
    "copy": lambda secret: [copy.copy(secret), copy.deepcopy({"key": [secret]})],
    "pprint": lambda secret: pprint.pformat({"key": secret}),
    "rich": lambda secret: pretty_repr({"key": secret, "held": held()}),
    "logging": logged,
    "traceback with locals": failed,
    "deepdiff": lambda secret: DeepDiff({"key": secret}, {"key": Secret("other")}).to_json(
        default_mapping={}
    ),
    "deepdiff of holders": lambda _: DeepDiff(held(), Holder("other", Secret("other"))).pretty(),
    "dir": lambda secret: [getattr(secret, name) for name in dir(secret) if name != "reveal"],
}

REFUSED: dict[str, Callable[[Any], object]] = {
    "json": json.dumps,
    "pickle": pickle.dumps,
    "pickle, oldest protocol": lambda secret: pickle.dumps(secret, 0),
    "getstate": lambda secret: secret.__getstate__(),
    "bytes": bytes,
    "bytearray": bytearray,
    "iteration": list,
    "join": "".join,
    "join of bytes": lambda secret: b"".join([secret]),
    "concatenation": lambda secret: "key: " + secret,
    "length": len,
    "index": lambda secret: secret[0],
    "hash": hash,
    "vars": vars,
    "write": BytesIO().write,
    "number": lambda secret: format(secret, "d"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_no_text_shows_a_secret(name: str) -> None:
    assert MARK not in str(TEXTS[name](Secret(MARK)))


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_need_the_bytes_is_refused(name: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        REFUSED[name](Secret(MARK))
    assert MARK not in str(caught.value)


def test_yaml_shows_no_secret() -> None:
    for kind in ("safe", "rt"):
        stream = BytesIO()
        with pytest.raises(Exception, match=r"(?i)secret|represent|serialis"):
            YAML(typ=kind).dump({"key": Secret(MARK)}, stream)
        assert MARK.encode() not in stream.getvalue()


def test_it_says_what_it_is() -> None:
    assert f"{Secret(MARK)}" == repr(Secret(MARK)) == str(Secret(MARK)) == "<secret>"


def test_reveal_gives_the_bytes() -> None:
    assert Secret(b"\x00\xff").reveal() == b"\x00\xff"
    assert Secret("é").reveal() == "é".encode()


def test_equal_only_to_a_secret_of_the_same_bytes() -> None:
    assert Secret("a") == Secret(b"a")
    assert Secret("a") != Secret("b")
    other: Any = "a"
    assert Secret("a") != other


def test_a_later_change_of_the_buffer_does_not_reach_the_secret() -> None:
    buffer = bytearray(b"key")
    secret = Secret(buffer)  # type: ignore[arg-type, unused-ignore]
    buffer[0] = 0
    assert secret.reveal() == b"key"


def test_a_private_key_has_no_text_form_either() -> None:
    key = PrivateKey.generate("ec-p256")
    body = key.pem().reveal().decode().split("\n")[1]
    shown = [
        f"{key} {key!r}",
        pretty_repr(key),
        DeepDiff(key, PrivateKey.generate("ec-p256")).pretty(),
        copy.copy(key),
    ]
    assert body not in str(shown)
    assert str(key) == "<secret>"
    for refuse in (pickle.dumps, json.dumps):
        with pytest.raises(TypeError):
            refuse(key)
