"""AWS::RolesAnywhere::TrustAnchor, ::Profile and ::CRL. Everything changes in place."""

from __future__ import annotations

from typing import Any

from iam_ra.sandbox.cloudformation.resources.base import Handler, HandlerError, Made, Request, pairs
from iam_ra.sandbox.cloudformation.schema import Schema, array, boolean, integer, string, structure, tags

NAME = string(minLength=1, maxLength=255, pattern="^[ a-zA-Z0-9-_]*$")
TAGS = tags(maxItems=200)
NOTIFICATION: Schema = structure(
    {
        "Channel": string(enum=["ALL"]),
        "Enabled": boolean(),
        "Event": string(enum=["CA_CERTIFICATE_EXPIRY", "END_ENTITY_CERTIFICATE_EXPIRY"]),
        "Threshold": integer(1, 360),
    },
    "Enabled",
    "Event",
)
MAPPING: Schema = structure(
    {
        "CertificateField": string(enum=["x509Subject", "x509Issuer", "x509SAN"]),
        "MappingRules": array(structure({"Specifier": string()}, "Specifier")),
    },
    "CertificateField",
    "MappingRules",
)


class TrustAnchor(Handler):
    """A certificate authority that Roles Anywhere trusts."""

    type = "AWS::RolesAnywhere::TrustAnchor"
    attributes = frozenset({"TrustAnchorArn", "TrustAnchorId"})
    schema = structure(
        {
            "Enabled": boolean(),
            "Name": NAME,
            "NotificationSettings": array(NOTIFICATION, maxItems=50),
            "Source": structure(
                {
                    "SourceType": string(enum=["AWS_ACM_PCA", "CERTIFICATE_BUNDLE"]),
                    "SourceData": structure({"X509CertificateData": string(), "AcmPcaArn": string()}),
                },
                "SourceType",
                "SourceData",
            ),
            "Tags": TAGS,
        },
        "Name",
        "Source",
    )

    def create(self, request: Request) -> Made:
        """Create the anchor."""
        wanted = request.properties
        settings = (
            {"notificationSettings": _notifications(wanted)} if "NotificationSettings" in wanted else {}
        )
        made = request.client("rolesanywhere").create_trust_anchor(
            name=wanted["Name"],
            source=_source(wanted),
            **_enabled(wanted),
            tags=pairs(request.tags, "key", "value"),
            **settings,
        )["trustAnchor"]
        arn, anchor_id = made["trustAnchorArn"], made["trustAnchorId"]
        return Made(anchor_id, {"TrustAnchorArn": arn, "TrustAnchorId": anchor_id})

    def update(self, request: Request) -> Made:
        """Set name, source, state, notifications and tags."""
        client = request.client("rolesanywhere")
        wanted, anchor_id = request.properties, request.physical_id
        client.update_trust_anchor(trustAnchorId=anchor_id, name=wanted["Name"], source=_source(wanted))
        if "Enabled" in wanted:
            switch = client.enable_trust_anchor if wanted["Enabled"] else client.disable_trust_anchor
            switch(trustAnchorId=anchor_id)
        settings = _notifications(wanted)
        kept = {(setting["event"], setting.get("channel", "ALL")) for setting in settings}
        removed = [
            {"event": setting["event"], "channel": setting.get("channel", "ALL")}
            for setting in _notifications(request.previous)
            if (setting["event"], setting.get("channel", "ALL")) not in kept
        ]
        if settings:
            client.put_notification_settings(trustAnchorId=anchor_id, notificationSettings=settings)
        if removed:
            client.reset_notification_settings(trustAnchorId=anchor_id, notificationSettingKeys=removed)
        _retag(request, request.attributes["TrustAnchorArn"])
        return Made(anchor_id, request.attributes)

    def delete(self, request: Request) -> None:
        """Delete the anchor."""
        request.client("rolesanywhere").delete_trust_anchor(trustAnchorId=request.physical_id)


class Profile(Handler):
    """The roles that certificates may take, and the sessions they get."""

    type = "AWS::RolesAnywhere::Profile"
    create_only = frozenset({"RequireInstanceProperties"})
    attributes = frozenset({"ProfileArn", "ProfileId"})
    schema = structure(
        {
            "AcceptRoleSessionName": boolean(),
            "AttributeMappings": array(MAPPING),
            "DurationSeconds": integer(900, 43200),
            "Enabled": boolean(),
            "ManagedPolicyArns": array(string(), maxItems=50),
            "Name": NAME,
            "RequireInstanceProperties": boolean(),
            "RoleArns": array(
                string(minLength=1, maxLength=1011, pattern="^arn:aws(-[^:]+)?:iam(:.*){2}(:role.*)$"),
                maxItems=250,
            ),
            "SessionPolicy": string(),
            "Tags": TAGS,
        },
        "Name",
        "RoleArns",
    )

    def create(self, request: Request) -> Made:
        """Create the profile and put its attribute mappings."""
        client = request.client("rolesanywhere")
        wanted = request.properties
        settings = _profile(wanted)
        if "RequireInstanceProperties" in wanted:
            settings["requireInstanceProperties"] = wanted["RequireInstanceProperties"]
        made = client.create_profile(
            **settings, **_enabled(wanted), tags=pairs(request.tags, "key", "value")
        )["profile"]
        arn, profile_id = made["profileArn"], made["profileId"]
        request.announce(profile_id)
        self._map(request, profile_id)
        return Made(profile_id, {"ProfileArn": arn, "ProfileId": profile_id})

    def update(self, request: Request) -> Made:
        """Set everything; what the template no longer says is emptied."""
        client = request.client("rolesanywhere")
        wanted, profile_id = request.properties, request.physical_id
        settings = _profile(wanted)
        if "ManagedPolicyArns" in request.previous:
            settings.setdefault("managedPolicyArns", [])
        if "SessionPolicy" not in wanted and client.get_profile(profileId=profile_id)["profile"].get(
            "sessionPolicy"
        ):
            # The API has no value for "none"; what AWS's handler does then is not documented, so it is refused here.
            raise HandlerError(
                "NotUpdatable", "A SessionPolicy cannot be removed from a profile, only replaced."
            )
        if "AcceptRoleSessionName" in request.previous:
            settings.setdefault("acceptRoleSessionName", False)
        client.update_profile(profileId=profile_id, **settings)
        if "Enabled" in wanted:
            switch = client.enable_profile if wanted["Enabled"] else client.disable_profile
            switch(profileId=profile_id)
        self._map(request, profile_id)
        _retag(request, request.attributes["ProfileArn"])
        return Made(profile_id, request.attributes)

    def delete(self, request: Request) -> None:
        """Delete the profile."""
        request.client("rolesanywhere").delete_profile(profileId=request.physical_id)

    @staticmethod
    def _map(request: Request, profile_id: str) -> None:
        # Putting adds rules to those that a field has: the field is cleared first.
        client = request.client("rolesanywhere")
        wanted = request.properties.get("AttributeMappings", [])
        before = request.previous.get("AttributeMappings", [])
        for field in {each["CertificateField"]: None for each in [*before, *wanted]}:
            client.delete_attribute_mapping(profileId=profile_id, certificateField=field)
        for each in wanted:
            rules = [{"specifier": rule["Specifier"]} for rule in each["MappingRules"]]
            client.put_attribute_mapping(
                profileId=profile_id, certificateField=each["CertificateField"], mappingRules=rules
            )


class Crl(Handler):
    """A revocation list of a trust anchor."""

    type = "AWS::RolesAnywhere::CRL"
    attributes = frozenset({"CrlId"})
    schema = structure(
        {
            "CrlData": string(),
            "Enabled": boolean(),
            "Name": string(),
            "Tags": TAGS,
            "TrustAnchorArn": string(pattern="^arn:aws(-[^:]+)?:rolesanywhere(:.*){2}(:trust-anchor.*)$"),
        },
        "Name",
        "CrlData",
    )

    def create(self, request: Request) -> Made:
        """Import the list."""
        wanted = request.properties
        if "TrustAnchorArn" not in wanted:
            raise HandlerError("InvalidRequest", "TrustAnchorArn is required to import a CRL.")
        made = request.client("rolesanywhere").import_crl(
            name=wanted["Name"],
            crlData=wanted["CrlData"].rstrip().encode(),
            **_enabled(wanted),
            trustAnchorArn=wanted["TrustAnchorArn"],
            tags=pairs(request.tags, "key", "value"),
        )["crl"]
        return Made(made["crlId"], {"CrlId": made["crlId"]})

    def update(self, request: Request) -> Made:
        """Set name, list, state and tags. The service cannot move a list to another anchor."""
        client = request.client("rolesanywhere")
        wanted, crl_id = request.properties, request.physical_id
        anchor = client.get_crl(crlId=crl_id)["crl"]["trustAnchorArn"]
        if wanted.get("TrustAnchorArn") != anchor:
            raise HandlerError("NotUpdatable", "The TrustAnchorArn of a CRL cannot be updated.")
        made = client.update_crl(
            crlId=crl_id, name=wanted["Name"], crlData=wanted["CrlData"].rstrip().encode()
        )
        if "Enabled" in wanted:
            (client.enable_crl if wanted["Enabled"] else client.disable_crl)(crlId=crl_id)
        _retag(request, made["crl"]["crlArn"])
        return Made(crl_id, request.attributes)

    def delete(self, request: Request) -> None:
        """Delete the list."""
        request.client("rolesanywhere").delete_crl(crlId=request.physical_id)


def _enabled(properties: dict[str, Any]) -> dict[str, bool]:
    return {"enabled": properties["Enabled"]} if "Enabled" in properties else {}


def _source(properties: dict[str, Any]) -> dict[str, Any]:
    source = properties["Source"]
    names = {"X509CertificateData": "x509CertificateData", "AcmPcaArn": "acmPcaArn"}
    data = {names[key]: value.rstrip() for key, value in source["SourceData"].items()}
    return {"sourceType": source["SourceType"], "sourceData": data}


def _notifications(properties: dict[str, Any]) -> list[dict[str, Any]]:
    settings = properties.get("NotificationSettings", [])
    return [{key[0].lower() + key[1:]: value for key, value in setting.items()} for setting in settings]


def _profile(properties: dict[str, Any]) -> dict[str, Any]:
    names = {
        "AcceptRoleSessionName": "acceptRoleSessionName",
        "DurationSeconds": "durationSeconds",
        "ManagedPolicyArns": "managedPolicyArns",
        "Name": "name",
        "RoleArns": "roleArns",
        "SessionPolicy": "sessionPolicy",
    }
    return {names[key]: value for key, value in properties.items() if key in names}


def _retag(request: Request, arn: str) -> None:
    client = request.client("rolesanywhere")
    if request.removed_tags:
        client.untag_resource(resourceArn=arn, tagKeys=request.removed_tags)
    if request.tags:
        client.tag_resource(resourceArn=arn, tags=pairs(request.tags, "key", "value"))
