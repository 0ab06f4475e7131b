"""Every name that iam-ra gives to something in AWS. A name never proves ownership; the tags do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from iam_ra.config.model import CLUSTERS, WORKLOADS

NAMESPACE_TAG: Final = "iam-ra:namespace"
ADDRESS_TAG: Final = "iam-ra:address"
LINEAGE_TAG: Final = "iam-ra:lineage"
REGION_TAG: Final = "iam-ra:region"
DEFAULT_SCOPE: Final = "default"
_OBJECT: Final = re.compile("(ca|clusters)/([^/]+)/([^/]+)")
_MANIFESTS: Final = re.compile(r"clusters/([^/]+)/(?:manifests|workloads/([^/]+/[^/]+))\.json")
_KEY_STACK: Final = re.compile("key-([1-9][0-9]*)-(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one namespace."""

    namespace: str

    @property
    def prefix(self) -> str:
        """The beginning of every stack, role and profile name."""
        return f"iam-ra-{self.namespace}-"

    def is_ours(self, stack_name: str) -> bool:
        """Tell whether a stack's name is one that this namespace may give."""
        rest = stack_name.removeprefix(self.prefix)
        return rest != stack_name and (
            rest in {"init", "rootca"}
            or rest.startswith(("rootca-", "role-", "host-", "pca-", "cluster-"))
            or self.key_of_stack(stack_name) is not None
        )

    def stack(self, suffix: str) -> str:
        """Name a stack; `suffix` is `init` or, for example, `role-admin`."""
        return f"{self.prefix}{suffix}"

    def authority_stack(self, scope: str) -> str:
        """Name the stack of an authority's trust anchor."""
        if scope.startswith(CLUSTERS):
            return self.stack(f"cluster-{scope.removeprefix(CLUSTERS)}")
        return self.stack("rootca" if scope == DEFAULT_SCOPE else f"rootca-{scope}")

    def authority_of_stack(self, stack_name: str) -> str | None:
        """Return the authority whose trust anchor a stack of this name holds, or None."""
        rest = stack_name.removeprefix(self.prefix)
        if rest == stack_name:
            return None
        if rest == "rootca":
            return DEFAULT_SCOPE
        kind, _, name = rest.partition("-")
        if kind == "cluster" and name:
            return f"{CLUSTERS}{name}"
        return name if kind == "rootca" and name not in {"", DEFAULT_SCOPE} else None

    def authority_key_stack(self, scope: str, generation: int) -> str:
        """Name the stack of the KMS key of an authority's generation."""
        return self.stack(f"key-{generation}-{scope}")

    def key_of_stack(self, stack_name: str) -> tuple[str, int] | None:
        """Return the authority and the generation whose KMS key a stack of this name holds, or None."""
        found = _KEY_STACK.fullmatch(stack_name.removeprefix(self.prefix))
        return (found[2], int(found[1])) if found and stack_name.startswith(self.prefix) else None

    def private_ca_stack(self, scope: str) -> str:
        """Name the stack of an authority's private CA."""
        return self.stack(f"pca-{scope}")

    def role(self, role: str) -> str:
        """Name the IAM role and the profile of a role."""
        return f"{self.prefix}{role}"

    def trust_anchor(self, scope: str) -> str:
        """Name the trust anchor of an authority. No name of the file has an underscore."""
        if scope.startswith(CLUSTERS):
            return f"{self.prefix}cluster_{scope.removeprefix(CLUSTERS)}"
        return f"{self.prefix}{scope}"

    def revocation_list(self, scope: str, generation: int) -> str:
        """Name the revocation list of an authority's generation, which stands on the authority's trust anchor."""
        return self.trust_anchor(scope) if generation == 1 else f"{self.trust_anchor(scope)}-{generation}"

    @property
    def role_path(self) -> str:
        """The IAM path of every role."""
        return f"/iam-ra/{self.namespace}/"

    @property
    def secret_prefix(self) -> str:
        """The beginning of every secret's name."""
        return f"/iam-ra/{self.namespace}/"

    def secret(self, host: str, content: str) -> str:
        """Name a host's secret; `content` is `certificate` or `private-key`."""
        return f"{self.secret_prefix}hosts/{host}/{content}"

    @property
    def state_key(self) -> str:
        """The state's S3 key."""
        return f"{self.namespace}/state.json"

    @property
    def lock_key(self) -> str:
        """The lock's S3 key."""
        return f"{self.namespace}/lock.json"

    def authority_key(self, scope: str, generation: int = 1) -> str:
        """Return the S3 key of the certificate of an authority's generation."""
        suffix = "" if generation == 1 else f"-{generation}"
        return self._of_authority(scope, f"certificate{suffix}.pem")

    def authority_of_key(self, key: str) -> tuple[str, str] | None:
        """Return the authority that an S3 key is of, and the name of the object, or None."""
        found = _OBJECT.fullmatch(key.removeprefix(f"{self.namespace}/"))
        if found is None or not key.startswith(f"{self.namespace}/"):
            return None
        return (f"{CLUSTERS}{found[2]}" if found[1] == "clusters" else found[2]), found[3]

    def _of_authority(self, scope: str, name: str) -> str:
        if scope.startswith(CLUSTERS):
            return f"{self.namespace}/clusters/{scope.removeprefix(CLUSTERS)}/{name}"
        return f"{self.namespace}/ca/{scope}/{name}"

    def authority_key_mirror(self, scope: str, generation: int) -> str:
        """Return the S3 key of the copy of the SOPS file that holds the key of an authority's generation."""
        return self._of_authority(scope, f"key-{generation}.yaml")

    def cluster_secret_mirror(self, scope: str, generation: int | None = None) -> str:
        """Return the S3 key of the copy of the encrypted Secret with a generation of a cluster's authority.

        Without a generation it is what all of them begin with.
        """
        return self._of_authority(scope, "secret-" if generation is None else f"secret-{generation}.yaml")

    def manifest_list(self, entity: str) -> str:
        """Return the S3 key of the list of the manifests of a cluster or of a workload."""
        if entity.startswith(WORKLOADS):
            _, cluster, namespace, name = entity.split("/")
            return self._of_authority(f"{CLUSTERS}{cluster}", f"workloads/{namespace}/{name}.json")
        return self._of_authority(entity, "manifests.json")

    def manifests_of_key(self, key: str) -> str | None:
        """Return the cluster or workload whose list of manifests has an S3 key, or None."""
        found = _MANIFESTS.fullmatch(key.removeprefix(f"{self.namespace}/"))
        if found is None or not key.startswith(f"{self.namespace}/"):
            return None
        return f"{WORKLOADS}{found[1]}/{found[2]}" if found[2] else f"{CLUSTERS}{found[1]}"

    def revocation_list_key(self, scope: str, generation: int) -> str:
        """Return the S3 key of the copy of the revocation list of an authority's generation."""
        return self._of_authority(scope, f"revocations-{generation}.pem")

    def host_key(self, host: str, name: str) -> str:
        """Return the S3 key of one of a host's objects."""
        return f"{self.namespace}/hosts/{host}/{name}"

    def ledger_key(self, name: str) -> str:
        """Return the S3 key of something in the ledger."""
        return f"{self.namespace}/ledger/{name}"

    @property
    def history_prefix(self) -> str:
        """The beginning of the S3 key of every apply's record."""
        return f"{self.namespace}/history/"

    def history_key(self, name: str) -> str:
        """Return the S3 key of an apply's record."""
        return f"{self.history_prefix}{name}.json"
