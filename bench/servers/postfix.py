# SPDX-License-Identifier: Apache-2.0
"""Postfix of Debian 12 with its defaults, in a root of its own (tests/system/peers.py), never installed.

Set is only what any test bed needs: where to listen, whom to relay for, where mail goes. Queue, limits, syncing and
delays are as they come.
"""

import os
import pathlib
import subprocess

from servers import USERS, free_port, wait_for_greeting, work_pair  # and where tests/system is

import peers

QUEUES = ("maildrop", "incoming", "active", "deferred")

MAIN = """\
compatibility_level = 3.6
queue_directory = /own/spool
data_directory = /own/data
maillog_file = /own/log/maillog
maillog_file_prefixes = /own
myhostname = postfix.test
mydestination =
alias_maps =
local_recipient_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
"""

MODE_SETTINGS = {
    "discard": "default_transport = discard:\n",
    "relay": "relayhost = [127.0.0.1]:{sink_port}\n",
    "maildir": "virtual_mailbox_domains = box.test\nvirtual_mailbox_base = /own/mail\n"
    "virtual_mailbox_maps = texthash:/own/conf/mailboxes\n"
    "virtual_uid_maps = static:{uid}\nvirtual_gid_maps = static:{uid}\n",
}

MODE_SETTINGS["idle"] = MODE_SETTINGS["discard"]
MODE_SETTINGS["verify"] = (
    MODE_SETTINGS["discard"] + "transport_maps = inline:{{ {{ check.test = smtp:[127.0.0.1]:{sink_port} }} }}\n"
)

TLS_SETTINGS = {
    "": "",
    "in": "smtpd_tls_security_level = may\nsmtpd_tls_chain_files = /own/{key}, /own/{certificate}\n",
    "out": "smtp_tls_security_level = may\n",
}
TLS_LISTENER = "127.0.0.1:{tls_port} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes\n"

# As Debian ships it, less the services that nothing here uses, without chroot, and with the port.
MASTER = """\
127.0.0.1:{port} inet n - n - {smtpd_processes} smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Server:
    name = "postfix"
    modes = ("discard", "maildir", "relay", "idle")
    smtpd_processes = "-"  # as many as default_process_limit says, which is 100

    def __init__(self, work, mode, sink_port, tls=""):
        self.work = pathlib.Path(work)
        self.mode = mode
        self.sink_port = sink_port
        self.tls = tls
        self.port = self.tls_port = None
        self.peer = None
        self.root = self.find_root()
        self.mailboxes = self.work / "mail" if mode == "maildir" else None

    @staticmethod
    def find_root():
        return peers.peer_root()

    def more_settings(self):
        """What is added to main.cf and to master.cf."""
        return "", ""

    def command(self):
        return ["postfix", "-c", "/own/conf", "start-fg"]

    def write_configuration(self):
        for name, owner in (("conf", 0), ("spool", 0), ("log", 0), ("data", peers.USERS["postfix"])):
            (self.work / name).mkdir()
            os.chown(self.work / name, owner, 0)
        (self.work / "mail").mkdir()
        os.chown(self.work / "mail", peers.USERS["vmail"], peers.USERS["vmail"])
        mode = MODE_SETTINGS[self.mode].format(sink_port=self.sink_port, uid=peers.USERS["vmail"])
        tls = TLS_SETTINGS[self.tls.removesuffix("-rsa")]
        master = MASTER.format(port=self.port, smtpd_processes=self.smtpd_processes)
        if self.tls.startswith("in"):
            certificate, key = work_pair(self.work, self.tls)
            tls = tls.format(certificate=certificate.name, key=key.name)
            self.tls_port = free_port()
            master += TLS_LISTENER.format(tls_port=self.tls_port)
        more_main, more_master = self.more_settings()
        (self.work / "conf/main.cf").write_text(MAIN + mode + tls + more_main, encoding="utf-8")
        (self.work / "conf/master.cf").write_text(master + more_master, encoding="utf-8")
        boxes = "".join(f"user{n}@box.test user{n}/\n" for n in range(USERS))
        (self.work / "conf/mailboxes").write_text(boxes, encoding="utf-8")

    def start(self):
        self.port = free_port()
        self.write_configuration()
        self.peer = peers.Peer(self.root, self.work, self.command())
        if not wait_for_greeting(self.port, lambda: self.peer.process.poll() is None):
            said = self.peer.output()
            self.stop()
            raise RuntimeError(f"{self.name} did not greet; it said: {said[-2000:]}")

    def stop(self):
        if self.peer:
            self.peer.stop()
        self.peer = None

    def settings(self):
        argv = ["chroot", self.root, "postconf", "-d", "-h", "mail_version"]
        version = subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()
        return [f"Postfix {version}, Debian's, defaults"]

    def pending(self):
        return sum(len(files) for queue in QUEUES for _, _, files in os.walk(self.work / "spool" / queue))
