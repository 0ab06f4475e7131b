"""Our services in moto's house: where moto looks services up, it finds ours first.

The hooks are moto's own look-ups: a package by its name in `sys.modules`, and a URL pattern by its place in the index.
moto.cloudformation, which takes a second to import and cannot roll back, is therefore never loaded.
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import moto
from moto import backend_index
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from iam_ra.sandbox import clock, patches
from iam_ra.sandbox.call import is_create_session

if TYPE_CHECKING:
    from flask import Flask

OURS = ("acmpca", "cloudformation", "rolesanywhere")


class Dispatcher(DomainDispatcherApplication):
    """moto's dispatcher, with our services in front and a memory.

    moto lists its package's folder at each request to find a service; this does it once a host name.
    """

    def __init__(self) -> None:
        super().__init__(_create)
        self._backends: dict[str | None, Any] = {}
        for service in OURS:
            pattern = re.compile(rf"https?://{service}\.(.+)\.amazonaws\.com")
            if (service, pattern) not in backend_index.backend_url_patterns:
                backend_index.backend_url_patterns.insert(0, (service, pattern))

    def load(self, service: str) -> None:
        """Import a service and build its routes."""
        if service not in self.app_instances:
            self.app_instances[service] = _create(service)

    def infer_service_region_host(self, environ: dict[str, Any], path: str) -> Any:
        """Return the host name that a request is meant for, one for a session also where moto would think of S3."""
        if is_create_session(environ):
            return "rolesanywhere.us-east-1.amazonaws.com"
        return super().infer_service_region_host(environ, path)

    def get_backend_for_host(self, host: str | None) -> Any:
        """Return the name of the backend that serves a host name."""
        if host not in self._backends:
            self._backends[host] = super().get_backend_for_host(host)
        return self._backends[host]


def _create(service: Any) -> Flask:
    if service in OURS:
        package = import_module(f"iam_ra.sandbox.{service}")
        sys.modules[f"moto.{service}"] = package
        setattr(moto, service, package)
    patches.apply(service)
    clock.install_in(service)
    return create_backend_app(service)
