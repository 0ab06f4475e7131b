from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError


def _names(aws: Any) -> list[str]:
    return sorted(each["Name"] for each in aws("ssm").describe_parameters()["Parameters"])


def _value(aws: Any, name: str) -> str:
    return str(aws("ssm").get_parameter(Name=name)["Parameter"]["Value"])


@pytest.mark.conforms(
    "CloudFormation: An update touches what changed and nothing else.",
    source="AWS CloudFormation User Guide: Update behaviors of stack resources",
)
def test_update_in_place_touches_what_changed_only(
    stacks: Any, aws: Any, parameter: Any, template: Any
) -> None:
    stacks.create("s", template(A=parameter("one", "/a"), B=parameter("same", "/b")))
    done = stacks.update("s", template(A=parameter("two", "/a"), B=parameter("same", "/b")))
    assert done["StackStatus"] == "UPDATE_COMPLETE"
    assert done["LastUpdatedTime"] > done["CreationTime"]
    assert _value(aws, "/a") == "two"
    assert aws("ssm").get_parameter(Name="/a")["Parameter"]["Version"] == 2
    assert stacks.steps("s", "A")[-2:] == ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"]
    assert stacks.steps("s", "B") == ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    assert stacks.steps("s", "s")[-3:] == [
        "UPDATE_IN_PROGRESS",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_COMPLETE",
    ]


@pytest.mark.conforms(
    "CloudFormation: An update without a change is a ValidationError.",
    source="AWS CloudFormation API Reference: UpdateStack",
)
@pytest.mark.parametrize("indent", [None, 4])
def test_nothing_to_do_is_an_error(stacks: Any, parameter: Any, template: Any, indent: int | None) -> None:
    body = template(A=parameter())
    stacks.create("s", body)
    with pytest.raises(ClientError) as error:
        stacks.update("s", json.dumps(body, indent=indent))
    assert error.value.response["Error"] == {
        "Type": "Sender",
        "Code": "ValidationError",
        "Message": "No updates are to be performed.",
    }
    with pytest.raises(ClientError, match=r"No updates are to be performed\."):
        stacks.update("s")
    assert stacks.describe("s")["StackStatus"] == "CREATE_COMPLETE"


@pytest.mark.conforms(
    "CloudFormation: Tags alone are an update and reach resources.",
    source="AWS CloudFormation User Guide: Resource tags",
)
def test_tags_alone_are_an_update_and_reach_resources(
    stacks: Any, aws: Any, parameter: Any, template: Any
) -> None:
    def tags() -> dict[str, str]:
        found = aws("ssm").list_tags_for_resource(ResourceType="Parameter", ResourceId="/p")["TagList"]
        return {tag["Key"]: tag["Value"] for tag in found if not tag["Key"].startswith("aws:")}

    stacks.create("s", template(A=parameter(Tags={"own": "1"})), Tags=[{"Key": "team", "Value": "a"}])
    assert tags() == {"own": "1", "team": "a"}
    done = stacks.update("s", Tags=[{"Key": "team", "Value": "b"}, {"Key": "own", "Value": "loses"}])
    assert done["StackStatus"] == "UPDATE_COMPLETE"
    assert tags() == {"own": "1", "team": "b"}
    done = stacks.update("s", Tags=[])
    assert done["Tags"] == []
    assert tags() == {"own": "1"}


def test_outputs_alone_are_an_update(stacks: Any, parameter: Any, template: Any) -> None:
    body = template(A=parameter())
    stacks.create("s", body)
    done = stacks.update("s", body | {"Outputs": {"O": {"Value": {"Fn::GetAtt": ["A", "Value"]}}}})
    assert done["Outputs"] == [{"OutputKey": "O", "OutputValue": "one"}]


@pytest.mark.conforms(
    "CloudFormation: A replacement is made first, then what depends on it, then the old one goes.",
    source="AWS CloudFormation User Guide: Update behaviors of stack resources",
)
def test_replacement_creates_first_and_reaches_dependants(
    stacks: Any, aws: Any, parameter: Any, template: Any
) -> None:
    stacks.create("s", template(A=parameter("v", "/old"), B=parameter({"Ref": "A"}, "/b")))
    done = stacks.update("s", template(A=parameter("v", "/new"), B=parameter({"Ref": "A"}, "/b")))
    assert done["StackStatus"] == "UPDATE_COMPLETE"
    assert _value(aws, "/b") == "/new"
    assert stacks.physical_id("s", "A") == "/new"
    assert _names(aws) == ["/b", "/new"]
    events = [
        (e["ResourceStatus"], e["PhysicalResourceId"])
        for e in stacks.events("s")
        if e["LogicalResourceId"] == "A"
    ]
    assert events[-4:] == [
        ("UPDATE_IN_PROGRESS", "/new"),
        ("UPDATE_COMPLETE", "/new"),
        ("DELETE_IN_PROGRESS", "/old"),
        ("DELETE_COMPLETE", "/old"),
    ]
    assert stacks.describe("s")["StackStatus"] == "UPDATE_COMPLETE"


@pytest.mark.conforms(
    "CloudFormation: A resource with a name of its own is not replaced.",
    source="AWS CloudFormation User Guide: Update behaviors of stack resources",
)
def test_a_custom_named_resource_is_not_replaced(stacks: Any, aws: Any, template: Any) -> None:
    def role(path: str) -> dict[str, Any]:
        statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        trust = {"Version": "2012-10-17", "Statement": [statement]}
        properties = {"RoleName": "named", "Path": path, "AssumeRolePolicyDocument": trust}
        return {"Type": "AWS::IAM::Role", "Properties": properties}

    stacks.create("s", template(R=role("/one/")))
    done = stacks.update("s", template(R=role("/two/")))
    assert done["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.reasons("s", "UPDATE_FAILED")["R"] == (
        "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
        "Rename named and update the stack again."
    )
    assert aws("iam").get_role(RoleName="named")["Role"]["Path"] == "/one/"


@pytest.mark.conforms(
    "CloudFormation: Resources that a template adds and removes come and go.",
    source="AWS CloudFormation User Guide: Update behaviors of stack resources",
)
def test_added_and_removed_resources(stacks: Any, aws: Any, parameter: Any, template: Any) -> None:
    stacks.create(
        "s",
        template(
            A=parameter("v", "/a"),
            Kept=parameter("v", "/kept") | {"DeletionPolicy": "Retain"},
            C=parameter("v", "/c"),
        ),
    )
    done = stacks.update("s", template(B=parameter("v", "/b"), C=parameter("v", "/c")))
    assert done["StackStatus"] == "UPDATE_COMPLETE"
    assert _names(aws) == ["/b", "/c", "/kept"]
    assert stacks.steps("s", "Kept")[-1] == "DELETE_SKIPPED"
    listed = stacks.client.list_stack_resources(StackName="s")["StackResourceSummaries"]
    assert sorted(each["LogicalResourceId"] for each in listed) == ["B", "C"]


@pytest.mark.conforms(
    "CloudFormation: UpdateReplacePolicy Retain keeps the replaced resource.",
    source="AWS CloudFormation User Guide: UpdateReplacePolicy attribute",
)
def test_update_replace_policy_retains_the_old_one(
    stacks: Any, aws: Any, parameter: Any, template: Any
) -> None:
    stacks.create("s", template(A=parameter("v", "/old")))
    stacks.update("s", template(A=parameter("v", "/new") | {"UpdateReplacePolicy": "Retain"}))
    assert _names(aws) == ["/new", "/old"]


@pytest.mark.conforms(
    "CloudFormation: A failed update ends in UPDATE_ROLLBACK_COMPLETE, with everything as before.",
    source="AWS CloudFormation User Guide: Stack failure options",
)
def test_a_failed_update_is_rolled_back_with_everything(
    stacks: Any, aws: Any, backend: Any, parameter: Any, template: Any
) -> None:
    before = template(A=parameter("one", "/a"), B=parameter("v", "/old"), C=parameter({"Ref": "B"}, "/c"))
    before["Outputs"] = {"O": {"Value": {"Ref": "B"}}}
    stacks.create("s", before, Tags=[{"Key": "team", "Value": "a"}])
    backend.fail_resource("C", "update", "no luck")
    after = template(
        A=parameter("two", "/a"),
        B=parameter("v", "/new"),
        C=parameter({"Ref": "B"}, "/c"),
        D=parameter("v", "/d"),
    )
    done = stacks.update("s", after, Tags=[{"Key": "team", "Value": "b"}])
    assert done["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert done["Tags"] == [{"Key": "team", "Value": "a"}]
    assert done["Outputs"] == [{"OutputKey": "O", "OutputValue": "/old"}]
    assert stacks.reasons("s", "UPDATE_ROLLBACK_IN_PROGRESS")["s"] == (
        "The following resource(s) failed to update: [C]. "
    )
    assert [_value(aws, name) for name in ("/a", "/c")] == ["one", "/old"]
    assert _names(aws) == ["/a", "/c", "/old"]
    assert stacks.physical_id("s", "B") == "/old"
    assert stacks.client.get_template(StackName="s")["TemplateBody"] == before
    assert stacks.steps("s", "s")[-3:] == [
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE",
    ]
    assert stacks.update("s", after)["StackStatus"] == "UPDATE_COMPLETE"
    assert _value(aws, "/c") == "/new"


@pytest.mark.conforms(
    "CloudFormation: A rollback that fails ends in UPDATE_ROLLBACK_FAILED and can be continued.",
    source="AWS CloudFormation API Reference: ContinueUpdateRollback",
)
def test_rollback_that_fails_can_be_continued(
    stacks: Any, aws: Any, backend: Any, parameter: Any, template: Any
) -> None:
    stacks.create("s", template(A=parameter("one", "/a"), B=parameter({"Fn::GetAtt": "A.Value"}, "/b")))
    backend.fail_resource("B", "update", "no luck", times=2)
    after = template(A=parameter("two", "/a"), B=parameter({"Fn::GetAtt": "A.Value"}, "/b"))
    done = stacks.update("s", after)
    assert done["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    assert done["StackStatusReason"] == "The following resource(s) failed to update: [B]. "
    with pytest.raises(ClientError, match="is in UPDATE_ROLLBACK_FAILED state and can not be updated"):
        stacks.update("s", after)
    with pytest.raises(ClientError, match="cannot be skipped"):
        stacks.client.continue_update_rollback(StackName="s", ResourcesToSkip=["A"])
    stacks.client.continue_update_rollback(StackName="s")
    assert stacks.settled(done["StackId"])["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert [_value(aws, name) for name in ("/a", "/b")] == ["one", "one"]


@pytest.mark.conforms(
    "CloudFormation: A resource that is gone fails update and rollback, and can be skipped.",
    source="AWS CloudFormation API Reference: ContinueUpdateRollback",
)
def test_a_resource_gone_behind_our_back_fails_update_and_rollback_and_can_be_skipped(
    stacks: Any, aws: Any, parameter: Any, template: Any
) -> None:
    stacks.create("s", template(A=parameter("one", "/a"), B=parameter("one", "/b")))
    aws("ssm").delete_parameter(Name="/a")
    done = stacks.update("s", template(A=parameter("two", "/a"), B=parameter("one", "/b")))
    assert done["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    assert "was not found" in stacks.reasons("s", "UPDATE_FAILED")["A"]
    stacks.client.continue_update_rollback(StackName="s", ResourcesToSkip=["A"])
    assert stacks.settled(done["StackId"])["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"


@pytest.mark.conforms(
    "CloudFormation: What was changed by hand stays until the template changes that resource.",
    source="AWS CloudFormation User Guide: Update behaviors of stack resources",
)
def test_what_was_changed_by_hand_stays_until_the_template_changes_it(
    stacks: Any, aws: Any, parameter: Any, template: Any
) -> None:
    stacks.create("s", template(A=parameter("one", "/a"), B=parameter("one", "/b")))
    aws("ssm").put_parameter(Name="/a", Value="by hand", Overwrite=True)
    stacks.update("s", template(A=parameter("one", "/a"), B=parameter("two", "/b")))
    assert [_value(aws, name) for name in ("/a", "/b")] == ["by hand", "two"]
    stacks.update("s", template(A=parameter("two", "/a"), B=parameter("two", "/b")))
    assert _value(aws, "/a") == "two"


@pytest.mark.conforms(
    "CloudFormation: Without rollback an update stays UPDATE_FAILED, and the next one goes on.",
    source="AWS CloudFormation User Guide: Stack failure options",
)
def test_update_without_rollback_stays_failed_and_goes_on(
    stacks: Any, aws: Any, backend: Any, parameter: Any, template: Any
) -> None:
    stacks.create("s", template(A=parameter()))
    backend.fail_resource("A", "update", "no luck")
    body = template(A=parameter("two"))
    assert stacks.update("s", body, DisableRollback=True)["StackStatus"] == "UPDATE_FAILED"
    assert stacks.update("s", body)["StackStatus"] == "UPDATE_COMPLETE"
    assert _value(aws, "/p") == "two"


@pytest.mark.conforms(
    "CloudFormation: A removed resource that cannot be deleted does not fail an update.",
    source="AWS CloudFormation User Guide: Stack status codes",
)
def test_left_over_resources_do_not_fail_an_update(
    stacks: Any, backend: Any, parameter: Any, template: Any
) -> None:
    stacks.create("s", template(A=parameter("v", "/a"), B=parameter("v", "/b")))
    backend.fail_resource("B", "delete", "held")
    done = stacks.update("s", template(A=parameter("v", "/a")))
    assert done["StackStatus"] == "UPDATE_COMPLETE"
    assert done["StackStatusReason"] == "Update successful. One or more resources could not be deleted."


@pytest.mark.conforms(
    "CloudFormation: A stack under way takes no update.",
    source="AWS CloudFormation API Reference: UpdateStack",
)
def test_a_stack_under_way_takes_no_update(stacks: Any, parameter: Any, template: Any) -> None:
    stack_id = stacks.begin("s", template(A=parameter()))
    with pytest.raises(ClientError) as error:
        stacks.update("s", template(A=parameter("two")))
    assert error.value.response["Error"]["Message"] == (
        f"Stack:{stack_id} is in CREATE_IN_PROGRESS state and can not be updated."
    )
    stacks.settled(stack_id)


@pytest.mark.conforms(
    "CloudFormation: A resource keeps its type.",
    source="AWS CloudFormation API Reference: UpdateStack",
)
def test_missing_stack_and_changed_type(stacks: Any, parameter: Any, template: Any) -> None:
    with pytest.raises(ClientError, match=r"Stack \[none\] does not exist"):
        stacks.update("none", template(A=parameter()))
    stacks.create("s", template(A=parameter()))
    with pytest.raises(ClientError, match="Update of resource type is not permitted"):
        stacks.update("s", template(A={"Type": "AWS::S3::Bucket"}))
