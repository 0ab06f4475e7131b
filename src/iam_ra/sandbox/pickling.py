"""The objects of the sandbox's services as bytes, and back again without trusting the bytes.

Instances are made blank, without a call of their class, and only of the classes in `MODULES`; beyond that, loading calls
the functions in `CALLABLE` and no others. What a lock guards is at rest when it is saved, so locks are made anew.
"""

from __future__ import annotations

import collections
import copyreg
import enum
import io
import pickle
import re
import sys
import threading
from datetime import date, datetime, timedelta, timezone
from types import BuiltinFunctionType, FunctionType
from typing import TYPE_CHECKING, Any, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

if TYPE_CHECKING:
    from collections.abc import Callable

PROTOCOL = 5
# Where the classes are whose instances a service remembers.
MODULES = frozenset(
    {
        "iam_ra.sandbox.acmpca.authority",
        "iam_ra.sandbox.acmpca.models",
        "iam_ra.sandbox.cloudformation.faults",
        "iam_ra.sandbox.cloudformation.handling",
        "iam_ra.sandbox.cloudformation.models",
        "iam_ra.sandbox.cloudformation.operations",
        "iam_ra.sandbox.cloudformation.stack",
        "iam_ra.sandbox.cloudformation.template",
        "iam_ra.sandbox.patches.secretsmanager",
        "iam_ra.sandbox.rolesanywhere.anchors",
        "iam_ra.sandbox.rolesanywhere.credentials",
        "iam_ra.sandbox.rolesanywhere.crls",
        "iam_ra.sandbox.rolesanywhere.models",
        "iam_ra.sandbox.rolesanywhere.profiles",
        "iam_ra.sandbox.rolesanywhere.records",
        "iam_ra.sandbox.rolesanywhere.subjects",
        "moto.iam.models",
        "moto.kms.models",
        "moto.kms.utils",
        "moto.s3.models",
        "moto.s3.utils",
        "moto.secretsmanager.models",
        "moto.ssm.models",
        "moto.sts.models",
        "moto.utilities.tagging_service",
        "moto.utilities.utils",
        "requests.structures",
    }
)

Reduced: TypeAlias = tuple[Any, ...]


def dumps(value: Any) -> bytes:
    """Return a value as bytes. Raises pickle.PicklingError, with its name, for what could not be loaded again."""
    buffer = io.BytesIO()
    _Pickler(buffer, PROTOCOL).dump(value)
    return buffer.getvalue()


def loads(data: bytes) -> Any:
    """Return what `dumps` was given; the modules of the classes of what it holds must be loaded.

    Raises pickle.UnpicklingError for whatever `dumps` does not write.
    """
    try:
        return _Unpickler(io.BytesIO(data)).load()
    except pickle.UnpicklingError:
        raise
    except Exception as error:
        # Bytes of somebody else's can make any operation of pickle's fail, in any way.
        raise pickle.UnpicklingError(f"an object in it cannot be made ({type(error).__name__})") from error


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        special = _SPECIAL.get(type(obj)) or next(
            (how for base, how in _BASES if isinstance(obj, base)), None
        )
        if special is not None:
            return special(obj)
        if type(obj).__module__ in MODULES:
            return _dictionary(obj) if isinstance(obj, dict) else _instance(obj)
        named = obj if isinstance(obj, type | FunctionType | BuiltinFunctionType) else type(obj)
        if _NAMES.get(_name(named)) is not named:
            raise pickle.PicklingError(".".join(_name(named)))
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _NAMES:
            raise _refused(module, name)
        return _NAMES[module, name]


def blank(module: str, name: str) -> Any:
    """Return an instance of one of the classes in `MODULES`, with nothing in it."""
    cls: Any = _class(module, name)
    return cls.__new__(cls)


def refill(obj: dict[Any, Any], state: tuple[dict[Any, Any], dict[str, Any], Any]) -> None:
    """Put items, attributes and default factory back into an instance of a subclass of dict."""
    items, attributes, factory = state
    for key, value in items.items():
        dict.__setitem__(obj, key, value)
    vars(obj).update(attributes)
    if isinstance(obj, collections.defaultdict):
        obj.default_factory = factory


def member(module: str, name: str, value: Any) -> Any:
    """Return a member of one of the enumerations in `MODULES`."""
    cls = _class(module, name)
    if not issubclass(cls, enum.Enum):
        raise _refused(module, name)
    return cls(value)


def event(is_set: bool) -> threading.Event:
    """Return an event."""
    made = threading.Event()
    if is_set:
        made.set()
    return made


def dicts() -> collections.defaultdict[Any, dict[Any, Any]]:
    """Return a dictionary that makes dictionaries: a default factory that has a name."""
    return collections.defaultdict(dict)


def private_key(der: bytes) -> PrivateKeyTypes:
    """Return a private key from its PKCS#8."""
    return load_der_private_key(der, password=None)


def public_key(der: bytes) -> PublicKeyTypes:
    """Return a public key from its SubjectPublicKeyInfo."""
    return load_der_public_key(der)


def certificate(der: bytes) -> x509.Certificate:
    """Return a certificate."""
    return x509.load_der_x509_certificate(der)


def _class(module: str, name: str) -> type:
    found = vars(sys.modules[module]).get(name) if module in MODULES & sys.modules.keys() else None
    # A module also holds what it imports.
    if not isinstance(found, type) or _name(found) != (module, name):
        raise _refused(module, name)
    return found


def _refused(module: str, name: str) -> pickle.UnpicklingError:
    return pickle.UnpicklingError(f"it asks for {f'{module}.{name}'!a}")


def _name(named: Any) -> tuple[str, str]:
    return str(named.__module__), str(named.__qualname__)


def _instance(obj: Any) -> Reduced:
    made = obj.__reduce_ex__(PROTOCOL)
    if made[0] is not copyreg.__newobj__ or made[1] != (type(obj),) or any(made[3:]):  # type: ignore[attr-defined]
        raise pickle.PicklingError(".".join(_name(type(obj))))
    state = made[2]
    if isinstance(state, dict):
        # What a generic class notes about how it was named when it was called.
        state = {name: value for name, value in state.items() if name != "__orig_class__"}
    return blank, _name(type(obj)), state


def _dictionary(obj: dict[Any, Any]) -> Reduced:
    """Reduce an instance of a subclass of dict; it may show and take items otherwise than it keeps them."""
    state = dict(dict.items(obj)), vars(obj), getattr(obj, "default_factory", None)
    return blank, _name(type(obj)), state, None, None, refill


def _private_key(key: Any) -> Reduced:
    return private_key, (key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),)


def _public_key(key: Any) -> Reduced:
    return public_key, (key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),)


CALLABLE = (
    blank,
    refill,
    member,
    event,
    dicts,
    private_key,
    public_key,
    certificate,
    threading.Lock,
    threading.RLock,
    re.compile,
    collections.OrderedDict,
    collections.defaultdict,
    date,
    datetime,
    timedelta,
    timezone,
    dict,
    int,
    list,
    set,
    str,
)
_NAMES: dict[tuple[str, str], Any] = {_name(each): each for each in CALLABLE}
_SPECIAL: dict[type, Callable[[Any], Reduced]] = {
    type(threading.Lock()): lambda _: (threading.Lock, ()),
    type(threading.RLock()): lambda _: (threading.RLock, ()),
    threading.Event: lambda each: (event, (each.is_set(),)),
    re.Pattern: lambda each: (re.compile, (each.pattern, each.flags)),
    x509.Certificate: lambda each: (certificate, (each.public_bytes(Encoding.DER),)),
}
_BASES: tuple[tuple[Any, Callable[[Any], Reduced]], ...] = (
    (enum.Enum, lambda each: (member, (*_name(type(each)), each.value))),
    (PrivateKeyTypes, _private_key),
    (PublicKeyTypes, _public_key),
)
