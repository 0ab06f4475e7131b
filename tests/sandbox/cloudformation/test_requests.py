from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError


def _refusal(call: Any, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call(**arguments)
    details = error.value.response["Error"]
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return details["Code"], details["Message"]


@pytest.mark.conforms(
    "CloudFormation: Stack names have letters, digits and hyphens and begin with a letter.",
    source="AWS CloudFormation API Reference: CreateStack",
)
@pytest.mark.parametrize("name", ["1abc", "a_b", "ab!", "-a"])
def test_names_outside_the_alphabet(stacks: Any, parameter: Any, template: Any, name: str) -> None:
    assert _refusal(stacks.begin, name=name, template=template(A=parameter())) == (
        "ValidationError",
        f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*",
    )


@pytest.mark.conforms(
    "CloudFormation: Stack names have at most 128 characters.",
    source="AWS CloudFormation API Reference: CreateStack",
)
def test_name_length(stacks: Any, parameter: Any, template: Any) -> None:
    _, message = _refusal(stacks.begin, name="a" * 129, template=template(A=parameter()))
    assert message.endswith("Member must have length less than or equal to 128")
    assert stacks.create("a" * 128, template(A=parameter()))["StackStatus"] == "CREATE_COMPLETE"


@pytest.mark.conforms(
    "CloudFormation: A name is taken once: AlreadyExistsException.",
    source="AWS CloudFormation API Reference: CreateStack",
)
def test_a_name_is_taken_once(stacks: Any, parameter: Any, template: Any) -> None:
    stacks.create("s", template(A=parameter()))
    assert _refusal(stacks.begin, name="s", template=template(A=parameter())) == (
        "AlreadyExistsException",
        "Stack [s] already exists",
    )


@pytest.mark.conforms(
    "CloudFormation: A client request token makes a request idempotent.",
    source="AWS CloudFormation API Reference: CreateStack",
)
def test_token_makes_requests_idempotent(stacks: Any, parameter: Any, template: Any) -> None:
    body = template(A=parameter())
    first = stacks.begin("s", body, ClientRequestToken="t-1")
    assert stacks.begin("s", body, ClientRequestToken="t-1") == first
    stacks.settled(first)
    assert stacks.begin("s", body, ClientRequestToken="t-1") == first
    code, _ = _refusal(
        stacks.begin, name="s", template=template(A=parameter("two")), ClientRequestToken="t-1"
    )
    assert code == "TokenAlreadyExistsException"
    assert {event["ClientRequestToken"] for event in stacks.events("s")} == {"t-1"}
    changed = template(A=parameter("two"))
    assert stacks.update("s", changed, ClientRequestToken="t-2")["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.update("s", changed, ClientRequestToken="t-2")["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.steps("s", "s").count("UPDATE_COMPLETE") == 1


def test_a_refused_request_does_not_use_its_token_up(stacks: Any, parameter: Any, template: Any) -> None:
    body = template(A=parameter())
    stacks.create("s", body)
    for _ in range(2):
        _, message = _refusal(stacks.update, name="s", template=body, ClientRequestToken="t-1")
        assert message == "No updates are to be performed."


@pytest.mark.conforms(
    "CloudFormation: A client request token keeps to its alphabet.",
    source="botocore model: cloudformation ClientRequestToken",
)
def test_malformed_token(stacks: Any, parameter: Any, template: Any) -> None:
    _, message = _refusal(stacks.begin, name="s", template=template(A=parameter()), ClientRequestToken="a b")
    assert "'clientRequestToken'" in message


def _role(name: str = "") -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    properties: dict[str, Any] = {
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}
    }
    if name:
        properties["RoleName"] = name
    return {"Type": "AWS::IAM::Role", "Properties": properties}


@pytest.mark.conforms(
    "CloudFormation: IAM resources need CAPABILITY_IAM, named ones CAPABILITY_NAMED_IAM.",
    source="AWS CloudFormation API Reference: CreateStack",
)
def test_capabilities(stacks: Any, template: Any) -> None:
    named, generated = template(R=_role("r")), template(R=_role())
    for body, needed in ((named, "CAPABILITY_NAMED_IAM"), (generated, "CAPABILITY_IAM")):
        assert _refusal(stacks.begin, name="s", template=body, Capabilities=[]) == (
            "InsufficientCapabilitiesException",
            f"Requires capabilities : [{needed}]",
        )
        answer = stacks.client.validate_template(TemplateBody=json.dumps(body))
        assert answer["Capabilities"] == [needed]
    assert _refusal(stacks.begin, name="s", template=named, Capabilities=["CAPABILITY_IAM"])[0].startswith(
        "Insuff"
    )
    assert (
        stacks.create("s", generated, Capabilities=["CAPABILITY_NAMED_IAM"])["StackStatus"]
        == "CREATE_COMPLETE"
    )


@pytest.mark.conforms(
    "CloudFormation: Tags have limits and reserved prefixes.", source="AWS CloudFormation API Reference: Tag"
)
@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ([{"Key": f"k{n}", "Value": "v"} for n in range(51)], "less than or equal to 50"),
        ([{"Key": "aws:x", "Value": "v"}], "aws: prefixed tag key names are not allowed for external use."),
        ([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}], "Duplicate tag keys found: a."),
        ([{"Key": "k" * 129, "Value": "v"}], "'tags.1.member.key'"),
        ([{"Key": "k", "Value": "v" * 257}], "'tags.1.member.value'"),
    ],
)
def test_tags(stacks: Any, parameter: Any, template: Any, tags: list[Any], message: str) -> None:
    assert message in _refusal(stacks.begin, name="s", template=template(A=parameter()), Tags=tags)[1]


@pytest.mark.conforms(
    "CloudFormation: Templates have at most 51,200 bytes inline, more from S3.",
    source="AWS CloudFormation User Guide: Understand CloudFormation quotas",
)
def test_inline_limit_and_template_url(stacks: Any, aws: Any, parameter: Any, template: Any) -> None:
    body = template(A=parameter()) | {"Metadata": {"padding": "x" * 51_200}}
    text = json.dumps(body)
    _, message = _refusal(stacks.begin, name="s", template=body)
    assert message.endswith(
        "'templateBody' failed to satisfy constraint: Member must have length less than or equal to 51200"
    )
    aws("s3").create_bucket(Bucket="templates")
    aws("s3").put_object(Bucket="templates", Key="a/t.json", Body=text)
    for number, url in enumerate(
        (
            "https://templates.s3.us-east-1.amazonaws.com/a/t.json",
            "https://s3.amazonaws.com/templates/a/t.json",
            aws("s3").meta.endpoint_url + "/templates/a/t.json",
        )
    ):
        name = f"s{number}"
        made = stacks.client.create_stack(StackName=name, TemplateURL=url)
        stacks.settled(made["StackId"])
        assert stacks.client.get_template(StackName=name)["TemplateBody"] == body
    create = stacks.client.create_stack
    assert (
        "S3 error"
        in _refusal(create, StackName="t", TemplateURL="https://s3.amazonaws.com/templates/none")[1]
    )
    assert "supported URL" in _refusal(create, StackName="t", TemplateURL="https://example.com/")[1]
    aws("s3").put_object(Bucket="templates", Key="big", Body=b"x" * 1_048_577)
    assert (
        "1048576" in _refusal(create, StackName="t", TemplateURL="https://s3.amazonaws.com/templates/big")[1]
    )
    assert "Either Template URL or Template Body" in _refusal(create, StackName="t")[1]


@pytest.mark.conforms(
    "CloudFormation: Options that are not offered, such as parameters, are refused by name.",
    source="The sandbox's own limit",
)
def test_options_not_offered_are_refused_by_name(stacks: Any, parameter: Any, template: Any) -> None:
    options: dict[str, Any] = {
        "Parameters": [{"ParameterKey": "A", "ParameterValue": "b"}],
        "NotificationARNs": ["arn:aws:sns:us-east-1:123456789012:t"],
        "TimeoutInMinutes": 5,
        "StackPolicyBody": "{}",
        "RetainExceptOnCreate": True,
        "DeploymentConfig": {"Mode": "EXPRESS"},
    }
    for name, value in options.items():
        _, message = _refusal(stacks.begin, name="s", template=template(A=parameter()), **{name: value})
        assert message == f"The iam-ra sandbox does not offer the option {name}."


@pytest.mark.conforms(
    "CloudFormation: Operations that are not offered, such as change sets, are refused by name.",
    source="The sandbox's own limit",
)
def test_operations_not_offered_are_refused_by_name(stacks: Any) -> None:
    calls: dict[str, Any] = {
        "CreateChangeSet": lambda: stacks.client.create_change_set(
            StackName="s", ChangeSetName="c", TemplateBody="{}"
        ),
        "DetectStackDrift": lambda: stacks.client.detect_stack_drift(StackName="s"),
        "ListExports": stacks.client.list_exports,
        "CreateStackSet": lambda: stacks.client.create_stack_set(StackSetName="s"),
    }
    for name, call in calls.items():
        with pytest.raises(ClientError) as error:
            call()
        assert name in error.value.response["Error"]["Message"]
        assert "does not offer" in error.value.response["Error"]["Message"]


@pytest.mark.conforms(
    "CloudFormation: OnFailure and DisableRollback exclude each other.",
    source="AWS CloudFormation API Reference: CreateStack",
)
def test_on_failure_or_disable_rollback(stacks: Any, parameter: Any, template: Any) -> None:
    options = {"OnFailure": "DELETE", "DisableRollback": False}
    assert "OnFailure" in _refusal(stacks.begin, name="s", template=template(A=parameter()), **options)[1]


@pytest.mark.conforms(
    "CloudFormation: Looking at a stack that is not there is a ValidationError by name.",
    source="AWS CloudFormation API Reference: DescribeStacks",
)
def test_looking_at_what_is_not_there(stacks: Any, parameter: Any, template: Any) -> None:
    client = stacks.client
    for call in (
        client.describe_stacks,
        client.describe_stack_events,
        client.describe_stack_resources,
        client.list_stack_resources,
        client.get_template,
    ):
        assert _refusal(call, StackName="none") == ("ValidationError", "Stack with id none does not exist")
    stacks.create("s", template(A=parameter()))
    assert _refusal(client.describe_stack_resource, StackName="s", LogicalResourceId="B")[1] == (
        "Resource B does not exist for stack s"
    )
    assert (
        "[none] does not exist"
        in _refusal(client.update_termination_protection, StackName="none", EnableTerminationProtection=True)[
            1
        ]
    )


@pytest.mark.conforms(
    "CloudFormation: Lists come in pages with a NextToken.",
    source="AWS CloudFormation API Reference: ListStacks",
)
def test_pages(stacks: Any, parameter: Any, template: Any) -> None:
    ids = [stacks.begin(f"s{n}", template(A=parameter("v", f"/p{n}"))) for n in range(105)]
    for stack_id in ids:
        stacks.settled(stack_id)
    first = stacks.client.describe_stacks()
    assert len(first["Stacks"]) == 100
    pages = stacks.client.get_paginator("describe_stacks").paginate()
    assert sorted(each["StackId"] for page in pages for each in page["Stacks"]) == sorted(ids)
    stacks.delete("s0")
    listed = stacks.client.get_paginator("list_stacks").paginate(StackStatusFilter=["DELETE_COMPLETE"])
    assert [each["StackName"] for page in listed for each in page["StackSummaries"]] == ["s0"]
    everything = stacks.client.get_paginator("list_stacks").paginate()
    assert sum(len(page["StackSummaries"]) for page in everything) == 105
    assert "NextToken" in _refusal(stacks.client.describe_stacks, NextToken="x")[1]


@pytest.mark.conforms(
    "CloudFormation: Events come newest first, in pages.",
    source="AWS CloudFormation API Reference: DescribeStackEvents",
)
def test_events_are_paged_newest_first(stacks: Any, parameter: Any, template: Any) -> None:
    body = template(**{f"P{n}": parameter("v", f"/p{n}") for n in range(40)})
    stacks.create("s", body)
    first = stacks.client.describe_stack_events(StackName="s")
    assert len(first["StackEvents"]) == 100
    assert first["StackEvents"][0]["ResourceStatus"] == "CREATE_COMPLETE"
    assert first["StackEvents"][0]["LogicalResourceId"] == "s"
    events = stacks.events("s")
    assert len(events) == 2 + 3 * 40
    assert [e["Timestamp"] for e in events] == sorted(e["Timestamp"] for e in events)


@pytest.mark.conforms(
    "CloudFormation: Resources are found by their physical id.",
    source="AWS CloudFormation API Reference: DescribeStackResources",
)
def test_resources_are_found_by_physical_id(stacks: Any, parameter: Any, template: Any) -> None:
    stacks.create("s", template(A=parameter("v", "/a") | {"Metadata": {"m": 1}}, B=parameter("v", "/b")))
    found = stacks.client.describe_stack_resources(PhysicalResourceId="/a")["StackResources"]
    assert {each["LogicalResourceId"] for each in found} == {"A", "B"}
    one = stacks.client.describe_stack_resources(StackName="s", LogicalResourceId="A")["StackResources"]
    assert [each["PhysicalResourceId"] for each in one] == ["/a"]
    detail = stacks.client.describe_stack_resource(StackName="s", LogicalResourceId="A")[
        "StackResourceDetail"
    ]
    assert json.loads(detail["Metadata"]) == {"m": 1}


@pytest.mark.conforms(
    "CloudFormation: An account says its limit of stacks.",
    source="AWS CloudFormation API Reference: DescribeAccountLimits",
)
def test_account_limits(stacks: Any) -> None:
    limits = stacks.client.describe_account_limits()["AccountLimits"]
    assert {each["Name"]: each["Value"] for each in limits}["StackLimit"] == 2000


@pytest.mark.conforms("CloudFormation: Regions are apart.", source="AWS CloudFormation User Guide: Stacks")
def test_accounts_and_regions_are_apart(stacks: Any, aws: Any, parameter: Any, template: Any) -> None:
    stacks.create("s", template(A=parameter()))
    assert aws("cloudformation", "eu-west-1").describe_stacks()["Stacks"] == []


def test_reset_ends_what_is_under_way(
    stacks: Any, sandbox: Any, aws: Any, parameter: Any, template: Any
) -> None:
    for n in range(10):
        stacks.begin(f"s{n}", template(A=parameter("v", f"/a{n}"), B=parameter({"Ref": "A"}, f"/b{n}")))
    sandbox.reset()
    time.sleep(0.3)
    assert aws("ssm").describe_parameters()["Parameters"] == []
    assert stacks.client.describe_stacks()["Stacks"] == []
