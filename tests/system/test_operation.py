# SPDX-License-Identifier: Apache-2.0
"""Running it: the queue's commands, restart, reload, who the processes are, what dies alone."""

import json
import os
import pathlib
import signal
import socket
import time

import pytest
from gateway import eventually, free_port, run

MESSAGE = b"From: me@example.com\r\nSubject: hello\r\n\r\nhello\r\n"
LATER = {"first": "1h", "max": "4h", "for": "5d"}


def stuck(gatepost, **settings):
    """A gateway whose next hop does not answer, and a message in its queue."""
    settings = {"retry": LATER, **settings}
    server = gatepost(relay_networks=["127.0.0.0/8"], smarthost={"address": f"127.0.0.1:{free_port()}"}, **settings)
    id = server.send(MESSAGE, to=["you@elsewhere.test"])
    eventually(lambda: "you@elsewhere.test" in server.queue("why", id), what="a reason")
    return server, id


def test_queue_commands(gatepost):
    server, id = stuck(gatepost)
    assert id in server.queue("list")
    assert len(server.queued()) == 1
    assert "me@example.com" in server.queue("show", id)
    assert "Subject: hello" in server.queue("cat", id)
    assert "127.0.0.1" in server.queue("why", id)
    server.queue("retry", id)
    server.queue("drop", id)
    assert server.queued() == []
    assert server.run("queue", "show", id).returncode == 1


def test_the_queue_survives_a_restart(gatepost):
    server, id = stuck(gatepost)
    server.stop()
    server.start()
    assert id in server.queue("list")
    assert "Subject: hello" in server.queue("cat", id)


def test_the_queue_survives_kill(gatepost):
    server, id = stuck(gatepost)
    server.kill()
    server.start()
    assert id in server.queue("list")


def test_reload_takes_the_new_configuration(gatepost):
    server = gatepost()
    server.settings["domains"]["demo.test"]["recipients"].append("carol")
    server.write_config()
    server.process.send_signal(signal.SIGHUP)

    def carol_lives():
        with server.talk() as talk:
            talk.say("EHLO client.example.com")
            talk.say("MAIL FROM:<me@example.com>")
            return talk.say("RCPT TO:<carol@demo.test>").startswith("250")

    eventually(carol_lives, what="the new recipient")
    assert server.process.poll() is None


def test_a_session_keeps_its_name_over_reloads(gatepost):
    """A reload frees the configuration that the session began with; it must not be looked at again."""
    server = gatepost()
    with server.talk() as talk:
        first = talk.say("EHLO client.example.com")
        for i in range(3):
            server.settings["hostname"] = f"mx{i}.another-name.test"
            recipients = [f"user{n}-{'x' * 20}" for n in range(2000 * (i + 1))]
            server.settings["domains"]["demo.test"]["recipients"] = ["alice", *recipients]
            server.write_config()
            server.process.send_signal(signal.SIGHUP)
            eventually(lambda: server.log_text().count('"reloaded"') > i, what="the reload")
            time.sleep(0.2)
            assert talk.say("EHLO client.example.com") == first


def test_an_address_that_cannot_be_bound_costs_no_other(gatepost):
    server = gatepost()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server.settings["listen"].insert(0, {"address": f"127.0.0.1:{port}", "service": "inbound"})
        server.write_config()
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: "reload_incomplete" in server.log_text(), what="the complaint")
        server.send(MESSAGE)
        taken.close()
    server.process.send_signal(signal.SIGHUP)

    eventually(lambda: server.log_text().count('"reloaded"') == 2, what="the second reload")
    eventually(lambda: answers(port), what="the address that is free now")
    server.send(MESSAGE)


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
            return s.recv(4) == b"220 "
    except OSError:
        return False


def test_descriptors_are_not_a_login_s_few(gatepost):
    server = gatepost()
    for pid in server.roles():
        limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
        soft, hard = [line.split()[3:5] for line in limits.splitlines() if line.startswith("Max open files")][0]
        assert soft == hard


def test_bounce_of_all_leaves_its_reports(gatepost):
    server, _ = stuck(gatepost)
    server.send(MESSAGE, to=["me@elsewhere.test"])
    server.queue("bounce", "--all")
    assert [m["sender"] for m in server.queued()] == ["", ""]


def test_reload_keeps_the_old_configuration_when_the_new_one_is_wrong(gatepost):
    server = gatepost()
    server.config.write_text("hostname: 1 2 3\nnonsense: true\n", encoding="utf-8")
    server.process.send_signal(signal.SIGHUP)
    time.sleep(1)
    server.send(MESSAGE)
    server.wait_for_mails("alice")


def test_sigterm_lets_a_session_end(gatepost):
    server = gatepost()
    with server.talk() as talk:
        talk.say("EHLO client.example.com")
        server.process.send_signal(signal.SIGTERM)
        assert talk.reply().startswith("421") or talk.closed()
    assert server.process.wait(30) == 0


def test_each_accept_and_delivery_is_one_line_with_its_id(gatepost):
    server = gatepost()
    id = server.send(MESSAGE)
    server.wait_for_mails("alice")
    eventually(lambda: len([x for x in server.log_lines() if id in json.dumps(x)]) >= 2, what="two lines")


def status(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def test_roles_are_confined(gatepost):
    server = gatepost()
    eventually(server.all_are_ready, what="every role")
    roles = server.roles()
    names = " ".join(roles.values())
    for role in ("smtpd", "spool", "relay", "maildir", "resolver", "auth"):
        assert f"gatepost-{role}" in names, names
    for pid, name in roles.items():
        said = status(pid)
        assert said["Seccomp"] == "2", name
        assert said["NoNewPrivs"] == "1", name
        for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            assert int(said[kind], 16) == 0, (name, kind)
        if os.geteuid() == 0:
            assert "0" not in said["Uid"].split(), name
            # The files of a process that is not dumpable belong to root.
            assert os.stat(f"/proc/{pid}/environ").st_uid == 0, name


@pytest.mark.parametrize("role", ["smtpd", "spool", "relay", "maildir", "resolver", "auth"])
def test_a_role_that_dies_is_started_again(gatepost, role):
    server = gatepost()
    server.crash_is_expected = True

    def of_this_role():
        return [pid for pid, name in server.roles().items() if name == f"gatepost-{role}"]

    victim, *others = eventually(of_this_role, what=f"the first {role}")
    os.kill(victim, signal.SIGKILL)

    def there_again():
        return set(of_this_role()) - {victim, *others}

    eventually(there_again, what=f"a new {role}")
    eventually(server.answers, what="the greeting")

    def accepted():
        try:
            return server.send(MESSAGE)
        except (AssertionError, OSError):
            return None

    eventually(accepted, what="a message accepted")
    server.wait_for_mails("alice")


def test_a_configuration_that_relays_for_the_world_does_not_load(tmp_path):
    config = tmp_path / "gatepost.yaml"
    for network in ("0.0.0.0/0", "0.0.0.0/1", "::/0"):
        config.write_text(
            "hostname: mx.example.org\nlisten: [{address: '127.0.0.1:2525', service: inbound}]\n"
            f"relay_networks: ['{network}']\n",
            encoding="utf-8",
        )
        for command in (("config", "check"), ("serve",)):
            done = run(*command, "-c", config)
            assert done.returncode == 2
            assert "gatepost.yaml:3:" in done.stdout + done.stderr


def test_mistakes_are_told_with_place_and_nearest_spelling(tmp_path):
    config = tmp_path / "gatepost.yaml"
    config.write_text(
        "hostnam: mx.example.org\nlisten: [{address: '127.0.0.1:2525', service: inbond}]\n", encoding="utf-8"
    )
    done = run("config", "check", "-c", config)
    said = done.stdout + done.stderr
    assert done.returncode == 2
    assert "gatepost.yaml:1:1" in said and "hostname" in said
    assert "gatepost.yaml:2:" in said and "inbound" in said


def test_relative_paths_start_from_the_file(gatepost):
    """Whatever folder the gateway is started from, and however its file is named."""
    server = gatepost()
    server.stop()
    server.config_argument = os.path.relpath(server.config)
    server.start()
    server.send(MESSAGE)
    server.wait_for_mails("alice")


def test_help_opens_the_page_and_does_without_man(tmp_path):
    """A man of our own in PATH shows what it is asked for."""
    man = tmp_path / "man"
    man.write_text('#!/bin/sh\necho "man $*"\n', encoding="utf-8")
    man.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    for page, words in (("gatepost", []), ("gatepost", ["help"]), ("gatepost-queue", ["queue"])):
        shown = run("help", *words, env=environment)
        assert shown.returncode == 0
        assert shown.stdout.startswith("man ") and shown.stdout.rstrip().removesuffix(".1").endswith(f"/{page}")
    assert "usage: gatepost queue" in run("help", "queue", env={"PATH": "/nowhere"}).stdout
    assert run("help", "nosuch").returncode == 2
    assert run("help", "queue", "more").returncode == 2
