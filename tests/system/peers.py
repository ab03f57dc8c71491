# SPDX-License-Identifier: Apache-2.0
"""Real mail servers beside Gatepost, without installing any.

Debian's packages of the group `peer` (tools/packages.txt) and all that they depend on, and those of the group `alone`
without, are downloaded by apt and unpacked into a root folder under ~/.cache/gatepost-peers (or $GATEPOST_PEERS).
Further groups, each with its own GROUP-alone, have root folders of their own. A
peer runs inside that folder by chroot, in mount and process namespaces of its own: its files are the test's, and when
the test ends it, its children end too. Nothing of it touches the host but the loopback ports that it listens on.
"""

import contextlib
import hashlib
import imaplib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LAYOUT = 3  # raise it when unpack() changes, so that nobody goes on with an old folder
# The users that the packages would have made on installation.
USERS = {"postfix": 2001, "dovecot": 2002, "dovenull": 2003, "unbound": 2004, "vmail": 2005, "Debian-exim": 2007}
GROUPS = {**USERS, "postdrop": 2006}
# Those that only packages of a further group would have made.
MORE_USERS = {
    "server": {"mail": 8, "smmta": 2010, "smmsp": 2011, "opensmtpd": 2012, "opensmtpq": 2013, "courier": 2014},
}


class Unavailable(Exception):
    """Why there are no peers on this machine."""


def packages(group="peer"):
    lines = (ROOT / "tools/packages.txt").read_text(encoding="utf-8").splitlines()
    return [line.split()[1] for line in lines if line.startswith(f"{group} ")]


def apt_get(argv, folder):
    argv = ["apt-get", "-qq", "-y", "-o", "APT::Sandbox::User=root", *argv]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        raise Unavailable("cannot download Debian packages: " + done.stderr.strip()[-300:])


def download(folder, wanted, alone):
    """These packages and what they depend on, as if nothing were installed yet; and those alone."""
    (folder / "status").touch()
    (folder / "archives/partial").mkdir(parents=True)
    argv = ["--download-only", "--no-install-recommends"]
    argv += ["-o", f"Dir::State::status={folder}/status", "-o", f"Dir::Cache::archives={folder}/archives"]
    argv += ["-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=", "-o", "Debug::NoLocking=1"]
    apt_get([*argv, "install", *wanted], folder)
    apt_get(["download", *alone], folder / "archives")


def unpack(folder, more_users):
    root = folder / "root"
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    for archive in sorted((folder / "archives").glob("*.deb")):
        tar = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "--keep-directory-symlink", "-C", root], stdin=tar.stdout, check=True)
        if tar.wait() != 0:
            raise Unavailable(f"cannot unpack {archive.name}")
    for name in ("proc", "dev", "tmp", "own"):
        (root / name).mkdir(exist_ok=True)
    (root / "tmp").chmod(0o1777)
    with (root / "etc/passwd").open("w", encoding="utf-8") as passwd:
        print("root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false", file=passwd)
        for name, uid in (USERS | more_users).items():
            print(f"{name}:x:{uid}:{uid}::/nonexistent:/bin/false", file=passwd)
    with (root / "etc/group").open("w", encoding="utf-8") as group:
        print("root:x:0:\nnogroup:x:65534:", file=group)
        for name, gid in (GROUPS | more_users).items():
            print(f"{name}:x:{gid}:", file=group)
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n", encoding="utf-8")
    (root / "etc/nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files\n", encoding="utf-8")
    (root / "etc/resolv.conf").write_text("", encoding="utf-8")


def peer_root(*more):
    """The folder with the unpacked packages, those of further groups too; makes it when it is not there yet."""
    if os.geteuid() != 0:
        raise Unavailable("other mail servers are run by chroot, which needs root")
    if subprocess.run(["unshare", "-m", "-p", "-f", "true"], capture_output=True, check=False).returncode != 0:
        raise Unavailable("this machine does not allow namespaces (unshare)")
    home = os.environ.get("GATEPOST_PEERS") or os.path.expanduser("~/.cache/gatepost-peers")
    cache = pathlib.Path(home)
    wanted = [name for group in ("peer", *more) for name in packages(group)]
    alone = [name for group in ("alone", *(f"{each}-alone" for each in more)) for name in packages(group)]
    more_users = {name: uid for group in more for name, uid in MORE_USERS.get(group, {}).items()}
    recipe = f"{LAYOUT} {wanted} {alone} {GROUPS | more_users}"
    ready = cache / hashlib.sha256(recipe.encode()).hexdigest()[:16]
    if not ready.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            folder = pathlib.Path(scratch)
            download(folder, wanted, alone)
            unpack(folder, more_users)
            (folder / "root").chmod(0o755)
            with contextlib.suppress(OSError):  # another run was faster
                (folder / "root").rename(ready)
    return ready


ENTER = """
set -e
mount --make-rprivate /
mount --bind "$1" "$2/own"
[ -z "$3" ] || mount --bind "$3" "$2/own/mail"
[ ! -e "$1/resolv.conf" ] || mount --bind "$1/resolv.conf" "$2/etc/resolv.conf"
for place in var/run var/spool; do
    [ ! -d "$1/root/$place" ] || mount --bind "$1/root/$place" "$2/$place"
done
mount -t proc proc "$2/proc"
mount --rbind /dev "$2/dev"
root=$2
shift 3
exec chroot "$root" "$@"
"""


class Peer:
    """A command that runs inside the root folder, with a folder of its own at /own, and `mail` at /own/mail.

    A resolv.conf in its folder is its own; without one it has no name server. root/var/run and root/var/spool there
    stand in for those that all peers share."""

    def __init__(self, root, work, argv, mail=None):
        self.work = pathlib.Path(work)
        self.said = (self.work / "output").open("ab")
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER, "sh"]
            + [str(work), str(root), str(mail or ""), *argv],
            stdin=subprocess.DEVNULL,
            stdout=self.said,
            stderr=subprocess.STDOUT,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
        )

    def output(self):
        return (self.work / "output").read_text(encoding="utf-8", errors="replace")

    def wait(self, timeout_s):
        return self.process.wait(timeout_s)

    def stop(self):
        """Ends the first process of its namespace, which takes all others of it along."""
        if self.process.poll() is None:
            # Not by --kill-child alone: a process that changes its user forgets that it is to die with its parent.
            children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
            for pid in children.read_text(encoding="ascii").split():
                os.kill(int(pid), signal.SIGKILL)
            self.process.kill()
            self.process.wait(20)
        self.said.close()


class Peers:
    """Starts peers, and stops them all at the end."""

    def __init__(self, root, scratch):
        self.root = root
        self.scratch = pathlib.Path(scratch)
        self.running = []

    def folder(self, name):
        path = pathlib.Path(tempfile.mkdtemp(prefix=name + "-", dir=self.scratch))
        path.chmod(0o755)
        return path

    def start(self, work, *argv, mail=None):
        peer = Peer(self.root, work, argv, mail)
        self.running.append(peer)
        return peer

    def run(self, *argv, work=None, timeout_s=120):
        """Runs a command to its end; returns what it printed. Fails the test when the command fails."""
        peer = self.start(work or self.folder("run"), *argv)
        code = peer.wait(timeout_s)
        assert code == 0, f"{argv} ended with {code}: {peer.output()}"
        return peer.output()

    def stop(self):
        for peer in self.running:
            peer.stop()
        self.running.clear()

    def smtp_sink(self, port, *options):
        peer = self.start(self.folder("smtp-sink"), "smtp-sink", "-u", "vmail", *options, f"127.0.0.1:{port}", "1000")
        wait_for_port(port)
        return peer

    def smtp_source(self, port, count, *options, timeout_s=300):
        sessions = min(50, count)
        argv = ["smtp-source", "-m", str(count), "-s", str(sessions), *options, f"127.0.0.1:{port}"]
        return self.run(*argv, timeout_s=timeout_s)

    def postfix(self, port, next_hop_port, listeners=(), services="", **settings):
        """A whole Postfix that listens on `port` and passes everything on to `next_hop_port`.

        listeners: further ones, each an address with port and its own settings. services: further lines of its
        master.cf. A setting that is a path is that of a file: Postfix is given a copy.
        """
        work = self.folder("postfix")
        for name, owner in (("spool", "root"), ("data", "postfix"), ("conf", "root")):
            (work / name).mkdir()
            os.chown(work / name, USERS.get(owner, 0), 0)
        main = {
            "compatibility_level": "3.6",
            "queue_directory": "/own/spool",
            "data_directory": "/own/data",
            "maillog_file": "/own/maillog",
            "maillog_file_prefixes": "/own",
            "myhostname": "postfix.test",
            "mydestination": "",
            "alias_maps": "",
            "local_recipient_maps": "",
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "mynetworks": "127.0.0.0/8",
            "smtpd_relay_restrictions": "permit_mynetworks, reject",
            "smtputf8_autodetect_classes": "all",
            "relayhost": f"[127.0.0.1]:{next_hop_port}",
            **settings,
        }
        text = "".join(f"{key} = {inside(work / 'conf', value)}\n" for key, value in main.items())
        (work / "conf/main.cf").write_text(text, encoding="utf-8")
        services = POSTFIX_SERVICES.format(port=port) + services
        for address, own in listeners:
            services += f"{address} inet n - n - - smtpd\n"
            services += "".join(f"  -o {{ {key} = {inside(work / 'conf', value)} }}\n" for key, value in own.items())
        (work / "conf/master.cf").write_text(services, encoding="utf-8")
        peer = self.start(work, "postfix", "-c", "/own/conf", "start-fg")
        wait_for_port(port)
        return peer

    def exim(
        self, port, next_hop, transport=None, login=None, listeners=(),
        acl="", routers="", authenticator=None, **settings,
    ):  # fmt: skip
        """A whole Exim that takes mail for everybody on `port` and passes it on to `next_hop`, a host and a port.

        transport: settings of its transport. login: the user and password that it has there. listeners: further
        addresses with ports. acl: named lists, for settings to name. routers: those before the one that takes all.
        authenticator: settings of that for its own clients. A setting that is a path is that of a file: Exim is given a
        copy.
        """
        work = self.folder("exim")
        (work / "conf").mkdir()
        for name in ("spool", "log"):
            (work / name).mkdir()
            os.chown(work / name, USERS["Debian-exim"], GROUPS["Debian-exim"])

        def lines(values):
            return "".join(f"{key} = {inside(work / 'conf', value)}\n" for key, value in values.items())

        places = [f"[127.0.0.1]:{port}", *(f"[{host}]:{at}" for host, at in listeners)]
        text = EXIM_CONF.format(
            places=" ; ".join(places),
            settings=lines({**EXIM_SETTINGS, **settings}),
            acl=f"begin acl\n{acl}" if acl else "",
            authenticator=lines(authenticator or {}),
            routers=routers,
            host=next_hop[0],
            next_port=next_hop[1],
            transport=lines({"hosts_require_auth": "*" if login else "", **(transport or {})}),
            login="^".join(["", *(login or ())]),
        )
        (work / "exim.conf").write_text(text, encoding="utf-8")
        for path in (work / "conf").iterdir():  # keys too: who reads them is not root
            os.chown(path, USERS["Debian-exim"], GROUPS["Debian-exim"])
        peer = self.start(work, "exim4", "-bdf", "-q1h", "-C", "/own/exim.conf")
        wait_for_port(port)
        return peer

    def dovecot(self, lmtp_port, imap_port, mail=None, auth_port=None, mechanisms="plain", imaps=None, settings=""):
        """LMTP in and IMAP out for any user name; the password is `secret`.

        LMTP is spoken on the port and on the socket `lmtp` in the peer's folder; its socket `auth-client` judges
        passwords, as does auth_port. mail: a folder that holds Maildirs as
        DOMAIN/LOCAL already, or will; Dovecot then works with the rights of that folder's owner, who is not root.
        imaps: its port, with the paths of a certificate and its key, which STARTTLS has too. settings: further ones.
        """
        work = self.folder("dovecot")
        (work / "mail").mkdir()
        os.chown(work / "mail", USERS["vmail"], GROUPS["vmail"])
        owner = os.stat(mail or work / "mail")
        text = DOVECOT_CONF.format(
            lmtp_port=lmtp_port,
            imap_port=imap_port,
            imaps_port=imaps[0] if imaps else 0,
            ssl="yes" if imaps else "no",
            uid=owner.st_uid,
            gid=owner.st_gid,
            home="/own/mail/" + ("%Ld/%Ln" if mail else "%u"),
        )
        text += f"auth_mechanisms = {mechanisms}\n"
        if auth_port:
            text += f"service auth {{\n  inet_listener {{\n    port = {auth_port}\n  }}\n}}\n"
        if imaps:
            names = [inside(work / "mail", pathlib.Path(path)) for path in imaps[1:]]
            text += f"ssl_cert = <{names[0]}\nssl_key = <{names[1]}\n"
        (work / "dovecot.conf").write_text(text + settings, encoding="utf-8")
        peer = self.start(work, "dovecot", "-F", "-c", "/own/dovecot.conf", mail=mail)
        wait_for_port(lmtp_port)
        wait_for_port(imap_port)
        return peer


def inside(folder, value):
    """A file's name as a peer has it, once it was copied into that folder of the peer's; other values as they are."""
    if not isinstance(value, pathlib.Path):
        return value
    shutil.copy(value, folder)
    return f"/own/{folder.name}/{value.name}"


def wait_for_port(port, host="127.0.0.1", timeout_s=20):
    end = time.monotonic() + timeout_s
    while True:
        try:
            socket.create_connection((host, port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def imap_bodies(port, user):
    """The bodies of all messages in a user's inbox, as IMAP gives them."""
    with imaplib.IMAP4("127.0.0.1", port) as mailbox:
        mailbox.login(user, "secret")
        mailbox.select(readonly=True)
        _, found = mailbox.search(None, "ALL")
        numbers = found[0].split()
        return [mailbox.fetch(number, "(BODY[TEXT])")[1][0][1] for number in numbers]


POSTFIX_SERVICES = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix n - n 60 1 pickup
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
tlsmgr    unix - - n 1000? 1 tlsmgr
smtp      unix - - n - - smtp
relay     unix - - n - - smtp
showq     unix n - n - - showq
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""

EXIM_SETTINGS = {"primary_hostname": "exim.test", "acl_smtp_rcpt": "accept", "acl_smtp_data": "accept"}
EXIM_CONF = """\
spool_directory = /own/spool
log_file_path = /own/log/%slog
pid_file_path = /own/spool/pid
local_interfaces = <; {places}
keep_environment =
{settings}
{acl}
begin routers
{routers}
onward:
  driver = manualroute
  route_list = * {host}::{next_port} byname
  self = send
  transport = onward

begin transports
onward:
  driver = smtp
  hosts_try_fastopen =
{transport}
begin retry
* * F,1h,1h

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = {login}
{authenticator}
"""

DOVECOT_CONF = """\
protocols = imap lmtp
base_dir = /own/run
state_dir = /own/state
log_path = /own/log
ssl = {ssl}
disable_plaintext_auth = no
default_login_user = dovenull
default_internal_user = dovecot
first_valid_uid = 1
mail_location = maildir:{home}
mail_uid = {uid}
mail_gid = {gid}
listen = 127.0.0.1
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={home} allow_all_users=yes
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = {imaps_port}
    ssl = {ssl}
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp_port}
  }}
  unix_listener /own/lmtp {{
    mode = 0666
  }}
}}
service auth {{
  unix_listener /own/auth-client {{
    mode = 0666
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


if __name__ == "__main__":
    try:
        print(peer_root())
    except Unavailable as why:
        print(why)
