"""What a schema cannot say of Pods: whether they are restricted, and whether our sidecar would serve credentials."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_VOLUMES = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)
_PROFILES = {"RuntimeDefault", "Localhost"}
_OFFICIAL = "public.ecr.aws/rolesanywhere/credential-helper"
# What decides before the metadata service does in every SDK's chain of credentials, or turns that off.
_STRAY = re.compile(
    r"AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|WEB_IDENTITY_.*|CONTAINER_.*|PROFILE|EC2_METADATA_DISABLED)"
)


def pod_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the spec of the Pods of a workload of any kind, or of a Pod."""
    spec = document["spec"]
    if document["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    pod: dict[str, Any] = spec if document["kind"] == "Pod" else spec["template"]["spec"]
    return pod


def is_sidecar(container: Mapping[str, Any]) -> bool:
    """Tell whether a container is one of ours."""
    return re.fullmatch(r"iam-ra(-.*)?", container["name"]) is not None


def unrestricted(pod: Mapping[str, Any]) -> list[str]:
    """Return what breaks the level "restricted". Source: Kubernetes documentation, "Pod Security Standards"."""
    found = [f"{name} is true" for name in ("hostNetwork", "hostPID", "hostIPC") if pod.get(name)]
    found += [
        f"volume {volume['name']} is of no permitted type"
        for volume in pod.get("volumes", ())
        if not _VOLUMES & volume.keys()
    ]
    for container in _containers(pod):
        found += [
            f"{container['name']}: {each}" for each in _loose(container, pod.get("securityContext", {}))
        ]
    return found


def _loose(container: Mapping[str, Any], pod: Mapping[str, Any]) -> Iterator[str]:
    own = container.get("securityContext", {})
    both = {**pod, **own}
    capabilities = own.get("capabilities", {})
    rules = {
        "is privileged": own.get("privileged", False) is True,
        "may gain privileges": own.get("allowPrivilegeEscalation") is not False,
        "may run as root": both.get("runAsNonRoot") is not True,
        "runs as root": both.get("runAsUser") == 0,
        "keeps capabilities": "ALL" not in capabilities.get("drop", ()),
        "adds capabilities": not set(capabilities.get("add", ())) <= {"NET_BIND_SERVICE"},
        "has no seccomp profile": both.get("seccompProfile", {}).get("type") not in _PROFILES,
        "has a port of the node": any("hostPort" in port for port in container.get("ports", ())),
    }
    yield from (problem for problem, is_so in rules.items() if is_so)


def misses(pod: Mapping[str, Any], others: Iterable[Mapping[str, Any]], apps: Iterable[str]) -> list[str]:
    """Return why a Pod would not give its apps credentials, or would give them to others too.

    `others` are the documents applied with it, `apps` the names of the containers that are to have them.
    """
    documents = list(others)
    sidecars = list(filter(is_sidecar, _containers(pod)))
    found = [] if sidecars else ["there is no sidecar"]
    if pod.get("hostNetwork") and sidecars:
        found.append("hostNetwork gives the credentials to the whole node")
    for each in sidecars:
        is_native = each in pod.get("initContainers", ())
        found += [
            f"{each['name']}: {problem}" for problem in _silent(each, pod, documents, is_native=is_native)
        ]
    ports = [_options(each).get("--port") for each in sidecars]
    if len(set(ports)) != len(ports):
        found.append("two sidecars share a port")
    containers = {each["name"]: each for each in pod.get("containers", ())}
    for name in apps:
        app = containers.get(name)
        wrong = _lost(app, ports) if app else ["is not there"]
        found += [f"{name}: {problem}" for problem in wrong]
    secret_volumes = {
        volume["name"] for volume in pod.get("volumes", ()) if volume["name"].startswith("iam-ra")
    }
    for each in _containers(pod):
        mounted = {mount["name"] for mount in each.get("volumeMounts", ())} & secret_volumes
        if mounted and each not in sidecars:
            found.append(f"{each['name']}: sees the private key")
    return found


def _silent(
    sidecar: Mapping[str, Any], pod: Mapping[str, Any], documents: list[Mapping[str, Any]], *, is_native: bool
) -> Iterator[str]:
    args, options = sidecar.get("args", []), _options(sidecar)
    image = sidecar.get("image", "")
    probe = sidecar.get("startupProbe", {})
    variables = _variables(sidecar, documents)
    rules = {
        "does not serve": args[:1] != ["serve"] or "command" in sidecar,
        "answers beyond the Pod": options.get("--hop-limit") != "1",
        "says no length of sessions": not options.get("--session-duration", "").isdigit(),
        "is not the official image": image.partition("@")[0].partition(":")[0] != _OFFICIAL,
        "is of no version": not re.search(r":\d[\w.-]*\d(@sha256:[0-9a-f]{64})?$", image)
        or bool(re.search(r"-(amd|arm)64", image)),
        "ends before the app begins": is_native and sidecar.get("restartPolicy") != "Always",
        "has a probe that cannot work": probe.keys() & {"httpGet", "tcpSocket", "grpc"} != set(),
        "has no probe": "exec" not in probe,
        "prints credentials": "credential-process"
        in str(probe) + str(args) + str(sidecar.get("command", "")),
        "is killed without need": "livenessProbe" in sidecar,
    }
    yield from (problem for problem, is_so in rules.items() if is_so)
    for name in re.findall(r"\$\((\w+)\)", " ".join(args)):
        if name not in variables:
            yield f"$({name}) stays as it is"
    files = [options.get("--certificate", ""), options.get("--private-key", ""), *_files(probe)]
    yield from _unreadable(sidecar, pod, documents, files)


def _unreadable(
    sidecar: Mapping[str, Any], pod: Mapping[str, Any], documents: list[Mapping[str, Any]], files: list[str]
) -> Iterator[str]:
    volumes = {volume["name"]: volume for volume in pod.get("volumes", ())}
    mounts = {mount["mountPath"]: mount for mount in sidecar.get("volumeMounts", ())}
    made = {each["spec"]["secretName"] for each in documents if each["kind"] == "Certificate"}
    for path in files:
        folder, _, name = path.rpartition("/")
        mount = mounts.get(folder)
        if mount is None or name not in {"tls.crt", "tls.key"}:
            yield f"{path} is not mounted"
            continue
        if "subPath" in mount:
            yield f"{path} is never renewed"
        if mount.get("readOnly") is not True:
            yield f"{path} can be written"
        volume = volumes.get(mount["name"], {})
        if "secret" in volume:
            if volume["secret"]["secretName"] not in made:
                yield f"nobody makes the Secret {volume['secret']['secretName']}"
            if volume["secret"].get("defaultMode") != 0o444:
                yield f"{path} is not readable to its user"
            if volume["secret"].get("items"):
                yield "the Secret is not mounted whole"
        elif volume.get("csi", {}).get("driver") != "csi.cert-manager.io":
            yield f"{path} comes from nowhere"


def _lost(app: Mapping[str, Any], ports: list[str | None]) -> Iterator[str]:
    env = {each["name"]: each.get("value") for each in app.get("env", ())}
    endpoints = [f"http://127.0.0.1:{port}" for port in ports]
    if env.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") not in endpoints[:1]:
        yield "asks nobody for credentials"
    if not env.get("AWS_REGION") or env.get("AWS_REGION") != env.get("AWS_DEFAULT_REGION"):
        yield "knows no region"
    if env.get("AWS_EC2_METADATA_V1_DISABLED") != "true":
        yield "may ask the old way"
    told = [value for name, value in env.items() if name.startswith("IAM_RA_ENDPOINT_")]
    if sorted(map(str, told)) != sorted(endpoints[1:]):
        yield "is not told of each role"
    yield from (f"{name} decides before us" for name in env if _STRAY.fullmatch(name))


def _variables(sidecar: Mapping[str, Any], documents: list[Mapping[str, Any]]) -> set[str]:
    names = {each["name"] for each in sidecar.get("env", ())}
    wanted = {each["configMapRef"]["name"] for each in sidecar.get("envFrom", ()) if "configMapRef" in each}
    for each in documents:
        if each["kind"] == "ConfigMap" and each["metadata"]["name"] in wanted:
            names |= each["data"].keys()
    return names


def _options(container: Mapping[str, Any]) -> dict[str, str]:
    args = container.get("args", [])[1:]
    return dict(zip(args[::2], args[1::2], strict=False))


def _files(probe: Mapping[str, Any]) -> list[str]:
    command = probe.get("exec", {}).get("command", [])
    return [each for each in command if each.startswith("/var/")]


def _containers(pod: Mapping[str, Any]) -> list[Any]:
    return [*pod.get("initContainers", ()), *pod.get("containers", ())]
