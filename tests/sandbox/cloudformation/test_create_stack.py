from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

DEPENDENT = {"Fn::Sub": "${First}-${AWS::StackName}"}


def _names(aws: Any) -> list[str]:
    return sorted(each["Name"] for each in aws("ssm").describe_parameters()["Parameters"])


@pytest.mark.conforms(
    "CloudFormation: A new stack is CREATE_IN_PROGRESS first and CREATE_COMPLETE later.",
    source="AWS CloudFormation User Guide: Stack status codes",
)
def test_a_stack_is_in_progress_first_and_complete_then(
    stacks: Any, aws: Any, parameter: Any, template: Any
) -> None:
    body = template(First=parameter("v", "/first"), Second=parameter(DEPENDENT, "/second"))
    body["Description"] = "two"
    body["Outputs"] = {
        "Name": {"Value": {"Fn::Join": ["|", [{"Ref": "First"}, "x"]]}, "Description": "joined"}
    }
    stack_id = stacks.begin("s", body, Tags=[{"Key": "team", "Value": "a"}])
    first = stacks.describe("s")
    assert first["StackStatus"] == "CREATE_IN_PROGRESS"
    assert "Outputs" not in first

    done = stacks.settled(stack_id)
    assert done["StackStatus"] == "CREATE_COMPLETE"
    assert done["StackId"] == stack_id
    assert done["Description"] == "two"
    assert done["Outputs"] == [{"OutputKey": "Name", "OutputValue": "/first|x", "Description": "joined"}]
    assert done["Tags"] == [{"Key": "team", "Value": "a"}]
    assert done["Capabilities"] == ["CAPABILITY_NAMED_IAM"]
    assert not {"LastUpdatedTime", "DeletionTime", "StackStatusReason"} & set(done)
    value = aws("ssm").get_parameter(Name="/second")["Parameter"]["Value"]
    assert value == "/first-s"


@pytest.mark.conforms(
    "CloudFormation: Events tell each step of each resource, in the order of dependencies.",
    source="AWS CloudFormation User Guide: View stack events",
)
def test_waiter_and_events_tell_each_resource_in_dependency_order(
    stacks: Any, parameter: Any, template: Any
) -> None:
    body = template(
        B=parameter({"Ref": "A"}, "/b"), A=parameter("v", "/a"), C=parameter("v", "/c") | {"DependsOn": "B"}
    )
    stacks.begin("s", body)
    stacks.client.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig={"Delay": 1})
    events = stacks.events("s")
    assert [e["LogicalResourceId"] for e in events if e["ResourceStatus"] == "CREATE_COMPLETE"] == [
        "A",
        "B",
        "C",
        "s",
    ]
    assert events[0]["ResourceStatusReason"] == "User Initiated"
    of_a = [
        (e["ResourceStatus"], e.get("ResourceStatusReason")) for e in events if e["LogicalResourceId"] == "A"
    ]
    assert of_a == [
        ("CREATE_IN_PROGRESS", None),
        ("CREATE_IN_PROGRESS", "Resource creation Initiated"),
        ("CREATE_COMPLETE", None),
    ]
    assert len({e["EventId"] for e in events if e["LogicalResourceId"] == "s"}) == 2


@pytest.mark.conforms(
    "CloudFormation: A failed creation ends in ROLLBACK_COMPLETE, and its events say why.",
    source="AWS CloudFormation User Guide: Stack failure options",
)
def test_a_failed_creation_is_rolled_back_and_says_why(
    stacks: Any, aws: Any, parameter: Any, template: Any
) -> None:
    aws("ssm").put_parameter(Name="/taken", Type="String", Value="mine")
    body = template(First=parameter("v", "/first"), Taken=parameter({"Ref": "First"}, "/taken"))
    done = stacks.create("s", body)
    assert done["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = stacks.reasons("s", "CREATE_FAILED")
    assert list(reasons) == ["Taken"]
    assert "already exists" in reasons["Taken"]
    assert "HandlerErrorCode: AlreadyExists" in reasons["Taken"]
    assert stacks.reasons("s", "ROLLBACK_IN_PROGRESS")["s"] == (
        "The following resource(s) failed to create: [Taken]. Rollback requested by user."
    )
    assert stacks.steps("s", "First") == [
        "CREATE_IN_PROGRESS",
        "CREATE_COMPLETE",
        "DELETE_IN_PROGRESS",
        "DELETE_COMPLETE",
    ]
    assert _names(aws) == ["/taken"]


@pytest.mark.conforms(
    "CloudFormation: When a resource fails, others under way are cancelled.",
    source="AWS CloudFormation User Guide: Troubleshooting CloudFormation",
)
def test_others_under_way_are_cancelled(stacks: Any, backend: Any, parameter: Any, template: Any) -> None:
    backend.fail_resource("A", "create", "no luck")
    stacks.create("s", template(A=parameter("v", "/a"), B=parameter("v", "/b")))
    reasons = stacks.reasons("s", "CREATE_FAILED")
    assert reasons == {"A": "no luck", "B": "Resource creation cancelled"}


@pytest.mark.conforms(
    "CloudFormation: A stack in ROLLBACK_COMPLETE takes no update, only a deletion.",
    source="AWS CloudFormation User Guide: Stack status codes",
)
def test_a_rolled_back_stack_can_only_be_deleted(
    stacks: Any, backend: Any, parameter: Any, template: Any
) -> None:
    backend.fail_resource("A", "create", "no luck")
    body = template(A=parameter())
    done = stacks.create("s", body)
    with pytest.raises(ClientError) as error:
        stacks.update("s", template(A=parameter("two")))
    assert error.value.response["Error"]["Message"] == (
        f"Stack:{done['StackId']} is in ROLLBACK_COMPLETE state and can not be updated."
    )
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"
    assert stacks.create("s", body)["StackStatus"] == "CREATE_COMPLETE"


@pytest.mark.conforms(
    "CloudFormation: With OnFailure DELETE a failed stack is found by its id alone.",
    source="AWS CloudFormation API Reference: CreateStack",
)
def test_on_failure_delete_leaves_only_the_id(
    stacks: Any, backend: Any, parameter: Any, template: Any
) -> None:
    backend.fail_resource("A", "create", "no luck")
    done = stacks.create("s", template(A=parameter()), OnFailure="DELETE")
    assert done["StackStatus"] == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="Stack with id s does not exist"):
        stacks.describe("s")


@pytest.mark.conforms(
    "CloudFormation: With OnFailure DO_NOTHING or DisableRollback what was made stays.",
    source="AWS CloudFormation API Reference: CreateStack",
)
@pytest.mark.parametrize("options", [{"OnFailure": "DO_NOTHING"}, {"DisableRollback": True}])
def test_without_rollback_resources_stay(
    stacks: Any, aws: Any, backend: Any, parameter: Any, template: Any, options: dict[str, Any]
) -> None:
    backend.fail_resource("B", "create", "no luck")
    body = template(A=parameter("v", "/a"), B=parameter({"Ref": "A"}, "/b"))
    done = stacks.create("s", body, **options)
    assert done["StackStatus"] == "CREATE_FAILED"
    assert done["StackStatusReason"] == "The following resource(s) failed to create: [B]. "
    assert aws("ssm").get_parameter(Name="/a")
    assert stacks.update("s", body)["StackStatus"] == "UPDATE_COMPLETE"
    assert aws("ssm").get_parameter(Name="/b")


@pytest.mark.conforms(
    "CloudFormation: A rollback that fails ends in ROLLBACK_FAILED.",
    source="AWS CloudFormation User Guide: Stack status codes",
)
def test_a_failing_rollback_is_told(stacks: Any, backend: Any, parameter: Any, template: Any) -> None:
    backend.fail_resource("B", "create", "no luck")
    backend.fail_resource("A", "delete", "held")
    done = stacks.create("s", template(A=parameter("v", "/a"), B=parameter({"Ref": "A"}, "/b")))
    assert done["StackStatus"] == "ROLLBACK_FAILED"
    assert done["StackStatusReason"] == "The following resource(s) failed to delete: [A]. "
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"


@pytest.mark.conforms(
    "CloudFormation: A resource that fails half made is removed.",
    source="AWS CloudFormation User Guide: Stack failure options",
)
def test_half_made_resources_are_removed(stacks: Any, aws: Any, template: Any) -> None:
    role = {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": "half",
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
            },
            "ManagedPolicyArns": ["arn:aws:iam::123456789012:policy/missing"],
        },
    }
    assert stacks.create("s", template(Role=role))["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "HandlerErrorCode: NotFound" in stacks.reasons("s", "CREATE_FAILED")["Role"]
    assert aws("iam").list_roles()["Roles"] == []


@pytest.mark.conforms(
    "CloudFormation: Retain outlives a rollback, RetainExceptOnCreate does not.",
    source="AWS CloudFormation User Guide: DeletionPolicy attribute",
)
def test_retain_outlives_a_rollback_and_retain_except_on_create_does_not(
    stacks: Any, aws: Any, backend: Any, parameter: Any, template: Any
) -> None:
    backend.fail_resource("C", "create", "no luck")
    body = template(
        A=parameter("v", "/a") | {"DeletionPolicy": "Retain"},
        B=parameter("v", "/b") | {"DeletionPolicy": "RetainExceptOnCreate"},
        C=parameter("v", "/c") | {"DependsOn": ["A", "B"]},
    )
    assert stacks.create("s", body)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert _names(aws) == ["/a"]
    assert stacks.steps("s", "A")[-1] == "DELETE_SKIPPED"
