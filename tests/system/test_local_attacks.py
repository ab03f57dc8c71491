# SPDX-License-Identifier: Apache-2.0
"""Who may run programs on this machine but is not its operator, and who holds the control socket and lies on it."""

import os
import pathlib
import random
import socket
import stat

import rolerig
from gateway import eventually, free_port

MESSAGE = b"From: me@example.com\r\nSubject: hello\r\n\r\nhello\r\n"
CONNECTIONS = 100
NOBODY = 65534
REQUEST = {
    "verb": 1,
    "id": 0,
    "sender": b"",
    "recipient": b"",
    "domain": b"",
    "older_ms": 0,
    "all": 1,
    "limit": 0,
}
OWN_FOLDERS = {"spool": "/state/spool", "maildir": "/mail", "fetch": "/state/mta-sts", "reports": "/state/reports"}

EVERY_ROLE = {"smtpd", "spool", "relay", "maildir", "resolver", "fetch", "signer", "auth", "reports", "ingest",
              "web"}


def control(server):
    end = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    end.connect(str(server.folder / "state" / "control"))
    return rolerig.Channel(end)


def roles(server):
    return {pid: name for pid, name in server.roles().items() if name != "gatepost-supervisor"}


def settled(server):
    """Its roles, when each has begun its work."""
    eventually(server.all_are_ready, what="every role")
    return roles(server)


def alive_as_before(server, before):
    assert roles(server) == before
    server.send(MESSAGE)
    return True


def test_the_control_socket_is_its_owners_alone(gatepost):
    server = gatepost()
    path = server.folder / "state" / "control"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    if os.geteuid() != 0:
        return
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setresgid(12345, 12345, 12345)
        os.setresuid(12345, 12345, 12345)
        try:
            control(server)
        except PermissionError:
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_garbage_on_the_control_socket_ends_that_connection_only(gatepost):
    server = gatepost()
    before = settled(server)
    numbers = random.Random(1)
    good = control(server)
    for i in range(200):
        bad = control(server)
        kind = i % 4
        if kind == 0:
            bad.end.send(numbers.randbytes(numbers.randrange(1, 200)))
        elif kind == 1:
            bad.say_raw(numbers.randrange(0, 40), numbers.randbytes(numbers.randrange(0, 100)))
        elif kind == 2:
            bad.say_raw(numbers.randrange(0, 40), b"", fd=0, length=numbers.randrange(0, 2**32))
        else:
            bad.say("queue_request", fd=0, **REQUEST)
        assert bad.hear() is None
        bad.close()
    good.say("queue_request", **REQUEST)
    assert good.hear()[0] == "queue_done"
    assert alive_as_before(server, before)
    server.wait_for_mails("alice")


def test_a_message_for_each_type_with_wrong_values(gatepost):
    """What the operator's program may say, with values that it never would."""
    server = gatepost()
    before = settled(server)
    server.send(MESSAGE)
    for verb in (0, 10, 11, 255):
        one = control(server)
        one.say("queue_request", **{**REQUEST, "verb": verb})
        name, said = one.hear()
        assert name == "queue_done" and said["result"] == 3
        one.close()
    for changes in ({"all": 0}, {"all": 0, "id": 2**64 - 1}, {"older_ms": 2**64 - 1}, {"domain": b"\xff" * 256}):
        one = control(server)
        one.say("queue_request", **{**REQUEST, **changes})
        heard = one.hear()
        while heard and heard[0] != "queue_done":
            heard = one.hear()
        assert heard
        one.close()
    assert alive_as_before(server, before)


def test_no_message_is_older_than_the_greatest_age(gatepost):
    server = gatepost(relay_networks=["127.0.0.0/8"], smarthost={"address": f"127.0.0.1:{free_port()}"})
    server.send(MESSAGE, to=["you@elsewhere.test"])
    assert len(server.queued()) == 1
    one = control(server)
    one.say("queue_request", **{**REQUEST, "all": 0, "older_ms": 2**64 - 1})
    assert one.hear() == ("queue_done", {"result": 1, "count": 0, "under_way": 0, "text": b""})
    one.close()


def test_a_flood_of_requests_stops_no_delivery(gatepost):
    server = gatepost()
    before = settled(server)
    (spool,) = [pid for pid, name in before.items() if name.endswith("spool")]
    flood = []
    for i in range(CONNECTIONS):
        try:
            flood.append(control(server))
            flood[-1].say("queue_request", **REQUEST)
        except OSError:  # more than spool takes at once are closed
            pass
    for _ in range(20):
        server.send(MESSAGE)
    server.wait_for_mails("alice", count=20)
    assert len(list(pathlib.Path(f"/proc/{spool}/fd").iterdir())) < 120
    for one in flood:
        one.close()
    assert eventually(lambda: server.run("queue", "list").returncode == 0, what="the operator's turn")
    assert alive_as_before(server, before)


def status(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def test_every_process_has_given_up_what_it_does_not_need(gatepost):
    server = gatepost()
    server.send(MESSAGE)
    found = {name.removeprefix("gatepost-"): pid for pid, name in settled(server).items()}
    assert set(found) >= EVERY_ROLE
    for name, pid in found.items():
        # Those that smtpd does not wait for may still be on their way into it.
        eventually(lambda pid=pid: status(pid)["Seccomp"] == "2", what=f"the sandbox of {name}")
        said = status(pid)
        assert (said["Seccomp"], said["NoNewPrivs"], said["Threads"]) == ("2", "1", "1"), name
        for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            if kind != "CapBnd" or os.geteuid() == 0:
                assert int(said[kind], 16) == 0, (name, kind)
        if os.geteuid() == 0:
            assert set(said["Uid"].split()) == {str(NOBODY)} and set(said["Gid"].split()) == {str(NOBODY)}, name
            assert said["Groups"].split() in ([], [str(NOBODY)]), name
            assert os.stat(f"/proc/{pid}/environ").st_uid == 0, name  # as of a process that is not dumpable
        limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
        for limit in ("Max core file size", "Max processes"):
            (line,) = [x for x in limits.splitlines() if x.startswith(limit)]
            assert line.removeprefix(limit).split()[:2] == ["0", "0"], (name, line)
        # Nothing of the supervisor's comes along: its sockets, its lock, the other roles' folders.
        files = [os.readlink(f) for f in pathlib.Path(f"/proc/{pid}/fd").iterdir()]
        folders = {x for x in files if x.startswith(str(server.folder)) and not x.endswith("/log")}
        own = OWN_FOLDERS.get(name)
        assert all(own and x.startswith(str(server.folder) + own) for x in folders), (name, folders)


def test_the_gateway_installs_nothing_with_others_rights():
    """Neither set-user-id nor set-group-id: local mail comes over a socket."""
    for file in pathlib.Path(rolerig.BUILD).glob("gatepost*"):
        assert not file.stat().st_mode & (stat.S_ISUID | stat.S_ISGID), file
