"""Every client with every key, and with every case of the matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.e2e.clients import clients
from tests.e2e.clients.matrix import CASE_KEY, CASES, CLIENTS, KEYS, Client, its_role, wrong_role
from tests.e2e.clients.report import PAGE, page

if TYPE_CHECKING:
    from tests.e2e.clients.clients import Machine
    from tests.e2e.clients.estate import Estate

    from iam_ra.pki.keys import KeyAlgorithm

ALL = [
    pytest.param(client, id=name, marks=[pytest.mark.tool(client.tool)] if client.tool else [])
    for name, client in CLIENTS.items()
]
helper = pytest.mark.tool("aws_signing_helper")


@pytest.mark.parametrize("algorithm", KEYS)
@pytest.mark.parametrize("client", ALL)
def test_every_key(machine: Machine, estate: Estate, client: Client, algorithm: KeyAlgorithm) -> None:
    attempt = its_role(estate, algorithm)
    outcome = client.run(machine, attempt)
    assert outcome.arn == attempt.assumed_role_arn, outcome.text


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("client", ALL)
def test_every_case(machine: Machine, estate: Estate, client: Client, name: str) -> None:
    case = CASES[name]
    attempt = case.setup(estate, CASE_KEY)
    outcome = client.run(machine, attempt)
    if case.says is None:
        assert outcome.arn == attempt.assumed_role_arn, outcome.text
    else:
        assert outcome.arn is None
        assert case.says.format(role=attempt.role_arn) in outcome.text


@helper
def test_serve_hands_out_nothing_usable_when_it_is_refused(machine: Machine, estate: Estate) -> None:
    # The quirk of versions up to 1.8.5: it listens all the same, and answers 200 with empty keys.
    outcome = clients.serve(machine, wrong_role(estate, CASE_KEY))
    assert "OverflowError: date value out of range" in outcome.text


@helper
def test_serve_takes_up_a_role_that_was_given_later(machine: Machine, estate: Estate) -> None:
    attempt = its_role(estate, CASE_KEY)
    estate.trust("reader", {})
    with clients.serving(machine, attempt) as (url, _):
        assert clients.imds_caller(machine, url).arn is None
        estate.trust("reader", {estate.anchor: ["web.example.com"]})
        assert clients.imds_caller(machine, url).arn == attempt.assumed_role_arn


@helper
def test_the_helper_refuses_a_profile_that_it_cannot_read(machine: Machine, estate: Estate) -> None:
    outcome = clients.boto3_profile(machine, its_role(estate, CASE_KEY), profile="web reader")
    assert outcome.arn is None
    assert "failed to get shared config profile, web reader" in outcome.text


@helper
def test_the_helper_asks_for_an_hour_whatever_the_profile_says(machine: Machine, estate: Estate) -> None:
    profile = estate.profiles["reader"].rpartition("/")[2]
    estate.anywhere.update_profile(profileId=profile, durationSeconds=43_200)
    attempt = its_role(estate, CASE_KEY)
    assert clients.credential_process_http(machine, attempt).arn == attempt.assumed_role_arn
    assert (
        f"Unable to assume role for {attempt.role_arn}"
        in clients.credential_process_http(machine, attempt, "--session-duration", "7200").text
    )


@helper
def test_the_helper_sends_the_first_certificate_only(machine: Machine, estate: Estate) -> None:
    attempt = CASES["intermediate"].setup(estate, CASE_KEY)
    assert attempt.intermediates is not None
    with attempt.certificate.open("a") as file:
        file.write(attempt.intermediates.read_text())
    outcome = clients.credential_process_http(machine, clients.without_chain(attempt))
    assert "Untrusted signing certificate" in outcome.text


@helper
def test_the_helper_does_not_believe_an_authority_that_it_was_not_told_of(
    machine: Machine, estate: Estate
) -> None:
    outcome = clients.credential_process_http(
        machine, its_role(estate, CASE_KEY), "--endpoint", machine.server.https_url
    )
    assert outcome.arn is None
    assert "certificate signed by unknown authority" in outcome.text


def test_the_page_tells_what_the_tests_run() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: python -m tests.e2e.clients.report"
