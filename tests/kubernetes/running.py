"""A Pod's sidecars without a cluster: the rendered arguments given to the real helper, with files and ports of this machine."""

from __future__ import annotations

import re
import socket
import subprocess
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from tests.e2e.clients.clients import helper, listening
from tests.kubernetes.pods import is_sidecar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PROGRAM = "/usr/local/bin/aws_signing_helper"
MOUNT = "/var/run/iam-ra"


def mount(folder: Path, secret: Mapping[str, str]) -> None:
    """Write the files of a Secret."""
    folder.mkdir(exist_ok=True)
    for name, text in secret.items():
        (folder / name).touch(0o600)
        (folder / name).write_text(text, encoding="utf-8")


def probe(container: Mapping[str, Any], folder: Path) -> int:
    """Return how the startup probe of a sidecar ends; it prints no key."""
    program, *arguments = container["startupProbe"]["exec"]["command"]
    assert program == PROGRAM
    command = [helper(), *(each.replace(MOUNT, str(folder)) for each in arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "PRIVATE KEY" not in done.stdout + done.stderr
    return done.returncode


@contextmanager
def serving(
    pod: Mapping[str, Any],
    app: str,
    config_maps: Mapping[str, Mapping[str, str]],
    folder: Path,
    environ: Mapping[str, str],
) -> Iterator[dict[str, str]]:
    """Run the sidecars of a Pod; give the variables of its container `app`, which find them where they are here."""
    ports: dict[str, str] = {}
    with ExitStack() as stack:
        for container in filter(is_sidecar, pod["initContainers"]):
            here = str(_free_port())
            arguments = _arguments(container, config_maps)
            at = arguments.index("--port") + 1
            ports[arguments[at]], arguments[at] = here, here
            command = [helper(), *(each.replace(MOUNT, str(folder)) for each in arguments)]
            stack.enter_context(listening(command, int(here), environ, folder / f"{container['name']}.log"))
        (own,) = (each["env"] for each in pod["containers"] if each["name"] == app)
        yield {each["name"]: _moved(each["value"], ports) for each in own}


def _arguments(container: Mapping[str, Any], config_maps: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return the arguments as the kubelet gives them. Source: Kubernetes documentation, "Define Dependent Environment Variables"."""
    variables = {"POD_NAME": "api-7d4b9c-x2x"}
    for source in container.get("envFrom", ()):
        variables |= config_maps[source["configMapRef"]["name"]]
    return [
        re.sub(r"\$\((\w+)\)", lambda found: variables.get(found[1], found[0]), each)
        for each in container["args"]
    ]


def _moved(value: str, ports: Mapping[str, str]) -> str:
    url = re.fullmatch(r"http://127\.0\.0\.1:(\d+)", value)
    return f"http://127.0.0.1:{ports[url[1]]}" if url else value


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
