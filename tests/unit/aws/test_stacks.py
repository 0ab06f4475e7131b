from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError
from tests.unit.aws.cloudformation_client import TAGS, FakeCloudFormation
from tests.unit.aws.s3_client import client_error

from iam_ra.aws.stacks import DEAD, Blueprint, Stacks
from iam_ra.engine.errors import ConflictError, StackError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

NAME = "iam-ra-default-role-admin"
BLUEPRINT = Blueprint(NAME, '{"new":1}', {**TAGS, "team": "web"}, TAGS)
IN_PROGRESS = {
    "CREATE_IN_PROGRESS": "CREATE_COMPLETE",
    "UPDATE_IN_PROGRESS": "UPDATE_COMPLETE",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_IN_PROGRESS": "UPDATE_ROLLBACK_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_ROLLBACK_COMPLETE",
    "ROLLBACK_IN_PROGRESS": "ROLLBACK_COMPLETE",
    "DELETE_IN_PROGRESS": "DELETE_COMPLETE",
    "IMPORT_IN_PROGRESS": "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_IN_PROGRESS": "IMPORT_ROLLBACK_COMPLETE",
}


def stacks_on(client: FakeCloudFormation) -> Stacks:
    return Stacks(cast("CloudFormationClient", client), pace=(0.001,))


def ensure(client: FakeCloudFormation, blueprint: Blueprint = BLUEPRINT) -> tuple[Any, list[str]]:
    said: list[str] = []
    return stacks_on(client).ensure(blueprint, said.append), said


def delete(client: FakeCloudFormation) -> list[str]:
    said: list[str] = []
    stacks_on(client).delete(NAME, TAGS, said.append)
    return said


def test_a_new_stack_is_created_with_tags_and_template() -> None:
    client = FakeCloudFormation()
    made, _ = ensure(client)
    assert client.log == ["create_stack"]
    assert made.status == "CREATE_COMPLETE"
    assert made.tags == {**TAGS, "team": "web"}
    assert made.outputs == {"Digest": '{"new":1}'}


@pytest.mark.parametrize(
    "status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"]
)
def test_a_good_stack_is_updated(status: str) -> None:
    client = FakeCloudFormation()
    client.add(NAME, status)
    made, _ = ensure(client)
    assert client.log == ["update_stack"]
    assert made.status == "UPDATE_COMPLETE"


def test_no_updates_is_a_success() -> None:
    client = FakeCloudFormation()
    client.add(NAME, "CREATE_COMPLETE", template=BLUEPRINT.template)
    made, _ = ensure(client)
    assert made.status == "CREATE_COMPLETE"


@pytest.mark.parametrize("status", sorted(DEAD))
def test_a_stack_beyond_repair_is_made_anew(status: str) -> None:
    client = FakeCloudFormation()
    dead = client.add(NAME, status)
    made, said = ensure(client)
    assert client.log == ["delete_stack", "create_stack"]
    assert made.id != dead.id
    assert said == [f"deletes what {status} left"]


@pytest.mark.parametrize("status", IN_PROGRESS)
def test_an_operation_under_way_is_waited_for(status: str) -> None:
    client = FakeCloudFormation()
    client.add(NAME, status, status, IN_PROGRESS[status])
    made, said = ensure(client)
    assert said[0] == f"waits for {status}"
    if IN_PROGRESS[status] == "DELETE_COMPLETE":
        assert client.log == ["create_stack"]
    elif IN_PROGRESS[status] == "ROLLBACK_COMPLETE":
        assert client.log == ["delete_stack", "create_stack"]
    else:
        assert client.log == ["update_stack"]
    assert made.outputs["Digest"] == BLUEPRINT.template


def test_a_failed_rollback_is_continued_and_then_updated() -> None:
    client = FakeCloudFormation()
    stack = client.add(NAME, "UPDATE_ROLLBACK_FAILED")
    stack.resources = {"Role": "UPDATE_FAILED", "Profile": "UPDATE_COMPLETE"}
    made, _ = ensure(client)
    assert client.skipped == ["Role"]
    assert client.log == ["continue_update_rollback", "update_stack"]
    assert made.status == "UPDATE_COMPLETE"


def test_a_rollback_that_fails_again_says_its_cause() -> None:
    client = FakeCloudFormation()
    stack = client.add(NAME, "UPDATE_ROLLBACK_FAILED")
    client.continues = ["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED"]
    stack.events = [event("Role", "UPDATE_FAILED", "Access denied on iam:DeletePolicy")]
    with pytest.raises(StackError, match="UPDATE_ROLLBACK_FAILED") as error:
        ensure(client)
    assert "iam:DeletePolicy" in error.value.why


@pytest.mark.parametrize(
    "tags", [{}, {"iam-ra:namespace": "other"}, {"team": "web"}], ids=["none", "another", "unrelated"]
)
@pytest.mark.parametrize(
    "status", ["CREATE_COMPLETE", "ROLLBACK_COMPLETE", "CREATE_IN_PROGRESS", "DELETE_FAILED"]
)
def test_a_stack_of_somebody_else_is_never_touched(tags: dict[str, str], status: str) -> None:
    client = FakeCloudFormation()
    client.add(NAME, status, tags=tags)
    with pytest.raises(ConflictError, match="not ours"):
        ensure(client)
    with pytest.raises(ConflictError, match="not ours"):
        delete(client)
    assert not client.log


def test_a_stack_that_appears_meanwhile_is_updated_if_it_is_ours() -> None:
    client = FakeCloudFormation()

    def appear(operation: str) -> None:
        if operation == "create_stack":
            client.add(NAME, "CREATE_IN_PROGRESS", "CREATE_COMPLETE")

    client.before = appear
    made, said = ensure(client)
    assert client.log == ["create_stack", "update_stack"]
    assert said == ["waits for CREATE_IN_PROGRESS"]
    assert made.status == "UPDATE_COMPLETE"


def test_a_stack_that_appears_meanwhile_and_is_not_ours_is_left() -> None:
    client = FakeCloudFormation()

    def appear(operation: str) -> None:
        if operation == "create_stack":
            client.add(NAME, "CREATE_COMPLETE", tags={})

    client.before = appear
    with pytest.raises(ConflictError):
        ensure(client)
    assert client.log == ["create_stack"]


def test_an_update_that_comes_too_early_waits_for_the_other() -> None:
    client = FakeCloudFormation()
    stack = client.add(NAME, "CREATE_COMPLETE")

    def begin(operation: str) -> None:
        if operation == "update_stack" and client.calls[operation] == 1:
            stack.status, stack.coming = "UPDATE_IN_PROGRESS", ["UPDATE_COMPLETE"]

    client.before = begin
    _, said = ensure(client)
    assert client.log == ["update_stack", "update_stack"]
    assert said == ["waits for UPDATE_IN_PROGRESS"]


def test_a_stack_that_others_change_all_the_time_is_given_up() -> None:
    client = FakeCloudFormation()
    stack = client.add(NAME, "CREATE_COMPLETE")

    def begin(operation: str) -> None:
        if operation == "update_stack":
            stack.status, stack.coming = "UPDATE_IN_PROGRESS", ["UPDATE_COMPLETE"]

    client.before = begin
    with pytest.raises(StackError, match="all the time"):
        ensure(client)


def test_a_stack_that_goes_while_it_is_made_is_said() -> None:
    client = FakeCloudFormation()
    client.creates = ["CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
    with pytest.raises(StackError, match="ended in DELETE_COMPLETE"):
        ensure(client)


class Late(FakeCloudFormation):
    """A CloudFormation whose descriptions show the former outputs some times more."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.add(NAME, "UPDATE_COMPLETE", template="former")
        self.times = times

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803 - the client's own name
        answer = super().describe_stacks(StackName=StackName)
        if (
            self.calls["update_stack"]
            and answer["Stacks"][0]["StackStatus"] == "UPDATE_COMPLETE"
            and self.times
        ):
            self.times -= 1
            answer["Stacks"][0]["Outputs"] = [{"OutputKey": "Digest", "OutputValue": "former"}]
        return answer


def test_success_is_not_believed_while_the_outputs_are_the_former_ones() -> None:
    wanted = replace(BLUEPRINT, outputs={"Digest": BLUEPRINT.template})
    client = Late(5)
    made, _ = ensure(client, wanted)
    assert made.outputs == {"Digest": BLUEPRINT.template}
    assert not client.times
    assert client.log == ["update_stack"]
    never = Late(10_000)
    with pytest.raises(StackError, match="its outputs are still the former ones") as error:
        ensure(never, wanted)
    assert "run apply again" in error.value.fix


def test_a_failure_is_believed_whatever_the_outputs() -> None:
    client = Late(10_000)
    client.updates = ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"]
    with pytest.raises(StackError, match="ended in UPDATE_ROLLBACK_COMPLETE"):
        ensure(client, replace(BLUEPRINT, outputs={"Digest": BLUEPRINT.template}))


def test_other_refusals_go_through() -> None:
    client = FakeCloudFormation()

    def refuse(operation: str) -> None:
        raise client_error("AccessDenied", operation)

    client.before = refuse
    with pytest.raises(ClientError, match="AccessDenied"):
        ensure(client)


def test_protection_is_set_at_creation_and_added_later() -> None:
    client = FakeCloudFormation()
    protected = Blueprint(NAME, "{}", TAGS, TAGS, protect=True)
    assert ensure(client, protected)[0].is_protected
    later = FakeCloudFormation()
    later.add(NAME, "CREATE_COMPLETE")
    ensure(later, protected)
    assert later.log == ["protect", "update_stack"]


def test_a_template_that_is_too_large_is_refused_before_any_call() -> None:
    client = FakeCloudFormation()
    with pytest.raises(StackError, match="51,200"):
        ensure(client, Blueprint(NAME, "é" * 30_000, TAGS, TAGS))
    assert not client.log


# Deletion


def test_what_is_gone_is_deleted_already() -> None:
    client = FakeCloudFormation()
    assert not delete(client)
    assert not client.log


@pytest.mark.parametrize(
    "status", ["CREATE_COMPLETE", "UPDATE_ROLLBACK_FAILED", "DELETE_FAILED", "ROLLBACK_COMPLETE"]
)
def test_a_stack_is_deleted_whatever_its_state(status: str) -> None:
    client = FakeCloudFormation()
    client.add(NAME, status, is_protected=True)
    delete(client)
    assert client.log == ["unprotect", "delete_stack"]
    assert client.alive(NAME) is None


@pytest.mark.parametrize("status", IN_PROGRESS)
def test_a_deletion_waits_for_what_is_under_way(status: str) -> None:
    client = FakeCloudFormation()
    client.add(NAME, status, IN_PROGRESS[status])
    assert delete(client) == [f"waits for {status}"]
    assert client.log == ([] if status == "DELETE_IN_PROGRESS" else ["delete_stack"])
    assert client.alive(NAME) is None


def test_a_deletion_that_fails_says_the_cause_and_can_be_tried_again() -> None:
    client = FakeCloudFormation()
    stack = client.add(NAME, "CREATE_COMPLETE")
    client.deletes = ["DELETE_IN_PROGRESS", "DELETE_FAILED"]
    stack.events = [event("Bucket", "DELETE_FAILED", "The bucket you tried to delete is not empty")]
    with pytest.raises(StackError, match="DELETE_FAILED") as error:
        delete(client)
    assert "Bucket" in error.value.why
    assert "not empty" in error.value.why
    client.deletes = ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
    delete(client)
    assert client.alive(NAME) is None


# Causes


def event(resource: str, status: str, reason: str = "", token: str | None = None) -> dict[str, Any]:
    found = {
        "StackName": NAME,
        "LogicalResourceId": resource,
        "ResourceType": f"AWS::X::{resource}",
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
    }
    return found if token is None else {**found, "ClientRequestToken": token}


def failed(client: FakeCloudFormation, *events: dict[str, Any]) -> StackError:
    """Let a creation fail with these events, the newest first, as AWS shows them."""
    client.creates = ["CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"]

    def happen(operation: str) -> None:
        if operation == "describe_stacks" and (stack := client.alive(NAME)) is not None:
            stack.events = [
                {**each, "ClientRequestToken": client.token}
                if each.get("ClientRequestToken") == "ours"
                else each
                for each in events
            ]

    client.before = happen
    with pytest.raises(StackError, match=f"stack {NAME} ended in ROLLBACK_COMPLETE") as error:
        ensure(client)
    return error.value


def test_the_first_real_cause_is_found_over_all_pages() -> None:
    error = failed(
        FakeCloudFormation(),
        event(NAME, "ROLLBACK_COMPLETE", token="ours"),
        event("Role", "DELETE_COMPLETE", token="ours"),
        event(
            NAME, "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [Role]", token="ours"
        ),
        event("Profile", "CREATE_FAILED", "Resource creation cancelled", token="ours"),
        event("Other", "CREATE_FAILED", "a second one", token="ours"),
        event("Role", "CREATE_FAILED", "Role with name x already exists", token="ours"),
        event("Role", "CREATE_IN_PROGRESS", token="ours"),
        event(NAME, "CREATE_IN_PROGRESS", token="ours"),
    )
    assert error.why == "Role (AWS::X::Role): Role with name x already exists"
    assert error.fix


def test_what_failed_in_an_earlier_operation_is_no_cause() -> None:
    error = failed(
        FakeCloudFormation(),
        event("Role", "CREATE_FAILED", "now", token="ours"),
        event("Profile", "CREATE_FAILED", "long ago", token="another"),
        event("Profile", "CREATE_FAILED", "longer ago, by hand"),
    )
    assert error.why.endswith("now")


def test_without_events_the_status_reason_must_do() -> None:
    assert failed(FakeCloudFormation()).why == "reason of ROLLBACK_COMPLETE"


def test_a_real_cause_that_speaks_of_something_cancelled_is_a_cause() -> None:
    error = failed(
        FakeCloudFormation(),
        event("Role", "CREATE_FAILED", "The subscription was cancelled by its owner", token="ours"),
    )
    assert "subscription" in error.why


def test_all_stacks_are_listed_in_pages() -> None:
    client = FakeCloudFormation()
    for n in range(5):
        client.add(f"s{n}", "CREATE_COMPLETE")
    client.add("gone", "DELETE_COMPLETE")
    assert [each.name for each in stacks_on(client).list()] == ["s0", "s1", "s2", "s3", "s4"]
    assert client.calls == {"page of describe_stacks": 3}
