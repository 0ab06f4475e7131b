"""Problems of clusters: each check, the smallest file that fails it, and where it says so."""

from __future__ import annotations

from iam_ra.config.diagnostics import Check

PCA = "arn:aws:acm-pca:ap-southeast-2:123456789012:certificate-authority/11111111-2222-3333-4444-555555555555"
IMAGE = "public.ecr.aws/rolesanywhere/credential-helper"
DIGEST = f"sha256:{'0' * 64}"
ROLES = "roles: {a: {}, b: {}}\n"
LONG = "n" * 30


def cluster(*lines: str, before: str = ROLES, name: str = "prod") -> str:
    """Return a file with one cluster, whose lines begin on line 7, column 5."""
    return f"{before}clusters:\n  {name}:\n" + "".join(f"    {line}\n" for line in lines)


def workload(text: str, key: str = "shop/api", *more: str) -> str:
    """Return a file with one workload on line 8."""
    return cluster("workloads:", f"  {key}: {text}", *more)


CLUSTER_CASES: list[tuple[Check, str | bytes, str]] = [
    (Check.UNKNOWN_KEY, cluster("role: a"), "7:5"),
    (Check.UNKNOWN_KEY, workload("{role: a, container: x}"), "8:27"),
    (Check.NAME, cluster("delivery: csi", name="Prod"), "6:3"),
    (Check.NAME, cluster("delivery: csi", name="prod_1"), "6:3"),
    (Check.NAME, cluster("delivery: csi", name="p" * 64), "6:3"),
    (Check.NAME, workload("{role: a}", "api"), "8:7"),
    (Check.NAME, workload("{role: a}", "shop/"), "8:7"),
    (Check.NAME, workload("{role: a}", "Shop/api"), "8:7"),
    (Check.NAME, workload("{role: a}", "shop/api.v1"), "8:7"),
    (Check.NAME, workload("{role: a}", "shop/api/v1"), "8:7"),
    (Check.NAME, workload("{role: a, target: API}"), "8:35"),
    (Check.NAME, workload("{role: a, containers: [API]}"), "8:40"),
    (Check.NAME, cluster("issuer: {name: a_b}"), "7:20"),
    (Check.NAME_LENGTH, workload("{role: a, identity: i1}", f"shop/{'n' * 57}"), "8:7"),
    (Check.IDENTITY, workload("{role: a}", f"{LONG}/{LONG}"), "8:7"),
    (Check.IDENTITY, workload("{role: a, identity: 'a b'}"), "8:37"),
    (
        Check.IDENTITY_TAKEN,
        workload("{role: a}", "shop/api", "  shop/b: {role: a, identity: PROD.shop.api}"),
        "9:35",
    ),
    (Check.NO_CHOICE, cluster("ca: {delivery: secret}"), "7:20"),
    (Check.NO_CHOICE, workload("{role: a, kind: Pod}"), "8:33"),
    (Check.OUT_OF_RANGE, cluster("certificate: {duration: 59m}"), "7:29"),
    (Check.OUT_OF_RANGE, cluster("certificate: {renew_before: 4m}"), "7:33"),
    (Check.OUT_OF_RANGE, cluster("sidecar: {port: 80}"), "7:21"),
    (Check.RENEW_BEFORE, workload("{role: a, certificate: {duration: 2h, renew_before: 2h}}"), "8:69"),
    (Check.RENEW_BEFORE, cluster("ca: {validity: 60d, renew_before: 60d}"), "7:39"),
    (Check.OVERLAP, cluster("ca: {renew_before: 20d, overlap: 20d}"), "7:38"),
    (Check.OVERLAP, cluster("ca: {overlap: 1d}"), "7:19"),
    (
        Check.OUTLIVES_AUTHORITY,
        workload("{role: a, certificate: {duration: 40d}}", "shop/api", "ca: {validity: 30d}"),
        "8:51",
    ),
    (Check.IMAGE, cluster(f"sidecar: {{image: {IMAGE}}}"), "7:22"),
    (Check.IMAGE, cluster(f"sidecar: {{image: '{IMAGE}:latest'}}"), "7:22"),
    (Check.IMAGE, cluster(f"sidecar: {{image: '{IMAGE}:1.8.5-amd64-2026.08.24.20.52'}}"), "7:22"),
    (Check.IMAGE, cluster(f"sidecar: {{image: '{IMAGE}:1.8.5-arm64-2026.08.24.20.52@{DIGEST}'}}"), "7:22"),
    (Check.IMAGE, cluster("sidecar: {image: 'a b'}"), "7:22"),
    (Check.IMAGE_DIGEST, cluster(f"sidecar: {{image: '{IMAGE}:1.8.1-2026.04.09.16.01'}}"), "7:22"),
    (Check.NO_ADMISSION, workload("{role: a}", "shop/api", "admission_policy: false"), "9:23"),
    (Check.PORTS, workload("{roles: [a, b], default_role: a}", "shop/api", "sidecar: {port: 65535}"), "8:25"),
    (Check.WORKLOAD_ROLES, workload("{target: x}"), "8:7"),
    (Check.WORKLOAD_ROLES, workload("{role: a, roles: [b]}"), "8:18"),
    (Check.NO_DEFAULT_ROLE, workload("{roles: [a, b]}"), "8:25"),
    (Check.DEFAULT_ROLE, workload("{role: a, default_role: b}"), "8:41"),
    (Check.UNKNOWN_ROLE, workload("{role: c}"), "8:24"),
    (Check.UNKNOWN_ROLE, workload("{roles: [a, c], default_role: a}"), "8:29"),
    (Check.UNKNOWN_AUTHORITY, "roles: {r: {ca: cluster/prod}}", "4:17"),
    (
        Check.AUTHORITY_EXCLUDED,
        cluster("workloads: {shop/api: {role: a}}", before="roles: {a: {ca: default}}\n"),
        "7:34",
    ),
    (Check.ISSUER, cluster("issuer: {kind: Issuer}", "workloads: {a/a: {role: a}, b/b: {role: a}}"), "8:33"),
    (
        Check.ISSUER,
        cluster("issuer: {kind: Issuer, namespace: x}", "workloads: {a/a: {role: a}}"),
        "8:17",
    ),
    (Check.CLUSTER_SETTING, cluster("ca: {certificate: ca.pem}"), "7:23"),
    (Check.CLUSTER_SETTING, cluster(f"ca: {{pca_arn: {PCA}}}"), "7:19"),
    (Check.PRIVATE_CA, cluster("ca: {delivery: pca}"), "7:20"),
    (
        Check.PRIVATE_CA_TAKEN,
        f"clusters:\n  a: {{ca: {{delivery: pca, pca_arn: {PCA}}}}}\n  b: {{ca: {{delivery: pca, pca_arn: {PCA}}}}}",
        "6:36",
    ),
    (Check.UNUSED_SETTING, cluster(f"ca: {{delivery: pca, validity: 1y, pca_arn: {PCA}}}"), "7:35"),
    (Check.PATH, cluster("folder: ../prod"), "7:13"),
    (Check.PATH, cluster("ca: {delivery: cluster, certificate: ca.key}"), "7:42"),
    (Check.PATH_TAKEN, "clusters: {a: {}, b: {folder: manifests/A}}", "4:31"),
    (Check.PATH_TAKEN, "clusters: {a: {}, b: {folder: manifests}}", "4:31"),
    (
        Check.PATH_TAKEN,
        cluster("folder: m", before=f"{ROLES}hosts: {{w1: {{roles: [a], sops: m/ca-secret.sops.yaml}}}}\n"),
        "8:13",
    ),
    (Check.TAG, cluster("tags: {a#b: c}"), "7:12"),
    (Check.AUTHORITIES, "limits: {trust_anchors: 1}\nclusters: {a: {}}", "1:1"),
]
