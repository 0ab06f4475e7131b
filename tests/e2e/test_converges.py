"""Laws 1 and 3: whatever the file says, one apply is enough, in any order of its entries; and what a plan costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.e2e.world import READ_ONLY, small

if TYPE_CHECKING:
    from collections import Counter

    from tests.e2e.world import World

ROLES, HOSTS, DELIVERIES = (
    ("a", "b", "c"),
    ("h1", "h2", "h3", "h4"),
    (["secretsmanager"], ["sops"], ["secretsmanager", "sops"]),
)
POLICIES = (
    READ_ONLY,
    "arn:aws:iam::aws:policy/AdministratorAccess",
    "arn:aws:iam::aws:policy/PowerUserAccess",
)


@st.composite
def files(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a small file; authorities keep what cannot change."""
    authorities = {"default": {}, "factory": {"key": "ec-p384"}}
    if draw(st.booleans()):
        del authorities["factory"]
    roles = {
        name: {
            "policies": draw(st.permutations(POLICIES))[: draw(st.integers(0, 3))],
            "session_duration": draw(st.sampled_from(["15m", "1h", "4h"])),
            "description": draw(st.sampled_from(["", "One", 'Two "quoted" ${Three}'])),
            "tags": draw(st.dictionaries(st.sampled_from(["x", "y"]), st.sampled_from(["1", "2"]))),
        }
        for name in draw(st.lists(st.sampled_from(ROLES), min_size=1, unique=True))
    }
    hosts = {}
    for name in draw(st.lists(st.sampled_from(HOSTS), unique=True)):
        given_roles = draw(st.lists(st.sampled_from(sorted(roles)), min_size=1, unique=True))
        hosts[name] = {
            "roles": given_roles,
            "default_role": draw(st.sampled_from(given_roles)),
            "ca": draw(st.sampled_from(sorted(authorities))),
            "identity": draw(st.sampled_from([name, f"{name}.example.com"])),
            "delivery": draw(st.sampled_from(DELIVERIES)),
            "certificate": {"validity": draw(st.sampled_from(["90d", "365d"]))},
        }
        if "sops" in hosts[name]["delivery"]:
            hosts[name]["sops"] = f"secrets/{draw(st.sampled_from(['here', 'there']))}/{name}.yaml"
    return small(
        certificate_authorities=authorities, roles=roles, hosts=hosts, limits={"max_delete_percent": 100}
    )


def backwards(value: Any) -> Any:
    """Turn the order of every mapping, and of every list in which order says nothing, around."""
    if isinstance(value, dict):
        return {key: backwards(item) for key, item in reversed(value.items())}
    return value[::-1] if isinstance(value, list) else value


def test_one_apply_is_enough_whatever_the_order(world: World) -> None:
    """Each example is the next edit of one namespace, so that everything comes, changes and goes."""
    world.more["SOPS_AGE_KEY"] = str(world.identity)

    @settings(
        max_examples=8,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(content=files())
    def converges(content: dict[str, Any]) -> None:
        world.write(content)
        world.apply()
        world.write(backwards(content))
        world.wire.clear()
        assert "No changes." in world.apply().stdout
        assert [request.operation for request in world.wire.writes] == []
        holds_together(world, content)

    converges()


def holds_together(world: World, content: dict[str, Any]) -> None:
    """Expect that what was delivered is exactly what the file says, and that the ledger knows all of it."""
    ledger = {entry["pem"] for entry in world.ledger().values()}
    by_secrets = {name for name, host in content["hosts"].items() if "secretsmanager" in host["delivery"]}
    assert world.secrets == sorted(
        f"/iam-ra/default/hosts/{name}/{part}"
        for name in by_secrets
        for part in ("certificate", "private-key")
    )
    assert all(world.secret(name, "certificate") in ledger for name in by_secrets)
    written = {str(path.relative_to(world.root)) for path in world.root.glob("secrets/**/*.yaml")}
    assert written == {host["sops"] for host in content["hosts"].values() if "sops" in host}
    keys = {key.split("/")[2] for key in world.objects if key.startswith("default/hosts/")}
    assert keys == set(content["hosts"])
    suffixes = {
        "init",
        *(f"role-{name}" for name in content["roles"]),
        *(f"host-{name}" for name in by_secrets),
    }
    suffixes |= {
        "rootca" if name == "default" else f"rootca-{name}" for name in content["certificate_authorities"]
    }
    assert set(world.stacks) == {f"iam-ra-default-{suffix}" for suffix in suffixes}


def test_calls_of_a_plan_grow_with_pages_only(world: World) -> None:
    # Reading a file that is there costs no call; 60 hosts with secrets fill a page and more of secrets.
    def fleet(count: int) -> dict[str, Any]:
        # Not all in one role: their names would not fit into its trust policy.
        return small(
            roles={f"r{number}": {"policies": []} for number in range(4)},
            hosts={
                f"h{number}": {
                    "roles": [f"r{number % 4}"],
                    "identity": f"host-{number}",
                    "delivery": ["secretsmanager"] if number % 3 else ["sops"],
                }
                for number in range(count)
            },
        )

    def cost() -> Counter[tuple[str, str]]:
        world.wire.clear()
        world.settled()
        assert world.wire.writes == []
        return world.wire.counts

    world.write(fleet(10))
    world.apply()
    small_plan = cost()
    world.write(fleet(90))
    world.apply("--parallelism", "32")
    large_plan = cost()
    assert set(large_plan) == set(small_plan)
    # 11 for state, stacks and lists, 14 for what can drift below the stacks: three lists, the bucket's 7, its key's 4.
    assert sum(small_plan.values()) <= 11 + 14
    more = large_plan - small_plan
    # 120 secrets are two pages of a hundred; 66 stacks, 390 objects and 4 roles are one page each.
    assert more == {("secretsmanager", "ListSecrets"): 1}
