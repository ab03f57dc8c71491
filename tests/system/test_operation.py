# SPDX-License-Identifier: Apache-2.0
"""Running it: the queue's commands, restart, reload, who the processes are, what dies alone."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time

import pytest
import test_local_attacks
from gateway import PROGRAM, eventually, free_port, queue_id, run

ROLES = ("smtpd", "spool", "relay", "maildir", "resolver", "fetch", "signer", "auth", "reports", "ingest", "web")
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


@pytest.mark.parametrize("empty", [["--sender", ""], ["--recipient", "<>"], ["--domain", ""]])
def test_an_empty_selector_is_none(gatepost, empty):
    """A script's variable that was not set."""
    server, id = stuck(gatepost)
    for verb in (["list"], ["drop", "--all"], ["drop", "--older", "0s"]):
        done = server.run("queue", *verb, *empty)
        assert done.returncode == 2 and empty[0] in done.stderr and done.stdout == ""
    assert [m["id"] for m in server.queued()] == [id]


@pytest.mark.parametrize("nobodys", ["00000000000", "zzzzzzzzzzz", "000000000010", "0123456789abcdef"])
def test_an_id_that_no_message_has(gatepost, nobodys):
    server, id = stuck(gatepost)
    for verb in ("list", "show", "why", "cat", "retry", "hold", "release", "bounce", "drop"):
        done = server.run("queue", verb, nobodys)
        assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert server.run("queue", "drop", nobodys, "--domain", "elsewhere.test").returncode == 1
    assert [m["id"] for m in server.queued()] == [id]
    assert server.run("trace", nobodys).returncode == 1


def test_options_may_come_before_the_verb(gatepost):
    server, id = stuck(gatepost)
    for argv in (["-c", server.config, "--json", "list"], ["-c", server.config, "list", id, "--json"]):
        done = run("queue", *argv)
        assert done.returncode == 0 and json.loads(done.stdout)["id"] == id
    done = run("queue", "list", "-h")
    assert done.returncode == 0 and "--recipient" in done.stdout
    assert run("queue", "-c", server.config).returncode == 2


def test_a_full_disk_is_told_of(gatepost):
    server, id = stuck(gatepost)
    for verb in (["list"], ["cat", id], ["stats", "--json"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [PROGRAM, "queue", *verb, "-c", server.config], stdout=full, stderr=subprocess.PIPE, check=False
            )
        assert done.returncode == 4 and b"No space left" in done.stderr


def test_retry_counts_for_what_was_not_looked_at_since_a_restart(gatepost, sink):
    answers = iter(["451 4.3.0 not now", "250 kept"])
    end = sink({".": lambda _: next(answers)})
    smarthost = {"address": f"127.0.0.1:{end.port}"}
    server = gatepost(relay_networks=["127.0.0.0/8"], smarthost=smarthost, retry=LATER)
    id = server.send(MESSAGE, to=["you@elsewhere.test"])
    eventually(lambda: "not now" in server.queue("why", id), what="a deferral")
    server.stop()
    server.start()
    server.queue("retry", id)
    eventually(lambda: end.messages, what="delivery")


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


def test_a_reload_finds_a_message_that_waits_for_its_sync(gatepost):
    """spool finds both at once when it comes back: the message, and the new configuration."""
    server = gatepost()
    spool = server.pid_of("spool")
    for n in range(8):
        before = server.log_text().count('"reloaded"')
        os.kill(spool, signal.SIGSTOP)
        try:
            sender = threading.Thread(target=server.send, args=(b"Subject: x\r\n\r\n",))
            sender.start()
            time.sleep(0.1)
            server.process.send_signal(signal.SIGHUP)
            time.sleep(0.1)
        finally:
            os.kill(spool, signal.SIGCONT)
        sender.join(20)
        eventually(lambda before=before: server.log_text().count('"reloaded"') > before, what="the reload")
        server.wait_for_mails("alice", n + 1)
    assert spool in server.roles()


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


def reload(server):
    """SIGHUP, and the new configuration holds."""
    before = server.log_text().count('"reloaded"')
    server.write_config()
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: server.log_text().count('"reloaded"') > before, what="the reload")


def domain_below(folder):
    return {"recipients": ["alice"], "deliver": {"maildir": f"{folder}/{{domain}}/{{local}}"}}


def accepts(server, rcpt):
    with server.talk() as talk:
        talk.say("EHLO client.example.com")
        talk.say("MAIL FROM:<me@example.com>")
        return talk.say(f"RCPT TO:<{rcpt}>").startswith("250")


def test_a_reload_brings_new_mail_roots(gatepost):
    server = gatepost()
    new = server.folder / "more" / "new"
    new.parent.mkdir()
    if os.geteuid() == 0:
        os.chown(new.parent, 65534, 65534)
    server.settings["domains"]["new.test"] = domain_below(new)
    reload(server)
    eventually(lambda: accepts(server, "alice@new.test"), what="the new domain")
    server.send(MESSAGE, to=["alice@new.test", "alice@demo.test"])
    server.wait_for_mails("alice")
    eventually(lambda: list((new / "new.test" / "alice" / "new").glob("*")), what="the mail below the new root")
    assert "role_died" not in server.log_text() and "deferred" not in server.log_text()


def test_a_mail_root_that_cannot_be_made_is_told_and_costs_no_other(gatepost):
    server = gatepost()
    new = server.folder / "closed" / "new"
    new.parent.mkdir(mode=0o755)
    new.parent.joinpath("new").write_bytes(b"no folder")
    server.settings["domains"]["new.test"] = domain_below(new)
    reload(server)
    eventually(lambda: "reload_incomplete" in server.log_text(), what="the complaint")
    assert any(x["event"] == "cannot_open_folder" and x["path"] == str(new) for x in server.log_lines())
    eventually(lambda: accepts(server, "alice@new.test"), what="the new domain")
    id = server.send(MESSAGE, to=["alice@new.test", "alice@demo.test"])
    server.wait_for_mails("alice")
    eventually(lambda: "4.3.5" in server.log_text(), what="the deferral")
    new.unlink()
    new.mkdir()
    if os.geteuid() == 0:
        os.chown(new, 65534, 65534)
    reload(server)

    def arrived():
        server.run("queue", "retry", id)
        return list((new / "new.test" / "alice" / "new").glob("*"))

    eventually(arrived, what="the mail below the root that is there now")


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


def test_a_second_gateway_on_the_same_address_does_not_start(gatepost, tmp_path):
    first = gatepost()
    config = tmp_path / "gatepost.yaml"
    config.write_text(json.dumps({**first.settings, "state": str(tmp_path / "state")}), encoding="utf-8")
    (tmp_path / "names.json").write_text("{}", encoding="utf-8")
    done = run("serve", "-c", config)
    assert done.returncode == 4
    assert "cannot_listen" in done.stderr and "already in use" in done.stderr
    assert first.answers()


def test_a_second_gateway_on_the_same_state_does_not_start(gatepost, tmp_path):
    first = gatepost()
    config = tmp_path / "gatepost.yaml"
    settings = {**first.settings, "state": str(first.folder / "state")}
    settings["listen"] = [{"address": f"127.0.0.1:{free_port()}", "service": "inbound"}]
    config.write_text(json.dumps(settings), encoding="utf-8")
    (tmp_path / "names.json").write_text("{}", encoding="utf-8")
    done = run("serve", "-c", config)
    assert done.returncode == 4
    assert "state_in_use" in done.stderr and "another gateway" in done.stderr
    first.send(MESSAGE)
    first.wait_for_mails("alice")


def test_a_gateway_whose_supervisor_was_killed_can_be_started_at_once(gatepost):
    server = gatepost()
    orphans = server.roles()
    with server.talk():
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait(10)
        server.start()
    # They share the port with their successors until they see that nobody leads them.
    eventually(lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in orphans), what="their end")
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


def test_answers_that_make_no_sense_are_a_mistake(gatepost):
    server = gatepost(names={"you.test": {"TXT": ["x"]}})
    for text, place in (('{\n "a": }', ":2:"), ('{"a.test": {"A": ["192.0.2"]}}', ":1:1: a.test A")):
        (server.folder / "names.json").write_text(text, encoding="utf-8")
        done = server.run("config", "check")
        assert done.returncode == 2 and f"names.json{place}" in done.stderr
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: "reload_refused" in server.log_text(), what="a refusal of the reload")
        server.log_path.write_text("")
    server.send(MESSAGE)
    assert "role_died" not in server.log_text()


def test_complaints_of_what_is_no_text_are_told(tmp_path):
    config = tmp_path / "gatepost.yaml"
    domain = {"recipients": {"file": "recipients"}, "deliver": "discard"}
    listen = [{"address": "127.0.0.1:2525", "service": "inbound"}]
    settings = {"hostname": "mx.gatepost.test", "listen": listen, "domains": {"demo.test": domain}}
    config.write_text(json.dumps(settings), encoding="utf-8")
    (tmp_path / "recipients").write_bytes(b"alice\nm\xfcller\n")
    done = run("config", "check", "--json", "-c", config)
    (complaint,) = json.loads(done.stdout)["complaints"]
    assert (complaint["line"], complaint["file"]) == (2, str(tmp_path / "recipients")) and "m?ller" in complaint["text"]


def test_sigterm_lets_a_session_end(gatepost):
    server = gatepost()
    with server.talk() as talk:
        talk.say("EHLO client.example.com")
        server.process.send_signal(signal.SIGTERM)
        assert talk.reply().startswith("421") or talk.closed()
    assert server.process.wait(30) == 0


def test_an_ordinary_stop_looks_like_no_fault(gatepost):
    server = gatepost()
    eventually(server.all_are_ready, what="every role")
    server.send(MESSAGE)
    server.wait_for_mails("alice")
    server.stop()
    events = [(line["event"], line["level"]) for line in server.log_lines()]
    assert ("stopping", "info") in events
    assert [x for x in events if x[1] in ("warning", "error")] == []


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
    for role in ROLES:
        assert f"gatepost-{role}" in names, names
    for pid, name in roles.items():
        # Those that smtpd does not wait for may still be on their way into it.
        eventually(lambda pid=pid: status(pid)["Seccomp"] == "2", what=f"the sandbox of {name}")
        said = status(pid)
        assert said["NoNewPrivs"] == "1", name
        for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            assert int(said[kind], 16) == 0, (name, kind)
        if os.geteuid() == 0:
            assert "0" not in said["Uid"].split(), name
            # The files of a process that is not dumpable belong to root.
            assert os.stat(f"/proc/{pid}/environ").st_uid == 0, name


@pytest.mark.parametrize("role", ROLES)
def test_a_role_that_dies_is_started_again(gatepost, role):
    server = gatepost()
    server.crash_is_expected = True
    victim, *others = eventually(lambda: server.pids(role), what=f"the first {role}")
    os.kill(victim, signal.SIGKILL)

    def there_again():
        return set(server.pids(role)) - {victim, *others}

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


def test_a_configuration_that_cannot_be_read_is_one_object_too(tmp_path):
    done = run("config", "check", "--json", "-c", tmp_path / "absent.yaml")
    result = json.loads(done.stdout)
    assert done.returncode == 2 and result["ok"] is False and "No such file" in done.stderr
    assert result["complaints"][0]["file"] == str(tmp_path / "absent.yaml")


def test_a_file_of_users_that_is_not_there_is_told(tmp_path):
    config = tmp_path / "gatepost.yaml"
    config.write_text(
        "hostname: mx.example.org\nlisten: [{address: '127.0.0.1:2525', service: inbound}]\nusers: {file: usres}\n",
        encoding="utf-8",
    )
    done = run("config", "check", "-c", config)
    assert done.returncode == 0
    assert f"{config}:3:1: users: {tmp_path}/usres: No such file" in done.stderr
    said = json.loads(run("config", "check", "--json", "-c", config).stdout)
    assert said["ok"] and [x["line"] for x in said["warnings"]] == [3]
    (tmp_path / "usres").touch()
    done = run("config", "check", "-c", config)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(run("config", "check", "--json", "-c", config).stdout)["warnings"] == []


def test_check_warns_of_submission_for_nobody(tmp_path):
    config = tmp_path / "gatepost.yaml"
    listen = [{"address": "127.0.0.1:2587", "service": "submission"}]
    config.write_text(json.dumps({"hostname": "mx.gatepost.test", "listen": listen}), encoding="utf-8")
    done = run("config", "check", "-c", config)
    assert (done.returncode, done.stdout) == (0, f"{config}: no mistakes\n")
    users, tls = done.stderr.splitlines()
    assert users.startswith(f"{config}:1:") and "name a file of users" in users
    assert "name a certificate" in tls


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


@pytest.mark.skipif(os.geteuid() != 0, reason="looks at the descriptors of a role that is not dumpable")
def test_a_staging_file_that_waits_for_its_next_body_holds_no_space(gatepost):
    server = gatepost()
    server.send(MESSAGE + (b"x" * 70 + b"\r\n") * 40000)
    server.wait_for_mails("alice")
    spool = server.pid_of("spool")
    files = [f for f in pathlib.Path(f"/proc/{spool}/fd").iterdir() if "(deleted)" in os.readlink(f)]
    assert files
    eventually(lambda: all(f.stat().st_size == 0 for f in files), what="the space coming back")


def fill_queue(server, messages, rcpts):
    """Messages with so many recipients each, as fast as they go; their ids."""
    envelope = "".join(f"RCPT TO:<recipient-number-{n}@elsewhere.test>\r\n" for n in range(rcpts))
    ids = []
    with server.talk() as talk:
        talk.say("EHLO client.example.com")
        for _ in range(messages):
            talk.write(f"MAIL FROM:<me@example.com>\r\n{envelope}DATA\r\n".encode())
            assert [talk.reply()[:3] for _ in range(rcpts + 2)] == ["250"] * (rcpts + 1) + ["354"]
            ids.append(queue_id(talk.say(MESSAGE.decode() + ".")))
    return ids


def test_a_long_answer_is_given_as_fast_as_it_is_read(gatepost):
    """A command that reads nothing keeps its answer where it is: in the queue, which goes on."""
    server, first = stuck(gatepost)
    ids = fill_queue(server, 400, 100)
    reader = test_local_attacks.control(server)
    reader.say("queue_request", **test_local_attacks.REQUEST)
    time.sleep(0.5)
    server.queue("drop", ids[-1])
    assert len(server.queued()) == len(ids)
    listed = []
    while (heard := reader.hear())[0] == "queue_entry":
        listed.append(heard[1]["id"])
    assert heard[1]["count"] == len(listed) == len(set(listed)) == len(ids)
    reader.close()
    done = server.queue("hold", "--all", "--json")
    assert json.loads(done) == {"count": len(ids), "under_way": 0}
    assert {m["state"] for m in server.queued()} == {"held"}
    assert first in server.queue("list")


@pytest.mark.parametrize("verb", ["drop", "bounce"])
def test_who_takes_an_active_message_out_hears_that_it_is_under_way(gatepost, verb):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        hop = f"127.0.0.1:{silent.getsockname()[1]}"
        server = gatepost(relay_networks=["127.0.0.0/8"], smarthost={"address": hop})
        id = server.send(MESSAGE, to=["you@elsewhere.test"])
        eventually(lambda: [m["state"] for m in server.queued()] == ["active"], what="the delivery")
        assert "under way for 1 of them" in server.queue(verb, id)
