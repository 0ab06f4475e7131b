"""Real `kubectl kustomize` over rendered files, as a GitOps tool runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iam_ra.config.model import WorkloadKind

# That of the development dependencies, whatever else the machine has.
KUBECTL = str(Path(sys.executable).with_name("kubectl"))
RESTRICTED = {
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files by path below a folder."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")


def build(folder: Path) -> list[dict[str, Any]]:
    """Return the documents that kustomize makes of a folder."""
    done = subprocess.run(
        [KUBECTL, "kustomize", str(folder)], capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return list(YAML(typ="safe").load_all(done.stdout))


def overlay(folder: Path, component: str, documents: list[Any], **more: Any) -> Path:
    """Write an app's own folder, which takes a component; `more` are further fields of its kustomization."""
    folder.mkdir(parents=True)
    # JSON is YAML too.
    for index, document in enumerate(documents):
        (folder / f"{index}.yaml").write_text(json.dumps(document))
    names = [f"{index}.yaml" for index in range(len(documents))]
    kustomization = {"resources": names, "components": [component], **more}
    (folder / "kustomization.yaml").write_text(json.dumps(kustomization))
    return folder


def foreign(kind: WorkloadKind, name: str = "api", *containers: str, **metadata: Any) -> dict[str, Any]:
    """Return somebody's own workload, which has an init container, two containers and a volume already."""
    pod: dict[str, Any] = {
        "initContainers": [{"name": "migrate", "image": "migrate:1", "securityContext": RESTRICTED}],
        "containers": [
            {
                "name": each,
                "image": f"{each}:1",
                "env": [{"name": "MODE", "value": "on"}],
                "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
                "securityContext": RESTRICTED,
            }
            for each in (*(containers or (name,)), "log")
        ],
        "volumes": [{"name": "scratch", "emptyDir": {}}],
    }
    if kind in {"Job", "CronJob"}:
        pod["restartPolicy"] = "Never"
    template = {"metadata": {"labels": {"app": name}}, "spec": pod}
    spec: dict[str, Any] = {"template": template}
    if kind not in {"Job", "CronJob"}:
        spec["selector"] = {"matchLabels": {"app": name}}
    if kind == "StatefulSet":
        spec["serviceName"] = name
    if kind == "CronJob":
        spec = {"schedule": "0 * * * *", "jobTemplate": {"spec": spec}}
    group = "batch/v1" if kind in {"Job", "CronJob"} else "apps/v1"
    return {"apiVersion": group, "kind": kind, "metadata": {"name": name, **metadata}, "spec": spec}
