from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

P = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "v"}}


def _with(value: Any) -> dict[str, Any]:
    return {
        "Resources": {"A": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": value}}}
    }


REFUSED = {
    "no JSON": ('{"Resources": ', "Template format error: JSON not well-formed. (line 1, column 15)"),
    "no YAML": ("a: [", "Template format error: YAML not well-formed."),
    "no mapping": ("just text", "Template format error: unsupported structure."),
    "nothing": ({"Resources": {}}, "Template format error: At least one Resources member must be defined."),
    "unknown section": ({"Resources": {"A": P}, "Foo": 1}, "Invalid template property or properties [Foo]"),
    "version": ({"Resources": {"A": P}, "AWSTemplateFormatVersion": "2011"}, "2011 is not a supported value"),
    "description": (
        {"Resources": {"A": P}, "Description": "x" * 1025},
        "'Description' length is greater than 1024.",
    ),
    "no type": (
        {"Resources": {"A": {}}},
        "Template format error: [/Resources/A] Every Resources object must contain a Type member.",
    ),
    "types": (
        {"Resources": {"A": {"Type": "AWS::No::Such"}, "B": {"Type": "X"}}},
        "Template format error: Unrecognized resource types: [AWS::No::Such, X]",
    ),
    "logical id": (
        {"Resources": {"a-b": P}},
        "Template format error: Resource name a-b is non alphanumeric.",
    ),
    "resource key": ({"Resources": {"A": P | {"Foo": 1}}}, "Invalid template resource property 'Foo'"),
    "ref": (
        _with({"Ref": "Gone"}),
        "Template format error: Unresolved resource dependencies [Gone] in the Resources block of the template",
    ),
    "sub": (_with({"Fn::Sub": "${Gone.Arn}"}), "Unresolved resource dependencies [Gone]"),
    "depends on": (
        {"Resources": {"A": P | {"DependsOn": ["Gone"]}}},
        "Unresolved resource dependencies [Gone]",
    ),
    "output": (
        {"Resources": {"A": P}, "Outputs": {"O": {"Value": {"Ref": "Gone"}}}},
        "Template format error: Unresolved resource dependencies [Gone] in the Outputs block of the template",
    ),
    "attribute": (
        {"Resources": {"A": P}, "Outputs": {"O": {"Value": {"Fn::GetAtt": ["A", "Nope"]}}}},
        "Template error: resource A does not support attribute type Nope in Fn::GetAtt",
    ),
    "circle": (
        {"Resources": {"A": P | {"DependsOn": "B"}, "B": P | {"DependsOn": "A"}}},
        "Circular dependency between resources: [A, B]",
    ),
    "self": (_with({"Ref": "A"}), "Circular dependency between resources: [A]"),
    "resources": (
        {"Resources": {f"A{n}": P for n in range(501)}},
        "Template format error: Number of resources, 501, is greater than maximum allowed, 500",
    ),
    "outputs": (
        {"Resources": {"A": P}, "Outputs": {f"O{n}": {"Value": "v"} for n in range(201)}},
        "Template format error: Number of outputs, 201, is greater than maximum allowed, 200",
    ),
    "policy": ({"Resources": {"A": P | {"DeletionPolicy": "Keep"}}}, "Unrecognized DeletionPolicy Keep"),
    "snapshot": (
        {"Resources": {"A": P | {"DeletionPolicy": "Snapshot"}}},
        "does not support DeletionPolicy 'Snapshot'",
    ),
    "get att": (_with({"Fn::GetAtt": "A"}), "every Fn::GetAtt object requires two non-empty parameters"),
    "bad sub": (_with({"Fn::Sub": [1]}), "Fn::Sub"),
    "bad join": (_with({"Fn::Join": "x"}), "every Fn::Join object requires two parameters"),
    "bad ref": (_with({"Ref": ["A"]}), "every Ref object must have a single String value."),
}
NOT_OFFERED = {
    "Parameters": {"Resources": {"A": P}, "Parameters": {"X": {"Type": "String"}}},
    "Conditions": {"Resources": {"A": P}, "Conditions": {}},
    "Mappings": {"Resources": {"A": P}, "Mappings": {}},
    "Transform": {"Resources": {"A": P}, "Transform": "AWS::Serverless-2016-10-31"},
    "Custom::Thing": {"Resources": {"A": {"Type": "Custom::Thing"}}},
    "AWS::CloudFormation::CustomResource": {
        "Resources": {"A": {"Type": "AWS::CloudFormation::CustomResource"}}
    },
    "Fn::If": _with({"Fn::If": ["c", "a", "b"]}),
    "Fn::ImportValue": _with({"Fn::ImportValue": "x"}),
    "Condition": {"Resources": {"A": P | {"Condition": "c"}}},
    "CreationPolicy": {"Resources": {"A": P | {"CreationPolicy": {}}}},
    "Export": {"Resources": {"A": P}, "Outputs": {"O": {"Value": "v", "Export": {"Name": "n"}}}},
}


def _refusal(stacks: Any, template: Any, call: str) -> str:
    body = template if isinstance(template, str) else json.dumps(template)
    arguments = {"TemplateBody": body} | ({"StackName": "s"} if call == "create_stack" else {})
    with pytest.raises(ClientError) as error:
        getattr(stacks.client, call)(**arguments)
    assert error.value.response["Error"]["Code"] == "ValidationError"
    return str(error.value.response["Error"]["Message"])


@pytest.mark.conforms(
    "CloudFormation: Malformed templates are refused before anything is made.",
    source="AWS CloudFormation API Reference: ValidateTemplate",
)
@pytest.mark.parametrize("case", REFUSED)
def test_what_aws_refuses(stacks: Any, case: str) -> None:
    template, message = REFUSED[case]
    if case not in {"resources", "outputs"}:
        assert message in _refusal(stacks, template, "create_stack")
        assert stacks.client.list_stacks()["StackSummaries"] == []
    assert message in _refusal(stacks, template, "validate_template")


@pytest.mark.conforms(
    "CloudFormation: Parameters, conditions, custom resources and the like in a template are refused by name.",
    source="The sandbox's own limit",
)
@pytest.mark.parametrize("what", NOT_OFFERED)
def test_what_the_sandbox_does_not_offer_is_named(stacks: Any, what: str) -> None:
    message = _refusal(stacks, NOT_OFFERED[what], "create_stack")
    assert message.startswith("The iam-ra sandbox does not offer ")
    assert what in message


YAML = """
# kept as it is
AWSTemplateFormatVersion: 2010-09-09
Description: short tags
Resources:
  A:
    Type: AWS::SSM::Parameter
    Properties:
      Name: !Sub /${AWS::StackName}/a
      Type: String
      Value: !Join [",", [!Ref AWS::Region, !Ref "AWS::AccountId", '${!kept}', 2012-10-17]]
  B:
    Type: AWS::SSM::Parameter
    DependsOn: A
    Properties:
      Name: /b
      Type: String
      Description: !Ref AWS::NoValue
      Value: !Sub ["${who}-${A.Value}-${!literal}", {who: !GetAtt A.Type}]
Outputs:
  B: {Value: !GetAtt B.Value}
  Id: {Value: !Ref AWS::StackId}
  Suffix: {Value: !Sub "${AWS::Partition}.${AWS::URLSuffix}"}
"""


@pytest.mark.conforms(
    "CloudFormation: Templates may be YAML with short tags.",
    source="AWS CloudFormation User Guide: Intrinsic function reference",
)
def test_yaml_with_short_tags(stacks: Any, aws: Any) -> None:
    done = stacks.create("s", YAML)
    outputs = {each["OutputKey"]: each["OutputValue"] for each in done["Outputs"]}
    value = "us-east-1,123456789012,${!kept},2012-10-17"
    assert aws("ssm").get_parameter(Name="/s/a")["Parameter"]["Value"] == value
    assert outputs == {
        "B": f"String-{value}-${{literal}}",
        "Id": done["StackId"],
        "Suffix": "aws.amazonaws.com",
    }
    assert stacks.client.get_template(StackName="s")["TemplateBody"] == YAML
    with pytest.raises(ClientError, match="No updates are to be performed"):
        stacks.update("s", YAML.replace("# kept", "# changed"))


@pytest.mark.conforms(
    "CloudFormation: A template is validated and summed up.",
    source="AWS CloudFormation API Reference: GetTemplateSummary",
)
def test_validation_and_summary(stacks: Any) -> None:
    assert stacks.client.validate_template(TemplateBody=YAML)["Description"] == "short tags"
    summary = stacks.client.get_template_summary(TemplateBody=YAML)
    assert summary["ResourceTypes"] == ["AWS::SSM::Parameter"]


@pytest.mark.conforms(
    "CloudFormation: A misspelt or mistyped property fails its resource.",
    source="CloudFormation resource schemas, as cfn-lint ships them",
)
@pytest.mark.parametrize(
    ("properties", "messages"),
    [
        ({"Type": "String", "Value": "v", "Foo": 1}, ["#: extraneous key [Foo] is not permitted"]),
        ({"Type": "String"}, ["#: required key [Value] not found"]),
        ({"Type": "Secure", "Value": "v"}, ["#/Type: Secure is not a valid enum value"]),
        ({"Type": "String", "Value": ["v"]}, ["#/Value: expected type: String, found: JSONArray"]),
        (
            {"Type": "String", "Value": "v", "Policies": "x"},
            ["the iam-ra sandbox does not offer the key [Policies]"],
        ),
        (
            {"Value": "v", "Foo": 1, "Bar": 2},
            ["#: required key [Type] not found", "#: extraneous key [Foo]", "#: extraneous key [Bar]"],
        ),
    ],
)
def test_wrong_properties_fail_the_resource(stacks: Any, properties: Any, messages: list[str]) -> None:
    done = stacks.create("s", {"Resources": {"A": {"Type": "AWS::SSM::Parameter", "Properties": properties}}})
    assert done["StackStatus"] == "ROLLBACK_COMPLETE"
    reason = stacks.reasons("s", "CREATE_FAILED")["A"]
    assert reason.startswith("Properties validation failed for resource A with message:\n#")
    assert all(message in reason for message in messages)


@pytest.mark.conforms(
    "CloudFormation: A wrong property fails an update and leaves the resource as it was.",
    source="CloudFormation resource schemas, as cfn-lint ships them",
)
def test_wrong_properties_fail_an_update_and_leave_the_resource(stacks: Any, aws: Any) -> None:
    stacks.create("s", {"Resources": {"A": P | {"Properties": P["Properties"] | {"Name": "/a"}}}})  # type: ignore[operator]
    wrong = {"Type": "String", "Value": "w", "Name": "/a", "Foo": 1}
    done = stacks.update("s", {"Resources": {"A": {"Type": "AWS::SSM::Parameter", "Properties": wrong}}})
    assert done["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "extraneous key [Foo]" in stacks.reasons("s", "UPDATE_FAILED")["A"]
    assert aws("ssm").get_parameter(Name="/a")["Parameter"]["Value"] == "v"
