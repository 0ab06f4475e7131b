from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

BUCKET = {"Type": "AWS::S3::Bucket"}


def _names(aws: Any) -> list[str]:
    return sorted(each["Name"] for each in aws("ssm").describe_parameters()["Parameters"])


@pytest.mark.conforms(
    "CloudFormation: Resources are deleted in reverse order; the id of a deleted stack still tells.",
    source="AWS CloudFormation API Reference: DescribeStacks",
)
def test_deletion_goes_backwards_and_the_id_still_tells(stacks: Any, parameter: Any, template: Any) -> None:
    created = stacks.create("s", template(A=parameter("v", "/a"), B=parameter({"Ref": "A"}, "/b")))
    stacks.client.delete_stack(StackName="s")
    assert stacks.describe("s")["StackStatus"] == "DELETE_IN_PROGRESS"
    stacks.client.get_waiter("stack_delete_complete").wait(
        StackName=created["StackId"], WaiterConfig={"Delay": 1}
    )
    done = stacks.describe(created["StackId"])
    assert done["StackStatus"] == "DELETE_COMPLETE"
    assert done["DeletionTime"] > done["CreationTime"]
    events = stacks.events(created["StackId"])
    assert [e["LogicalResourceId"] for e in events if e["ResourceStatus"] == "DELETE_COMPLETE"] == [
        "B",
        "A",
        "s",
    ]
    for call in (stacks.describe, stacks.events):
        with pytest.raises(ClientError, match="does not exist"):
            call("s")
    assert stacks.client.describe_stacks()["Stacks"] == []


def test_looking_at_a_deleted_stack_brings_nothing_back(stacks: Any, aws: Any, template: Any) -> None:
    stack_id = stacks.create("s", template(B=BUCKET))["StackId"]
    stacks.delete("s")
    stacks.client.list_stack_resources(StackName=stack_id)
    stacks.client.describe_stack_resources(StackName=stack_id)
    assert aws("s3").list_buckets()["Buckets"] == []


@pytest.mark.conforms(
    "CloudFormation: Deleting a stack that is not there succeeds.",
    source="AWS CloudFormation API Reference: DeleteStack",
)
def test_deleting_what_is_not_there_is_fine(stacks: Any) -> None:
    stacks.client.delete_stack(StackName="none")
    stacks.client.delete_stack(StackName="arn:aws:cloudformation:us-east-1:123456789012:stack/none/1")


@pytest.mark.conforms(
    "CloudFormation: Resources that are gone already do not fail a deletion.",
    source="AWS CloudFormation User Guide: Resource type handler contract, delete",
)
def test_resources_gone_behind_our_back_are_fine(
    stacks: Any, aws: Any, parameter: Any, template: Any
) -> None:
    stacks.create("s", template(A=parameter("v", "/a"), B=BUCKET))
    aws("ssm").delete_parameter(Name="/a")
    aws("s3").delete_bucket(Bucket=stacks.physical_id("s", "B"))
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"


@pytest.mark.conforms(
    "CloudFormation: A bucket with objects ends in DELETE_FAILED; a second deletion may retain it.",
    source="AWS CloudFormation API Reference: DeleteStack",
)
def test_a_full_bucket_fails_and_can_be_retained(
    stacks: Any, aws: Any, parameter: Any, template: Any
) -> None:
    stacks.create("s", template(B=BUCKET, P=parameter({"Ref": "B"}, "/p"), Q=parameter("v", "/q")))
    bucket = stacks.physical_id("s", "B")
    aws("s3").put_object(Bucket=bucket, Key="k", Body=b"x")
    done = stacks.delete("s")
    assert done["StackStatus"] == "DELETE_FAILED"
    assert done["StackStatusReason"] == "The following resource(s) failed to delete: [B]. "
    assert "not empty" in stacks.reasons("s", "DELETE_FAILED")["B"]
    assert aws("ssm").describe_parameters()["Parameters"] == []

    assert stacks.delete("s")["StackStatus"] == "DELETE_FAILED"
    assert stacks.delete("s", RetainResources=["B"])["StackStatus"] == "DELETE_COMPLETE"
    assert aws("s3").head_bucket(Bucket=bucket)


@pytest.mark.conforms(
    "CloudFormation: What a resource needs stays as long as that cannot be deleted.",
    source="AWS CloudFormation User Guide: Delete a stack",
)
def test_what_a_failed_resource_needs_stays(
    stacks: Any, aws: Any, backend: Any, parameter: Any, template: Any
) -> None:
    stacks.create("s", template(A=parameter("v", "/a"), B=parameter({"Ref": "A"}, "/b")))
    backend.fail_resource("B", "delete", "held")
    assert stacks.delete("s")["StackStatus"] == "DELETE_FAILED"
    assert _names(aws) == ["/a", "/b"]


@pytest.mark.conforms(
    "CloudFormation: RetainResources is for stacks in DELETE_FAILED only.",
    source="AWS CloudFormation API Reference: DeleteStack",
)
def test_retaining_needs_a_failed_deletion(stacks: Any, parameter: Any, template: Any) -> None:
    stacks.create("s", template(A=parameter()))
    with pytest.raises(ClientError, match="DELETE_FAILED"):
        stacks.delete("s", RetainResources=["A"])


@pytest.mark.conforms(
    "CloudFormation: DeletionPolicy Retain keeps the resource.",
    source="AWS CloudFormation User Guide: DeletionPolicy attribute",
)
def test_deletion_policy_retain(stacks: Any, aws: Any, parameter: Any, template: Any) -> None:
    stack_id = stacks.create("s", template(A=parameter() | {"DeletionPolicy": "Retain"}))["StackId"]
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"
    assert aws("ssm").get_parameter(Name="/p")
    assert stacks.steps(stack_id, "A")[-1] == "DELETE_SKIPPED"


@pytest.mark.conforms(
    "CloudFormation: Termination protection refuses a deletion.",
    source="AWS CloudFormation API Reference: UpdateTerminationProtection",
)
def test_termination_protection(stacks: Any, parameter: Any, template: Any) -> None:
    stacks.create("s", template(A=parameter()), EnableTerminationProtection=True)
    assert stacks.describe("s")["EnableTerminationProtection"] is True
    with pytest.raises(ClientError) as error:
        stacks.delete("s")
    assert error.value.response["Error"]["Message"] == (
        "Stack [s] cannot be deleted while TerminationProtection is enabled"
    )
    stacks.client.update_termination_protection(StackName="s", EnableTerminationProtection=False)
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"


@pytest.mark.conforms(
    "CloudFormation: A creation under way can be deleted.",
    source="AWS CloudFormation User Guide: Delete a stack",
)
def test_a_creation_under_way_can_be_deleted(stacks: Any, aws: Any, parameter: Any, template: Any) -> None:
    body = template(A=parameter("v", "/a"), B=parameter({"Ref": "A"}, "/b"), C=parameter({"Ref": "B"}, "/c"))
    stack_id = stacks.begin("s", body)
    stacks.client.delete_stack(StackName="s")
    assert stacks.settled(stack_id)["StackStatus"] == "DELETE_COMPLETE"
    assert aws("ssm").describe_parameters()["Parameters"] == []


@pytest.mark.conforms(
    "CloudFormation: An update under way refuses a deletion.",
    source="AWS CloudFormation User Guide: Delete a stack",
)
def test_an_update_under_way_cannot(stacks: Any, parameter: Any, template: Any) -> None:
    stacks.create("s", template(A=parameter()))
    stacks.client.update_stack(StackName="s", UsePreviousTemplate=True, Tags=[{"Key": "a", "Value": "b"}])
    with pytest.raises(ClientError, match="cannot be deleted while in status UPDATE_IN_PROGRESS"):
        stacks.client.delete_stack(StackName="s")
    stacks.settled(stacks.describe("s")["StackId"])
