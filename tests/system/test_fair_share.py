# SPDX-License-Identifier: Apache-2.0
"""Thousands of destinations that do not answer, and one that does: what spool lets them hold of a relay. The relay is
played here, so that silence costs no time."""

import resource
import time

import procs
import pytest
import rolerig
from test_hostile_roles import DEFERRED, DONE, PATIENCE_S, SETTINGS, Smtpd, outcome, relay_of

DEAD = 2000
LEASES_MAX = 10000  # RELAY_LEASES_MAX of src/procs/spool/delivery.c


@pytest.fixture
def spool(tmp_path, request):
    """One that has as many descriptors as the test says, or as may be."""
    files = getattr(request, "param", resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    if not hasattr(request, "param") and files < LEASES_MAX + 640:
        pytest.skip(f"{files} descriptors are too few for {LEASES_MAX} leases")
    settings = {name: value for name, value in SETTINGS.items() if name != "smarthost"}
    settings["retry"] = {"first": "1s", "max": "2s", "for": "5d"}
    wrapper = ["prlimit", f"--nofile={files}:{files}"]
    with rolerig.Role("spool", settings, wrapper=wrapper, directories=[tmp_path]) as role:
        yield role
        assert role.process.poll() is None, role.log()


def recipient(domain):
    return {"address": b"you@" + domain.encode(), "orcpt": b"", "notify": 0, "forwarded": False}


def commit_to(smtpd, *domains):
    """A message to each hundred of them."""
    rcpts = [recipient(domain) for domain in domains]
    for at in range(0, len(rcpts), 100):
        assert smtpd.commit(envelope={"rcpts": rcpts[at : at + 100]}) == DONE


def dead_domains(count=DEAD):
    return [f"dead{n}.test" for n in range(count)]


def answer(relay, delivery, *outcomes):
    relay.say("outcomes", lease=delivery["lease"], outcomes=list(outcomes))


def unreachable():
    silence = outcome(DEFERRED, b"No answer", code=451, enhanced_class=4, enhanced_subject=4, enhanced_detail=1)
    return {**silence, "remote_said": 0}


def domain_of(delivery):
    return delivery["route"]["domain"].decode()


def wait_for_domain(relay, domain):
    relay.end.settimeout(PATIENCE_S)
    while True:
        _, delivery = relay.hear()
        if domain_of(delivery) == domain:
            return delivery


def test_new_destinations_that_do_not_answer_leave_room_for_a_healthy_one(spool):
    relay, smtpd = relay_of(spool), Smtpd(spool)
    for _ in range(LEASES_MAX // DEAD):
        commit_to(smtpd, *dead_domains())
    held = relay.hear_all()
    assert DEAD <= len(held) < LEASES_MAX
    assert len({domain_of(d) for d in held}) == DEAD
    commit_to(smtpd, "healthy.test")
    answer(relay, wait_for_domain(relay, "healthy.test"), outcome())


def test_who_has_answered_is_served_whatever_the_unknown_hold(spool):
    relay, smtpd = relay_of(spool), Smtpd(spool)
    # What is under way keeps it known.
    commit_to(smtpd, "healthy.test")
    commit_to(smtpd, "healthy.test")
    answer(relay, wait_for_domain(relay, "healthy.test"), outcome())
    wait_for_domain(relay, "healthy.test")
    commit_to(smtpd, *dead_domains(count=12000))
    held = len(relay.hear_all())
    assert LEASES_MAX * 80 // 100 - 1 <= held <= LEASES_MAX * 80 // 100
    commit_to(smtpd, "healthy.test")
    wait_for_domain(relay, "healthy.test")


def test_those_known_to_be_silent_are_asked_by_one_lease_each(spool):
    relay, smtpd = relay_of(spool), Smtpd(spool)
    domains = dead_domains(count=20)
    for _ in range(10):
        commit_to(smtpd, *domains)
    for delivery in relay.hear_all():
        answer(relay, delivery, unreachable())
    again = []
    while len(again) < len(domains):
        again += relay.hear_all()
    assert sorted(domain_of(d) for d in again) == sorted(domains)
    # One that answers has its whole window at once.
    answer(relay, again[0], outcome())
    more = [d for d in relay.hear_all() if domain_of(d) == domain_of(again[0])]
    assert len(more) == 5


def test_the_silent_hold_a_fifth_together(spool):
    relay, smtpd = relay_of(spool), Smtpd(spool)
    commit_to(smtpd, *dead_domains(count=2500))
    held = relay.hear_all()
    assert len(held) == 2500
    for delivery in held:
        answer(relay, delivery, unreachable())
    silent = []
    while len(silent) < LEASES_MAX * 20 // 100:
        silent += relay.hear_all()
    time.sleep(2)  # all of them are due again
    assert relay.hear_all() == [] and len(silent) == LEASES_MAX * 20 // 100
    commit_to(smtpd, *dead_domains(count=3000))
    assert {domain_of(d) for d in relay.hear_all()} == set(dead_domains(count=3000)[2500:])
    for delivery in silent[:100]:
        answer(relay, delivery, unreachable())
    assert len(relay.hear_all()) == 100


@pytest.mark.parametrize("spool", [1024], indirect=True)
def test_a_relay_with_few_descriptors_gets_no_more_than_it_can_dial(spool):
    relay, smtpd = relay_of(spool), Smtpd(spool)
    commit_to(smtpd, *dead_domains())
    assert 200 < len(relay.hear_all()) < 1024 - 640


def test_a_message_to_thousands_of_destinations_holds_up_nobody(spool):
    relay, smtpd, other = relay_of(spool), Smtpd(spool), Smtpd(spool, 1)
    rcpts = [recipient(domain) for domain in dead_domains(count=4000)]
    id = other.id()
    smtpd.say_commit(smtpd.id(), envelope={"rcpts": rcpts})
    began_s = procs.cpu_s(spool.process.pid)
    assert other.commit(id=id) == DONE
    assert other.commit() == DONE
    both_s = procs.cpu_s(spool.process.pid) - began_s
    assert len({domain_of(d) for d in relay.hear_all()}) == 4001
    assert both_s < (procs.cpu_s(spool.process.pid) - began_s) / 4, "they waited for the large one"
