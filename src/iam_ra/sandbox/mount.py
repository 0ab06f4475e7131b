"""Our services in moto's house: where moto looks services up, it finds ours first.

The hooks are moto's own look-ups: a package by its name in `sys.modules`, and a URL pattern by its place in the index.
moto.cloudformation, which takes a second to import and cannot roll back, is therefore never loaded.
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import moto
from moto import backend_index
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from iam_ra.sandbox import patches

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from flask import Flask

    from iam_ra.sandbox.settings import Settings

SERVICES = ("rolesanywhere", "cloudformation")


class Dispatcher(DomainDispatcherApplication):
    """moto's dispatcher with a memory: moto lists its package's folder at each request to find a service."""

    def __init__(self) -> None:
        super().__init__(_create)
        self._backends: dict[str | None, Any] = {}

    def load(self, service: str) -> None:
        """Import a service and build its routes."""
        if service not in self.app_instances:
            self.app_instances[service] = _create(service)

    def get_backend_for_host(self, host: str | None) -> Any:
        """Return the name of the backend that serves a host name."""
        if host not in self._backends:
            self._backends[host] = super().get_backend_for_host(host)
        return self._backends[host]


def mount() -> Dispatcher:
    """Put our services in front of moto's, mend moto's, and return the application that serves them all."""
    for service in SERVICES:
        spec = find_spec(f"iam_ra.sandbox.{service}")
        if spec is not None and spec.origin:
            _register(service)
    return Dispatcher()


def _create(service: Any) -> Flask:
    patches.apply(service)
    return create_backend_app(service)


def connect(app: WSGIApplication, settings: Settings) -> None:
    """Hand the finished application to the services that call other services."""
    if find_spec("iam_ra.sandbox.loopback"):
        import_module("iam_ra.sandbox.loopback").connect(app, settings)


def _register(service: str) -> None:
    package = import_module(f"iam_ra.sandbox.{service}")
    name = f"moto.{service}"
    if sys.modules.get(name) is package:
        return
    sys.modules[name] = package
    setattr(moto, service, package)
    pattern = re.compile(rf"https?://{service}\.(.+)\.amazonaws\.com")
    backend_index.backend_url_patterns.insert(0, (service, pattern))
