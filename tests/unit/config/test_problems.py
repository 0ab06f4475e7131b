"""Each check by itself: the smallest file that fails it, and where it says so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.unit.config.cluster_cases import CLUSTER_CASES

from iam_ra.config.diagnostics import Check, ConfigError
from iam_ra.config.load import load

if TYPE_CHECKING:
    from collections.abc import Callable

    from iam_ra.config.diagnostics import Diagnostic
    from iam_ra.config.load import Loaded

    Problems = Callable[[str | bytes], list[Diagnostic]]

STATEMENT = "{Effect: Allow, Action: 's3:*', Resource: '*'}"
ARN = "arn:aws:iam::aws:policy/A"
PCA = "arn:aws:acm-pca:ap-southeast-2:123456789012:certificate-authority/11111111-2222-3333-4444-555555555555"
RECIPIENT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
SECRET = "{{resolve:secretsmanager:s}}"


def whole(**changes: str) -> str:
    keys = {"version": "1", "namespace": "default", "region": "ap-southeast-2"} | changes
    return "".join(f"{key}: {value}\n" for key, value in keys.items())


def policy(document: str) -> str:
    return f"roles: {{r: {{inline_policies: {{p: {document}}}}}}}"


def statement(text: str) -> str:
    return policy(f"{{Version: 2012-10-17, Statement: {text}}}")


def hosts(*lines: str, before: str = "roles: {a: {}, b: {}}") -> str:
    return f"{before}\nhosts:\n" + "".join(f"  {line}\n" for line in lines)


# Check, file, and the place: `line:column` of the whole file, whose first three lines are the head.
CASES: list[tuple[Check, str | bytes, str]] = [
    (Check.ENCODING, b"version: 1\na: caf\xe9\n", "2:7"),
    (Check.ENCODING, "a: \x00", "4:4"),
    (Check.ENCODING, "a: \x1b[31m", "4:4"),
    (Check.SYNTAX, "roles:\n\tr: {}", "5:1"),
    (Check.SYNTAX, "roles: @r", "4:8"),
    (Check.SYNTAX, "roles: [a, b", "5:1"),
    (Check.SYNTAX, "roles: 'a", "4:10"),
    (Check.SYNTAX, "roles: a: b", "4:9"),
    (Check.SYNTAX, 'a: "\\q"', "4:5"),
    (Check.SYNTAX, "a: *", "4:4"),
    (Check.SEVERAL_DOCUMENTS, "roles: {}\n---\nroles: {}", "5:1"),
    (Check.EMPTY, b"", "1:1"),
    (Check.EMPTY, b"# nothing\n", "1:1"),
    (Check.EMPTY, b"\xef\xbb\xbf", "1:1"),
    (Check.NO_MAPPING, b"- a\n", "1:1"),
    (Check.NO_MAPPING, b"text", "1:1"),
    (Check.NO_MAPPING, b"~", "1:1"),
    (Check.DUPLICATE_KEY, "roles: {}\nroles: {}", "5:1"),
    (Check.DUPLICATE_KEY, "roles: {r: &r {}, s: {<<: *r, <<: *r}}", "4:31"),
    (Check.UNKNOWN_TAG, "roles: !!python/dict {}", "4:8"),
    (Check.UNKNOWN_TAG, "roles: {r: {description: !Ref r}}", "4:26"),
    (Check.UNKNOWN_TAG, "roles: {r: {description: !!float 3}}", "4:26"),
    (Check.TOO_DEEP, "roles: " + "[" * 50, "4:39"),
    (Check.ALIASES, "roles: *r", "4:8"),
    (Check.ALIASES, "roles: &r {a: *r}", "4:15"),
    (Check.MERGE, "roles: {<<: [1]}", "4:13"),
    (Check.COMPLEX_KEY, "roles: {[a]: {}}", "4:9"),
    (Check.UNKNOWN_KEY, "host: {}", "4:1"),
    (Check.UNKNOWN_KEY, "cluster: {}", "4:1"),
    (Check.UNKNOWN_KEY, hosts("w1: {roles: [a], csrs: w.pem}"), "6:20"),
    (Check.MISSING_KEY, b"version: 1\nnamespace: n\n", "1:1"),
    (Check.MISSING_KEY, hosts("w1: {}"), "6:3"),
    (Check.WRONG_TYPE, "roles: []", "4:8"),
    (Check.WRONG_TYPE, "roles: {r: text}", "4:12"),
    (Check.WRONG_TYPE, f"roles: {{r: {{policies: {ARN}}}}}", "4:23"),
    (Check.WRONG_TYPE, "roles: {r: {description: [a]}}", "4:26"),
    (Check.WRONG_TYPE, "limits: {max_delete_percent: [3]}", "4:30"),
    (Check.WRONG_TYPE, "defaults: {session_duration: {}}", "4:30"),
    (Check.WRONG_TYPE, "roles: {r: {protect: {}}}", "4:22"),
    (Check.WRONG_TYPE, policy("[a]"), "4:34"),
    (Check.NO_VALUE, "roles:", "4:1"),
    (Check.NO_VALUE, "roles:\n  r: ~", "5:3"),
    (Check.NO_VALUE, hosts("w: {roles: [a], identity: null}"), "6:19"),
    (Check.NO_VALUE, hosts("w1: {roles: []}"), "6:15"),
    (Check.NO_VALUE, "defaults: {delivery: []}", "4:22"),
    (Check.NO_BOOLEAN, "roles: {r: {protect: yes}}", "4:22"),
    (Check.NO_BOOLEAN, "roles: {r: {protect: 'true'}}", "4:22"),
    (Check.NO_BOOLEAN, "roles: {r: {protect: 1}}", "4:22"),
    (Check.NO_NUMBER, "limits: {max_delete_percent: 30%}", "4:30"),
    (Check.NO_NUMBER, "limits: {max_delete_percent: '30'}", "4:30"),
    (Check.NO_NUMBER, "limits: {max_delete_percent: 030}", "4:30"),
    (Check.NO_NUMBER, "limits: {max_delete_percent: 1e1}", "4:30"),
    (Check.OUT_OF_RANGE, "limits: {max_delete_percent: 101}", "4:30"),
    (Check.OUT_OF_RANGE, "limits: {trust_policy_size: 8193}", "4:29"),
    (Check.OUT_OF_RANGE, "defaults: {session_duration: 14m}", "4:30"),
    (Check.OUT_OF_RANGE, "defaults: {session_duration: 13h}", "4:30"),
    (Check.OUT_OF_RANGE, "defaults: {certificate: {validity: 59m}}", "4:36"),
    (Check.OUT_OF_RANGE, "certificate_authorities: {default: {validity: 29d}}", "4:47"),
    (
        Check.OUT_OF_RANGE,
        "certificate_authorities: {default: {notifications: {ca_certificate_expiry: {threshold: 361}}}}",
        "4:88",
    ),
    (Check.NO_CHOICE, "defaults: {certificate: {key: ec-p521}}", "4:31"),
    (Check.NO_CHOICE, "defaults: {delivery: [sops, vault]}", "4:29"),
    (Check.NO_CHOICE, "certificate_authorities: {default: {mode: pca}}", "4:43"),
    (Check.NO_DURATION, "defaults: {session_duration: 3600}", "4:30"),
    (Check.NO_DURATION, "defaults: {certificate: {validity: 1 year}}", "4:36"),
    (Check.NO_DURATION, "defaults: {certificate: {validity: 101y}}", "4:36"),
    (Check.DUPLICATE_ITEM, hosts("w1: {roles: [a, a]}"), "6:15"),
    (Check.DUPLICATE_ITEM, "defaults: {delivery: [sops, sops]}", "4:22"),
    (Check.DUPLICATE_ITEM, f"roles: {{r: {{policies: [{ARN}, {ARN}]}}}}", "4:23"),
    (Check.VERSION, whole(version="2"), "1:10"),
    (Check.NAMESPACE, whole(namespace="Team_A"), "2:12"),
    (Check.NAMESPACE, whole(namespace="a" * 21), "2:12"),
    (Check.REGION, whole(region="us-est-1"), "3:9"),
    (Check.REGION, whole(region="Sydney"), "3:9"),
    (Check.UNKNOWN_REGION, whole(region="ap-south-9"), "3:9"),
    (Check.ACCOUNT, "account_id: 1234-5678-9012", "4:13"),
    (Check.ACCOUNT, "account_id: 12345678901", "4:13"),
    (Check.NAME, "roles: {web_1: {}}", "4:9"),
    (Check.NAME, "roles: {-a: {}}", "4:9"),
    (Check.NAME, "roles: {'': {}}", "4:9"),
    (Check.NAME, "roles: {'a/../b': {}}", "4:9"),
    (Check.NAME_CASE, "roles: {web: {}, Web: {}}", "4:18"),
    (Check.NAME_LENGTH, f"roles: {{{'r' * 50}: {{}}}}", "4:9"),
    (Check.NAME_LENGTH, f"certificate_authorities: {{default: {{}}, {'c' * 107}: {{}}}}", "4:40"),
    (Check.NAME_LENGTH, hosts(f"{'h' * 109}: {{roles: [a], identity: h1}}"), "6:3"),
    (Check.IDENTITY, hosts("w: {roles: [a], identity: a b}"), "6:29"),
    (Check.IDENTITY, hosts(f"w: {{roles: [a], identity: {'i' * 62}}}"), "6:29"),
    (Check.IDENTITY, hosts("w: {roles: [a]}"), "6:3"),
    (Check.IDENTITY, hosts(f"{'h' * 62}: {{roles: [a]}}"), "6:3"),
    (Check.IDENTITY_TAKEN, hosts("w1: {roles: [a]}", "w2: {roles: [a], identity: W1}"), "7:30"),
    (Check.ARN, "roles: {r: {policies: [ReadOnlyAccess]}}", "4:24"),
    (Check.ARN, "roles: {r: {policies: [arn:aws:iam::aws:role/x]}}", "4:24"),
    (Check.ARN, "roles: {r: {policies: [arn:aws:iam:us-east-1:aws:policy/x]}}", "4:24"),
    (Check.ARN, "roles: {r: {policies: [arn:aws:iam::12345:policy/x]}}", "4:24"),
    (Check.ARN, "roles: {r: {policies: [arn:aws-x:iam::aws:policy/x]}}", "4:24"),
    (Check.ARN, "roles: {r: {permissions_boundary: arn:aws:s3:::x}}", "4:35"),
    (Check.ARN, "roles: {r: {policies: ['arn:aws:iam::aws:policy/a b']}}", "4:24"),
    (Check.ARN_PARTITION, "roles: {r: {policies: [arn:aws-cn:iam::aws:policy/A]}}", "4:24"),
    (
        Check.ARN_PARTITION,
        whole(region="cn-north-1", roles=f"{{r: {{permissions_boundary: {ARN}}}}}"),
        "4:35",
    ),
    (
        Check.ARN_ACCOUNT,
        f"account_id: '111111111111'\nroles: {{r: {{policies: [{ARN}, arn:aws:iam::222222222222:policy/A]}}}}",
        "5:51",
    ),
    (Check.TAG, "roles: {r: {tags: {a#b: c}}}", "4:20"),
    (Check.TAG, "roles: {r: {tags: {a: 'é'}}}", "4:23"),
    (Check.TAG, "roles: {r: {tags: {a: ''}}}", "4:23"),
    (Check.TAG, "roles: {r: {tags: {a: ' b'}}}", "4:23"),
    (Check.TAG, f"roles: {{r: {{tags: {{{'k' * 129}: v}}}}}}", "4:20"),
    (Check.TAG, f"roles: {{r: {{tags: {{a: {'v' * 257}}}}}}}", "4:23"),
    (Check.TAG, "roles: {r: {tags: {Team: a, team: b}}}", "4:29"),
    (Check.TAG_RESERVED, "roles: {r: {tags: {'AWS:x': c}}}", "4:20"),
    (Check.TAG_RESERVED, "certificate_authorities: {default: {tags: {'iam-ra:lineage': c}}}", "4:44"),
    (Check.TAG_COUNT, f"roles: {{r: {{tags: {{{', '.join(f't{i}: v' for i in range(41))}}}}}}}", "4:13"),
    (Check.PATH, hosts("w1: {roles: [a], sops: ../w.yaml}"), "6:26"),
    (Check.PATH, hosts("w1: {roles: [a], sops: /w.yaml}"), "6:26"),
    (Check.PATH, hosts("w1: {roles: [a], sops: w.txt}"), "6:26"),
    (Check.PATH, hosts("w1: {roles: [a], sops: 'a\\w.yaml'}"), "6:26"),
    (Check.PATH, hosts("w1: {roles: [a], sops: secrets/w}"), "6:26"),
    (Check.PATH, hosts("w1: {roles: [a], sops: secrets/./w.yaml}"), "6:26"),
    (Check.PATH, hosts("w1: {roles: [a], sops: .sops.yaml}"), "6:26"),
    (Check.PATH, hosts("w1: {roles: [a], sops: secrets/.Sops.yaml}"), "6:26"),
    (Check.PATH, hosts("w1: {roles: [a], sops: Exports/aws/w1.yaml}"), "6:26"),
    (Check.PATH, hosts("w1: {roles: [a], sops: .git/w1.yaml}"), "6:26"),
    (Check.PATH, hosts("w1: {roles: [a], sops: vendor/.git/w1.yaml}"), "6:26"),
    (Check.PATH, policy("../p.json"), "4:34"),
    (Check.PATH, "defaults: {host_paths: {certificate: run/cert}}", "4:38"),
    (Check.PATH, "defaults: {host_paths: {certificate: /run/../cert}}", "4:38"),
    (Check.PATH_TAKEN, "defaults: {host_paths: {certificate: /run/k, private_key: /run/k}}", "4:59"),
    (
        Check.PATH_TAKEN,
        hosts("w1: {roles: [a]}", "w2: {roles: [a], sops: secrets/hosts/W1/iam-ra.yaml}"),
        "7:26",
    ),
    (
        Check.PATH_TAKEN,
        hosts("w1: {roles: [a], sops: s/caf\u00e9.yaml}", "w2: {roles: [a], sops: s/cafe\u0301.yaml}"),
        "7:26",
    ),
    (Check.PATH_TAKEN, hosts("w1: {roles: [a], sops: iam-ra.yaml}"), "6:26"),
    (
        Check.PATH_TAKEN,
        "certificate_authorities: {a: {key_store: sops, sops: s/a.yaml}, b: {key_store: sops, sops: S/a.yaml}}",
        "4:92",
    ),
    (
        Check.PATH_TAKEN,
        hosts(
            "w1: {roles: [a], sops: secrets/ca/default/iam-ra.yaml}",
            before="roles: {a: {}}\ncertificate_authorities: {default: {key_store: sops}}",
        ),
        "5:27",
    ),
    (Check.PATH_TAKEN, "certificate_authorities: {a: {key_store: sops, sops: iam-ra.yaml}}", "4:54"),
    (Check.KEY_STORE, "certificate_authorities: {a: {sops: s/a.yaml}}", "4:37"),
    (Check.KEY_STORE, "certificate_authorities: {a: {key_store: kms, sops: s/a.yaml}}", "4:53"),
    (Check.KEY_STORE, "certificate_authorities: {a: {mode: pca-new, key_store: file}}", "4:57"),
    (Check.PRIVATE_CA, "certificate_authorities: {a: {mode: pca-existing}}", "4:37"),
    (Check.PRIVATE_CA, f"certificate_authorities: {{a: {{mode: pca-new, pca_arn: {PCA}}}}}", "4:55"),
    (
        Check.PRIVATE_CA,
        f"certificate_authorities: {{a: {{mode: pca-existing, pca_arn: {PCA.replace('southeast-2', 'east-1')}}}}}",
        "4:60",
    ),
    (
        Check.PRIVATE_CA,
        f"account_id: '210987654321'\ncertificate_authorities: {{a: {{mode: pca-existing, pca_arn: {PCA}}}}}",
        "5:60",
    ),
    (
        Check.UNUSED_SETTING,
        f"certificate_authorities: {{a: {{mode: pca-existing, pca_arn: {PCA}, validity: 1y}}}}",
        f"4:{60 + len(PCA) + 12}",
    ),
    (
        Check.PRIVATE_CA_TAKEN,
        f"certificate_authorities:\n  a: {{mode: pca-existing, pca_arn: {PCA}}}\n  b: {{mode: pca-existing, pca_arn: {PCA}}}",
        "6:36",
    ),
    (Check.PATH_TAKEN, hosts("w1: {roles: [a], sops: IAM-RA.yaml}"), "6:26"),
    (Check.DESCRIPTION, 'roles: {r: {description: "a\\nb"}}', "4:26"),
    (Check.DESCRIPTION, "roles: {r: {description: ☃}}", "4:26"),
    (Check.DRIFT_RULE, "ignore_drift: [{address: hosts, fields: [role.tags.*]}]", "4:26"),
    (Check.DRIFT_RULE, "ignore_drift: [{address: '*', fields: [tags.*]}]", "4:40"),
    (Check.DYNAMIC_REFERENCE, f"roles: {{r: {{description: 'of {SECRET}'}}}}", "4:26"),
    (Check.DYNAMIC_REFERENCE, f"roles: {{r: {{policies: ['{ARN}/{SECRET}']}}}}", "4:24"),
    (Check.DYNAMIC_REFERENCE, f"roles: {{r: {{permissions_boundary: '{ARN}/{SECRET}/b'}}}}", "4:35"),
    (
        Check.DYNAMIC_REFERENCE,
        statement(f"{{Effect: Allow, Action: 's3:*', Resource: ['*', 'arn:aws:s3:::{SECRET}']}}"),
        "4:115",
    ),
    (
        Check.DYNAMIC_REFERENCE,
        statement(
            f"{{Effect: Allow, Action: '*', Resource: '*', Condition: {{Bool: {{'aws:{SECRET}': x}}}}}}"
        ),
        "4:130",
    ),
    (
        Check.DYNAMIC_REFERENCE,
        f"roles: {{r: {{session_policy: {{Version: 2012-10-17, Id: '{SECRET}', Statement: {STATEMENT}}}}}}}",
        "4:55",
    ),
    (Check.TEMPLATE_FUNCTION, statement("{Effect: Allow, Action: 's3:*', Resource: {Ref: bucket}}"), "4:110"),
    (Check.TEMPLATE_FUNCTION, statement("{Effect: {Ref: e}, Action: 's3:*', Resource: '*'}"), "4:77"),
    (
        Check.TEMPLATE_FUNCTION,
        statement("{Effect: Allow, Action: 's3:*', Resource: [{'Fn::GetAtt': [b, Arn]}, '*']}"),
        "4:111",
    ),
    (
        Check.TEMPLATE_FUNCTION,
        statement("{Effect: Allow, Action: 's3:*', Resource: '*', Condition: {StringEquals: {Ref: x}}}"),
        "4:141",
    ),
    (
        Check.TEMPLATE_FUNCTION,
        statement("{Effect: Allow, Action: 's3:*', Resource: '*', Condition: {Bool: {Condition: x}}}"),
        "4:133",
    ),
    (
        Check.TEMPLATE_FUNCTION,
        statement(
            "{Effect: Allow, Action: '*', Resource: '*', Condition: {StringEquals: {'a:b': [x, {'Fn::Sub': y}]}}}"
        ),
        "4:150",
    ),
    (
        Check.TEMPLATE_FUNCTION,
        policy("{Version: 2012-10-17, Statement: " + STATEMENT + ", 'Fn::Transform': {Name: x}}"),
        "4:115",
    ),
    (Check.UNKNOWN_ROLE, hosts("w1: {roles: [a, x], default_role: a}"), "6:19"),
    (Check.UNKNOWN_AUTHORITY, hosts("w1: {roles: [a], ca: x}"), "6:24"),
    (Check.UNKNOWN_AUTHORITY, "certificate_authorities: {b: {}}\n" + hosts("w1: {roles: [a]}"), "7:3"),
    (Check.UNKNOWN_AUTHORITY, "roles: {r: {ca: [default, x]}}", "4:27"),
    (Check.NO_DEFAULT_ROLE, hosts("w1: {roles: [a, b]}"), "6:15"),
    (Check.DEFAULT_ROLE, hosts("w1: {roles: [a], default_role: b}"), "6:34"),
    (
        Check.AUTHORITY_EXCLUDED,
        "certificate_authorities: {default: {}, x: {}}\n"
        + hosts("w1: {roles: [a]}", before="roles: {a: {ca: x}}"),
        "7:16",
    ),
    (Check.RENEW_BEFORE, "defaults: {certificate: {validity: 30d, renew_before: 30d}}", "4:55"),
    (Check.RENEW_BEFORE, hosts("w1: {roles: [a], certificate: {renew_before: 366d}}"), "6:48"),
    (Check.OVERLAP, "defaults: {certificate: {renew_before: 30d, overlap: 30d}}", "4:54"),
    (Check.OVERLAP, hosts("w1: {roles: [a], certificate: {validity: 90d, overlap: 30d}}"), "6:58"),
    (
        Check.OUTLIVES_AUTHORITY,
        "certificate_authorities: {default: {validity: 100d}}\n" + hosts("w1: {roles: [a]}"),
        "4:47",
    ),
    (
        Check.OUTLIVES_AUTHORITY,
        "certificate_authorities: {default: {validity: 1y}}\n"
        + hosts("w1: {roles: [a], certificate: {validity: 2y}}"),
        "7:44",
    ),
    (Check.RENEW_BEFORE_CUT, "defaults: {certificate: {validity: 90d, renew_before: 60d}}", "4:55"),
    (Check.POLICY_FILE, policy("policies/gone.json"), "4:34"),
    (Check.POLICY_DOCUMENT, policy("{Version: 2012-10-18, Statement: " + STATEMENT + "}"), "4:44"),
    (Check.POLICY_DOCUMENT, policy("{Version: 2012-10-17}"), "4:31"),
    (Check.POLICY_DOCUMENT, statement("[]"), "4:67"),
    (Check.POLICY_DOCUMENT, statement("[a]"), "4:68"),
    (Check.POLICY_DOCUMENT, statement("{Effect: allow, Action: 's3:*', Resource: '*'}"), "4:76"),
    (Check.POLICY_DOCUMENT, statement("{Effect: [Allow], Action: 's3:*', Resource: '*'}"), "4:76"),
    (Check.POLICY_DOCUMENT, statement("{Action: 's3:*', Resource: '*'}"), "4:56"),
    (Check.POLICY_DOCUMENT, statement("{Effect: Allow, Resource: '*'}"), "4:67"),
    (
        Check.POLICY_DOCUMENT,
        statement("{Effect: Allow, Action: 's3:*', NotAction: 's3:*', Resource: '*'}"),
        "4:67",
    ),
    (
        Check.POLICY_DOCUMENT,
        statement("{Effect: Allow, Action: 's3:*', Resource: '*', Principal: '*'}"),
        "4:114",
    ),
    (Check.POLICY_DOCUMENT, statement("{Effect: Allow, Action: [s3], Resource: '*'}"), "4:92"),
    (Check.POLICY_DOCUMENT, statement("{Effect: Allow, Action: [], Resource: '*'}"), "4:91"),
    (Check.POLICY_DOCUMENT, statement("{Effect: Allow, Action: 's3:*', Resource: bucket}"), "4:109"),
    (Check.POLICY_DOCUMENT, statement("{Sid: a-b, Effect: Allow, Action: 's3:*', Resource: '*'}"), "4:73"),
    (
        Check.POLICY_DOCUMENT,
        statement(
            "[{Sid: a, Effect: Deny, Action: '*', Resource: '*'}, {Sid: a, Effect: Deny, Action: '*', Resource: '*'}]"
        ),
        "4:126",
    ),
    (
        Check.POLICY_DOCUMENT,
        statement("{Effect: Allow, Action: 's3:*', Resource: '*', Condition: x}"),
        "4:125",
    ),
    (
        Check.POLICY_DOCUMENT,
        statement("{Effect: Allow, Action: 's3:*', Resource: '*', Condition: {Bool: x}}"),
        "4:132",
    ),
    (
        Check.POLICY_DOCUMENT,
        statement("{Effect: Allow, Action: 's3:*', Resource: '*', Condition: {Bool: {k: {a: b}}}}"),
        "4:136",
    ),
    (Check.POLICY_CHARACTERS, policy("{Version: 2012-10-17, Id: ☃, Statement: " + STATEMENT + "}"), "4:60"),
    (
        Check.POLICY_NAME,
        "roles: {r: {inline_policies: {a b: {Version: 2012-10-17, Statement: " + STATEMENT + "}}}}",
        "4:31",
    ),
    (Check.POLICY_VERSION, policy("{Statement: " + STATEMENT + "}"), "4:31"),
    (
        Check.MANAGED_POLICIES,
        f"limits: {{managed_policies: 1}}\nroles: {{r: {{policies: [{ARN}, {ARN}B]}}}}",
        "5:23",
    ),
    (
        Check.INLINE_POLICIES,
        policy("{Version: 2012-10-17, Id: " + "x" * 10_240 + ", Statement: " + STATEMENT + "}"),
        "4:13",
    ),
    (
        Check.SESSION_POLICY,
        "roles: {r: {session_policy: {Version: 2012-10-17, Id: "
        + "x" * 2_048
        + ", Statement: "
        + STATEMENT
        + "}}}",
        "4:13",
    ),
    (
        Check.TRUST_POLICY,
        hosts(*(f"host-{i:02}: {{roles: [a], identity: {'i' * 50}{i}}}" for i in range(40))),
        "4:9",
    ),
    (Check.ROLES, "limits: {profiles: 1}\nroles: {a: {}, b: {}}", "5:1"),
    (Check.AUTHORITIES, "limits: {trust_anchors: 1}\ncertificate_authorities: {default: {}, b: {}}", "5:1"),
    (Check.UNUSED_SETTING, hosts("w1: {roles: [a], delivery: [secretsmanager], sops: w.yaml}"), "6:54"),
    (Check.UNUSED_SETTING, hosts("w1: {roles: [a], age: w.age}"), "6:25"),
    (Check.UNUSED_SETTING, hosts(f"w1: {{roles: [a], age_recipients: [{RECIPIENT}]}}"), "6:36"),
    (Check.CSR, hosts("w1: {roles: [a], csr: none.pem}"), "6:25"),
    (
        Check.RECIPIENT,
        f"defaults: {{age_recipients: [{RECIPIENT}, age1qqqq]}}",
        f"4:{29 + len(RECIPIENT) + 2}",
    ),
    (
        Check.RECIPIENT,
        hosts(f"w1: {{roles: [a], delivery: [age], age_recipients: [{RECIPIENT[:-1]}q]}}"),
        "6:54",
    ),
    (Check.NO_RECIPIENTS, hosts("w1: {roles: [a], delivery: [age]}"), "6:30"),
    (
        Check.PATH_TAKEN,
        hosts(
            f"w1: {{roles: [a], delivery: [age], age_recipients: [{RECIPIENT}], age: w.age}}",
            f"w2: {{roles: [a], delivery: [age], age_recipients: [{RECIPIENT}], age: W.age}}",
        ),
        f"7:{54 + len(RECIPIENT) + 8}",
    ),
    (
        Check.UNITS,
        "roles: {" + ", ".join(f"{'r' * 30}{i}: {{bind: certificate}}" for i in range(8)) + "}\n"
        "hosts: {w1: {default_role: "
        + "r" * 30
        + "0, roles: ["
        + ", ".join("r" * 30 + str(i) for i in range(8))
        + "]}}",
        "5:68",
    ),
    *CLUSTER_CASES,
]


@pytest.mark.parametrize(
    ("check", "text", "place"), CASES, ids=[f"{c.name}-{i}" for i, (c, *_) in enumerate(CASES)]
)
def test_a_check_says_what_and_where(problems: Problems, check: Check, text: str | bytes, place: str) -> None:
    found = problems(text)
    assert [(each.id, f"{each.line}:{each.column}") for each in found] == [(check.code, place)]
    assert found[0].what
    assert found[0].fix
    assert found[0].severity == ("warning" if "(warning)" in check.title else "error")


def test_every_check_has_a_case() -> None:
    # No text alone fails these: their tests are below, in test_source.py, in test_hosts.py and in test_clusters.py.
    elsewhere = {
        Check.UNREADABLE,
        Check.SLOW_PARSER,
        Check.CSR_KEY_TAKEN,
        Check.CA_CERTIFICATE,
        Check.CA_KEY_TAKEN,
    }
    assert {check for check, *_ in CASES} == set(Check) - elsewhere


def test_ids_are_unique_and_in_the_range_of_the_file() -> None:
    assert len({check.code for check in Check}) == len(Check)
    assert all(re.fullmatch("IRA11[0-9]{2}", check.code) for check in Check)


def fixes(found: list[Diagnostic]) -> list[str]:
    return [each.fix for each in found]


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("roels: {}", "Did you mean `roles`?"),
        ("authorities: {}", "Did you mean `certificate_authorities`?"),
        ("roles: {r: {polices: []}}", "Did you mean `policies`?"),
        (hosts("w1: {role: [a], roles: [a]}"), "Did you mean `roles`?"),
        (hosts("w1: {roles: [a], cn: x}"), "Did you mean `identity`?"),
        ("defaults: {certificate: {renew-before: 3d}}", "Did you mean `renew_before`?"),
        (hosts("w1: {roles: [reader]}", before="roles: {readers: {}}"), "Did you mean `readers`?"),
        (hosts("w1: {roles: [a], ca: defualt}"), "Did you mean `default`?"),
        (
            hosts("w1: {roles: [a], ca: zebra}"),
            "Add `zebra` to `certificate_authorities`, or name another one.",
        ),
        (whole(region="us-est-1"), "Did you mean `us-east-1`?"),
        (whole(region="ap-southeast2"), "Did you mean `ap-southeast-2`?"),
        ("account_id: 1234-5678-9012", 'Write "123456789012".'),
        ("defaults: {certificate: {validity: 90}}", "Write 90d if that is what you mean."),
        ("defaults: {session_duration: 90}", "Write 90m if that is what you mean."),
        ("roles: {r: {protect: on}}", "Write true."),
        ("roles: {r: {protect: no}}", "Write false."),
        ("roles: {r: {protect: 'false'}}", "Remove the quotes."),
        ("roles: {web_1: {}}", "Write `web-1`, for example."),
        (statement("{Effct: Allow, Effect: Allow, Action: 's3:*', Resource: '*'}"), "Did you mean `Effect`?"),
        (f"roles: {{r: {{policies: {ARN}}}}}", f"Write it in brackets: [{ARN}]"),
    ],
)
def test_fixes_name_what_was_meant(problems: Problems, text: str, fix: str) -> None:
    assert fixes(problems(text)) == [fix]


def test_a_trust_policy_over_its_limit_is_said_with_figures(problems: Problems) -> None:
    lines = [f"host-{i:03}: {{roles: [a]}}" for i in range(200)]
    (problem,) = problems(hosts(*lines))
    assert re.search("would have 2,[0-9]{3} characters, 2,048 are allowed", problem.what)
    assert problem.why == "It names the 200 identities that may take the role, 8 characters each on average."
    assert "raised to 4,096 and set `limits.trust_policy_size: 4096`" in problem.fix
    assert problems("limits: {trust_policy_size: 4096}\n" + hosts(*lines)) == []


def test_a_trust_policy_beyond_every_limit_offers_no_quota(problems: Problems) -> None:
    (problem,) = problems(hosts(*(f"host-{i:04}: {{roles: [a]}}" for i in range(1_000))))
    assert "limits.trust_policy_size" not in problem.fix
    assert "beyond 8,192" in problem.fix


def test_about_a_hundred_names_fit_the_default_limit(problems: Problems) -> None:
    assert problems(hosts(*(f"h{i:012}: {{roles: [a]}}" for i in range(95)))) == []


def test_a_wrong_entry_hides_no_problem_of_another_or_its_own(problems: Problems) -> None:
    text = hosts(
        "w1: {roles: [x], typo: 1, identity: 'a b', ca: nowhere}",
        "w2: {ca: elsewhere}",
        "w3: {roles: text, sops: /x, delivery: [pigeon]}",
    )
    assert [each.id for each in problems(text)] == [
        *("IRA1160", "IRA1120", "IRA1138", "IRA1161"),
        *("IRA1121", "IRA1161"),
        *("IRA1122", "IRA1147", "IRA1127"),
    ]


def test_what_is_wrong_at_an_anchor_is_said_once(problems: Problems) -> None:
    lines = ["w0: &w {roles: [a], protect: yes}", *(f"w{i}: *w" for i in range(1, 50))]
    assert [each.id for each in problems(hosts(*lines))] == ["IRA1124"]


def test_problems_of_policy_files_have_their_own_places(problems: Problems, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(
        '{"Version": "2012-10-17",\n "Statement": {"Effect": "Alow", "Action": "*", "Resource": "*"}}'
    )
    (tmp_path / "q.yaml").write_text("Version: [\n")
    (tmp_path / "big.yaml").write_text("#" * 131_073)
    (tmp_path / "dir.json").mkdir()
    found = problems(
        "roles:\n  r: {inline_policies: {a: p.json, b: q.yaml, c: big.yaml, d: dir.json}}\n  s: {session_policy: p.json}\n"
    )
    places = [(each.id, each.file.rpartition("/")[2], each.line, each.column) for each in found]
    assert places == [
        ("IRA1180", "iam-ra.yaml", 5, 63),
        ("IRA1101", "big.yaml", 1, 1),
        ("IRA1181", "p.json", 2, 26),
        ("IRA1103", "q.yaml", 2, 1),
    ]


def test_functions_in_a_policy_hide_no_other_problem_of_it(problems: Problems) -> None:
    text = statement("[{Effect: Alow, Action: {Ref: a}, Resource: {'Fn::Sub': b}}, {'Fn::If': [c, d, e]}]")
    assert [each.id for each in problems(text)] == ["IRA1181", "IRA1185", "IRA1185", "IRA1185"]


def test_conditions_of_iam_are_no_functions_of_templates(problems: Problems) -> None:
    condition = (
        "{StringLike: {'aws:PrincipalTag/Ref': 'Fn::Sub', 's3:prefix': ['{resolve:x}', '${aws:username}']}}"
    )
    assert problems(statement(f"{{Effect: Allow, Action: '*', Resource: '*', Condition: {condition}}}")) == []


def test_references_in_policy_files_are_said_there(problems: Problems, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(
        '{"Version": "2012-10-17",\n "Statement": {"Effect": "Allow", "Action": "*",\n'
        f' "Resource": "arn:aws:s3:::{SECRET}"}}}}'
    )
    (problem,) = problems("roles: {r: {inline_policies: {a: p.json}, session_policy: p.json}}")
    assert (problem.id, Path(problem.file).name, problem.line, problem.column) == ("IRA1152", "p.json", 3, 14)
    assert problem.path == "Statement.Resource"
    assert "secret" in problem.why


def test_tags_have_no_room_for_references(problems: Problems) -> None:
    found = problems(f"roles: {{r: {{tags: {{a: '{SECRET}'}}}}}}")
    assert [each.id for each in found] == ["IRA1144"]


def test_a_sops_file_must_not_replace_a_policy(problems: Problems, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(f"Version: 2012-10-17\nStatement: {STATEMENT}\n")
    roles = "roles: {a: {inline_policies: {p: p.yaml}}}"
    (problem,) = problems(hosts("w1: {roles: [a], sops: P.yaml}", before=roles))
    assert (problem.id, problem.what) == ("IRA1148", "`P.yaml` is the file of a policy")


def test_a_file_of_another_name_is_no_place_for_secrets_either(tmp_path: Path) -> None:
    text = hosts("w1: {roles: [a], sops: other.yaml}", "w2: {roles: [a], sops: iam-ra.yaml}")
    (tmp_path / "other.yaml").write_text(whole() + text)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "other.yaml")
    assert [each.what for each in caught.value.diagnostics] == [
        "`other.yaml` is this file",
        "`iam-ra.yaml` is where iam-ra looks for its file",
    ]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path, said in ((tmp_path / "gone.yaml", "no such file"), (tmp_path, "is a directory")):
        with pytest.raises(ConfigError) as caught:
            load(path)
        assert caught.value.diagnostics[0].id == "IRA1101"
        assert said in caught.value.diagnostics[0].what


def test_a_warning_stops_nothing(load_text: Callable[[str], Loaded]) -> None:
    loaded = load_text(whole(region="xx-south-9"))
    assert loaded.namespace.region == "xx-south-9"
    assert [each.id for each in loaded.warnings] == ["IRA1151"]


def test_no_text_of_the_file_can_steer_the_terminal(problems: Problems) -> None:
    for text in ('roles: {"a\\e[31m": {}}', 'roles: {r: {"\\e]0;x\\a": 1}}', "roles: {r: {tags: {a: \x1b}}}"):
        for each in problems(text):
            assert "\x1b" not in each.render()
            assert "\a" not in each.render()
