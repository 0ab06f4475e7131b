"""Every template with hostile texts in all of its values: they stand where they belong, and change nothing else."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests.kubernetes import samples

from iam_ra.files import templating
from iam_ra.files.manifests import ca_secret, cluster_manifests, documents, workload_manifests
from iam_ra.files.manifests.yaml import quoted
from iam_ra.pki.secret import Secret
from iam_ra.shipped import names as templates

if TYPE_CHECKING:
    from collections.abc import Callable

    from iam_ra.config.model import Cluster

MARK = "MARK"
HOSTILE = [
    '"', "'", "\\", "\n", "\n\n  x: y\n", "\r\t\x00\x1f\x7f", "{{ x }}", "{% raw %}", "</script><!--&amp;", "a: b # c", "- a",
    '"\nspec:\n  isCA: true\n#', "'}, isCA: true, x: {y: '", "|\n  x", "---\n", "...", "&a *a", "!!python/object", "on", "1e3", "",
    "%YAML 1.1", "Zürich 東京", "🦊‍🔥", "\u2028\u2029\ufeff\u202e\x85", "x" * 200, "<<", "$(POD_NAME)", "$patch", "~",
]  # fmt: skip
# Not texts of a user's: what they are compared with decides what is rendered.
CHOICES = {"delivery", "kind", "style", "key", "roles", "secret_path", "folder", "pca_arn"}
SMALL = samples.cluster(samples.workload(), approver_policy=True)
SHAPES = ("all", "plain containers", "born there", "private ca", "issuer")


def marked(value: Any, text: str) -> Any:
    """Return a value of ours with a text at the end of each text that it holds, choices excepted."""
    if is_dataclass(value) and not isinstance(value, type):
        changes = {
            each.name: marked(getattr(value, each.name), text)
            for each in fields(value)
            if each.name not in CHOICES
        }
        return replace(value, **changes)
    if isinstance(value, dict):
        return {key: marked(each, text) for key, each in value.items()}
    if isinstance(value, tuple):
        return tuple(marked(each, text) for each in value)
    return f"{value}{text}" if isinstance(value, str) else value


def rendered(which: Cluster, text: str) -> dict[str, Any]:
    """Return the documents by path, as PyYAML reads them; the digest of the ARNs differs, as it must."""
    hostile = marked(which, text)
    found = cluster_manifests(hostile, marked(samples.AUTHORITY, text))
    for key, each in hostile.workloads.items():
        plain = which.workloads[key]
        files = workload_manifests(each, hostile, marked(samples.facts(), text))
        folder, own = (
            f"{which.folder}/{each.namespace}/{each.name}",
            f"{which.folder}/{plain.namespace}/{plain.name}",
        )
        found |= {path.replace(folder, own): content for path, content in files.items()}
    return {path: _without_digests(list(yaml.safe_load_all(content))) for path, content in found.items()}


def _without_digests(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_digests(each) for key, each in value.items() if key != "iam-ra/config"}
    return [_without_digests(each) for each in value] if isinstance(value, list) else value


# How a text is spelt that is a part of another one: of an expression, and of a pattern of kustomize's.
SPELT: dict[str, Callable[[str], str]] = {
    "expression": lambda text: quoted(text)[1:-1],
    "target": lambda text: text.replace(".", r"\."),
}


def filled(value: Any, text: str) -> Any:
    """Put a text where the mark stands."""
    if isinstance(value, dict):
        return {
            filled(key, text): filled(each, SPELT[key](text) if key in SPELT else text)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [filled(each, text) for each in value]
    return value.replace(MARK, text) if isinstance(value, str) else value


@cache
def benign(shape: str) -> dict[str, Any]:
    return rendered(SMALL if shape == "small" else samples.CLUSTERS[shape], MARK)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_stands_where_it_belongs_and_changes_nothing_else(text: str) -> None:
    assert rendered(SMALL, text) == filled(benign("small"), text)


@pytest.mark.parametrize("shape", SHAPES)
def test_all_hostile_texts_at_once(shape: str) -> None:
    text = "".join(HOSTILE)
    assert rendered(samples.CLUSTERS[shape], text) == filled(benign(shape), text)


def test_the_mark_reaches_every_file() -> None:
    for shape in SHAPES:
        for path, content in benign(shape).items():
            if not path.endswith("prod/kustomization.yaml"):
                assert MARK in json.dumps(content), path


def test_every_template_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[str] = set()

    def render(name: str, /, **values: Any) -> str:
        seen.add(name)
        return templating.render(name, **values)

    monkeypatch.setattr(documents, "render", render)
    for each in samples.CLUSTERS.values():
        samples.rendered(each)
        ca_secret(each, "", Secret(b""))
    assert seen == {name for name in templates() if name.startswith("kubernetes/")}
