"""The schema of clusters and their workloads."""

from __future__ import annotations

from pydantic import Field

from iam_ra.config import fields as f  # noqa: TC001 - pydantic reads the annotations
from iam_ra.config import kubernetes as k  # noqa: TC001 - pydantic reads the annotations
from iam_ra.config.entry import Entry

# A manifest list for all architectures. No digest of it is known to have been verified, so that none is written here.
SIDECAR_IMAGE = "public.ecr.aws/rolesanywhere/credential-helper:1.8.1-2026.04.09.16.01"


class ClusterAuthorityEntry(Entry):
    """The authority of a cluster, and how it gets there. Its certificates are for the workloads of this cluster alone."""

    delivery: k.ClusterDelivery = Field(
        default="sops",
        description="How the cluster gets it: `sops` as a Secret that sops encrypts for whom `.sops.yaml` says, `cluster` "
        "lets cert-manager make it there, so that only its certificate comes out, `pca` is a private CA of AWS that "
        "aws-privateca-issuer calls.",
        examples=["sops", "cluster"],
    )
    validity: f.AuthorityValidity | None = Field(
        default=None, description="How long a generation of it is valid; default: `365d`.", examples=["1y"]
    )
    renew_before: f.Span | None = Field(
        default=None,
        description="How long before its end it is followed by a new generation. Default: `60d`, cut to a third of its life.",
        examples=["60d"],
    )
    overlap: f.Span | None = Field(
        default=None,
        description="How long the generation before still counts once the new one is delivered; longer than certificates of "
        "workloads live, and shorter than `renew_before`. Default: `30d`, cut to half of `renew_before`.",
        examples=["14d"],
    )
    key: f.Key | None = Field(
        default=None, description="The algorithm of its key; default: `ec-p256`.", examples=["ec-p384"]
    )
    pca_arn: f.PcaArn | None = Field(
        default=None,
        description="The ARN of the private CA; needed with `delivery: pca`, and only there.",
        examples=[
            "arn:aws:acm-pca:ap-southeast-2:123456789012:certificate-authority/11111111-2222-3333-4444-555555555555"
        ],
    )
    certificate: k.CertificatePath | None = Field(
        default=None,
        description="The file with the certificate that the cluster made, with `delivery: cluster`; default: `ca.pem` in the "
        "cluster's folder.",
        examples=["manifests/prod/ca.pem"],
    )


class IssuerEntry(Entry):
    """The cert-manager issuer that signs for workloads."""

    kind: k.IssuerKind = Field(
        default="ClusterIssuer",
        description="`ClusterIssuer` serves every namespace of the cluster, `Issuer` its own alone.",
        examples=["ClusterIssuer", "Issuer"],
    )
    name: k.Label = Field(default="iam-ra", description="Its name.", examples=["iam-ra"])
    namespace: k.Label | None = Field(
        default=None,
        description="The namespace of its Secret. Default: `cert-manager` for a ClusterIssuer, where cert-manager looks unless "
        "told otherwise; the workloads' own for an Issuer, which all of them share.",
        examples=["cert-manager"],
    )


class WorkloadCertificateEntry(Entry):
    """The certificates of workloads, which cert-manager renews."""

    duration: k.Duration | None = Field(
        default=None,
        description="How long one is valid, from 1h on. Default: as the cluster says, else `24h`.",
        examples=["24h"],
    )
    renew_before: k.RenewBefore | None = Field(
        default=None,
        description="How long before its end it is renewed, from 5m on and less than `duration`. Default: as the cluster says, "
        "else `8h`, cut to a third of `duration`.",
        examples=["8h"],
    )


class SidecarEntry(Entry):
    """The container that serves credentials to an app, on the loopback of its Pod."""

    image: k.Image = Field(
        default=SIDECAR_IMAGE,
        description="The image of AWS's credential helper, for all architectures; best with the digest of its manifest list.",
        examples=[SIDECAR_IMAGE],
    )
    style: k.SidecarStyle = Field(
        default="native",
        description="`native` is an init container that keeps running (Kubernetes 1.29 and later), `container` one beside the "
        "app's.",
        examples=["native"],
    )
    port: k.Port = Field(
        default=9911,
        description="The port of the first role; further roles have the next ones.",
        examples=[9911],
    )


class WorkloadEntry(Entry):
    """Pods of a namespace that share an identity and its roles."""

    role: f.EntityName | None = Field(
        default=None, description="The role that it may take.", examples=["readonly"]
    )
    roles: f.Names | None = Field(
        default=None,
        description="The roles that it may take, in place of `role`; each has a sidecar.",
        examples=[["admin", "readonly"]],
    )
    default_role: f.EntityName | None = Field(
        default=None,
        description="The role whose credentials the app finds by itself; needed when there are several.",
        examples=["readonly"],
    )
    identity: f.Identity | None = Field(
        default=None,
        description="The common name of its certificates, unique in the cluster whatever the case of its letters. Default: "
        "`<cluster>.<namespace>.<name>`, where that has no more than 61 characters.",
        examples=["prod.payments.api"],
    )
    kind: k.WorkloadKind | None = Field(
        default=None,
        description="What the kustomize component patches; default: whichever has the name.",
        examples=["Deployment"],
    )
    target: k.Subdomain | None = Field(
        default=None, description="The name of what is patched; default: the workload's.", examples=["api"]
    )
    containers: k.Labels | None = Field(
        default=None,
        description="The containers that are to get credentials; default: the one with the workload's name.",
        examples=[["api", "worker"]],
    )
    certificate: WorkloadCertificateEntry = Field(
        default_factory=WorkloadCertificateEntry,
        description="What differs from the cluster's `certificate`.",
        examples=[{"duration": "12h"}],
    )
    delivery: k.WorkloadDelivery | None = Field(
        default=None,
        description="How its Pods get the certificate; default: as the cluster says.",
        examples=["csi"],
    )
    network_policy: f.Flag = Field(
        default=False,
        description="Also make a NetworkPolicy that lets its Pods reach DNS and HTTPS.",
        examples=[True],
    )
    helm_values: f.Flag = Field(
        default=False,
        description="Also make a snippet of values for Helm charts that take extra containers.",
        examples=[True],
    )
    sample_pod: f.Flag = Field(
        default=False, description="Also make a Pod that tries it out.", examples=[True]
    )
    disabled: f.Flag = Field(
        default=False,
        description="Take its roles from it until this is taken back; its manifests stay.",
        examples=[True],
    )
    protect: f.Flag = Field(default=False, description="Refuse to delete it.", examples=[True])


class ClusterEntry(Entry):
    """A Kubernetes cluster with cert-manager. iam-ra writes manifests for it and applies nothing to it."""

    ca: ClusterAuthorityEntry = Field(
        default_factory=ClusterAuthorityEntry,
        description="Its authority, which no other cluster and no host shares.",
        examples=[{"validity": "1y"}],
    )
    issuer: IssuerEntry = Field(
        default_factory=IssuerEntry,
        description="The cert-manager issuer that signs for its workloads.",
        examples=[{"kind": "ClusterIssuer", "name": "iam-ra"}],
    )
    certificate: WorkloadCertificateEntry = Field(
        default_factory=WorkloadCertificateEntry,
        description="The certificates of its workloads.",
        examples=[{"duration": "24h", "renew_before": "8h"}],
    )
    sidecar: SidecarEntry = Field(
        default_factory=SidecarEntry,
        description="The container that serves credentials to an app.",
        examples=[{"port": 9911}],
    )
    delivery: k.WorkloadDelivery = Field(
        default="secret",
        description="How Pods get their certificate: `secret` as a Secret that cert-manager writes, `csi` from its CSI driver, "
        "so that the key never leaves the node.",
        examples=["secret", "csi"],
    )
    folder: k.Folder | None = Field(
        default=None,
        description="Where its manifests are written, relative to this file; default: `manifests/<cluster>`.",
        examples=["manifests/prod"],
    )
    admission_policy: f.Flag = Field(
        default=True,
        description="Also make a ValidatingAdmissionPolicy that says which namespace may ask for which name (Kubernetes 1.30 "
        "and later).",
        examples=[True],
    )
    approver_policy: f.Flag = Field(
        default=False,
        description="Also make a policy for cert-manager's approver-policy that says the same.",
        examples=[True],
    )
    disabled: f.Flag = Field(
        default=False,
        description="Disable its trust anchor: none of its workloads opens a session until this is taken back.",
        examples=[True],
    )
    tags: f.Tags = Field(
        default_factory=dict, description="Tags of its trust anchor.", examples=[{"team": "platform"}]
    )
    protect: f.Flag = Field(default=False, description="Refuse to delete or replace it.", examples=[True])
    workloads: dict[k.WorkloadKey, WorkloadEntry] = Field(
        default_factory=dict,
        description="Its workloads by namespace and name.",
        examples=[{"payments/api": {"role": "readonly"}}],
    )
