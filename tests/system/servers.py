# SPDX-License-Identifier: Apache-2.0
"""Mail servers that are told from each other by what they say: each function starts one on a port, by a `Peers`.

They need the root folder of the group `server` (peers.py). None of them gets to take a message.
"""

import os
import pathlib
import shutil

from gateway import free_port
from peers import USERS, wait_for_port

POSTSCREEN = """\
{place} inet n - n - 1 postscreen
smtpd     pass - - n - - smtpd
dnsblog   unix - - n - 0 dnsblog
tlsproxy  unix - - n - 0 tlsproxy
"""

SENDMAIL = """\
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`debian')dnl
DOMAIN(`debian-mta')dnl
undefine(`confHOST_STATUS_DIRECTORY')dnl
define(`confPID_FILE', `/own/pid')dnl
define(`QUEUE_DIR', `/own/queue')dnl
define(`STATUS_FILE', `/own/stats')dnl
define(`ALIAS_FILE', `/own/aliases')dnl
define(`confSERVICE_SWITCH_FILE', `/own/switch')dnl
define(`confDONT_BLAME_SENDMAIL', `GroupWritableDirPathSafe')dnl
define(`confPRIVACY_FLAGS', `authwarnings,noexpn,novrfy')dnl
define(`confREFUSE_LA', `1000')dnl
define(`confQUEUE_LA', `1000')dnl
FEATURE(`no_default_msa')dnl
DAEMON_OPTIONS(`Port={port}, Addr={address}, Name=MTA{modifiers}')dnl
{more}
MAILER(`local')dnl
MAILER(`smtp')dnl
"""

# Of a server that is told where it is.
OLD_OPENSSL = """\
openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = old
[old]
MinProtocol = TLSv1
MaxProtocol = TLSv1.1
CipherString = ALL:@SECLEVEL=0
"""

SUBMISSION = """\
protocols = submission
base_dir = /own/run
state_dir = /own/state
log_path = /own/log
listen = {address}
{settings}
default_login_user = dovenull
default_internal_user = dovecot
submission_relay_host = 127.0.0.1
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid=2006 gid=2006 home=/own
}}
service submission-login {{
  chroot =
  inet_listener submission {{
    port = {submission}
  }}
  inet_listener submissions {{
    port = {submissions}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""

NGINX = """\
load_module /usr/lib/nginx/modules/ngx_mail_module.so;
daemon off;
pid /own/pid;
error_log /own/error;
user vmail vmail;
events {{}}
mail {{
    auth_http localhost:9/none;
    server_name nginx.test;
    smtp_capabilities "SIZE 1000" PIPELINING;
    server {{
        listen 127.0.0.1:{port};
        protocol smtp;
        smtp_auth none;
    }}
}}
"""

AMAVIS = """\
use strict;
$max_servers = 1; $daemon_user = 'vmail'; $daemon_group = 'vmail';
$mydomain = 'amavis.test'; $myhostname = 'amavis.test'; $MYHOME = '/own/home'; $TEMPBASE = '/own/home';
$inet_socket_port = {port}; $inet_socket_bind = '127.0.0.1'; $unix_socketname = undef;
$enable_db = 0; $enable_zmq = 0; $bypass_decode_parts = 1;
@bypass_virus_checks_maps = (1); @bypass_spam_checks_maps = (1);
$pid_file = '/own/home/pid'; $lock_file = '/own/home/lock'; $DO_SYSLOG = 0; $LOGFILE = '/own/home/log';
1;
"""

COURIER = """\
echo courier.test > /etc/courier/me
mkdir -p /var/lib/courier/tmp /var/lib/courier/track /run/courier
chown -R courier /var/lib/courier
cd /var/lib/courier
export BOFHCHECKDNS=0 BOFHNOEXPN=1 BOFHNOVRFY=1 TARPIT=0 ESMTPAUTH=
exec /usr/sbin/couriertcpd -address=127.0.0.1 -user=courier -group=courier -nodnslookup -noidentlookup {port} \\
    /usr/lib/courier/courier/modules/esmtp/courieresmtpd
"""

CHASQUID = """\
hostname: "chasquid.test"
smtp_address: "127.0.0.1:{port}"
data_dir: "/own/data"
mail_log_path: "/own/log"
"""

OPENSMTPD = """\
listen on lo port {port} hostname opensmtpd.test
action "local" maildir
match for local action "local"
"""

OPENSMTPD_START = """\
mkdir -p /var/spool/smtpd /var/lib/opensmtpd/empty
chmod 711 /var/spool /var/spool/smtpd
exec smtpd -d -f /own/smtpd.conf
"""


def begin(peers, name, port, *argv, **files):
    """A server with these files in its folder, named FILE_conf for FILE.conf, once it listens on the port."""
    work = peers.folder(name)
    for file, text in files.items():
        (work / file.replace("_", ".")).write_text(text.format(port=port), encoding="utf-8")
    peers.start(work, *argv)
    wait_for_port(port)


def postfix(peers, port, **settings):
    settings = {"smtpd_relay_restrictions": "reject_unauth_destination", **settings}
    peers.postfix(port, 9, **settings)


def postscreen(peers, port, place=None, **settings):
    """It listens at the place, an address with its port; on `port` is the server behind it, unscreened."""
    tests = {f"postscreen_{name}_enable": "yes" for name in ("pipelining", "non_smtp_command", "bare_newline")}
    tests |= {"postscreen_access_list": "", "postscreen_cache_map": "btree:/own/data/postscreen"}
    greeting = {"postscreen_greet_action": "enforce", "postscreen_greet_wait": "2s"}
    services = POSTSCREEN.format(place=place or f"127.0.0.1:{port}")
    postfix(peers, port if place else free_port(), services=services, **tests, **greeting, **settings)
    if not place:
        wait_for_port(port)


def exim(peers, port, **settings):
    peers.exim(port, ("127.0.0.1", 9), **settings)


SENDMAIL_NAME = "define(`confDOMAIN_NAME', `sendmail.test')"


def sendmail(peers, port, address="127.0.0.1", more=(SENDMAIL_NAME,), certificate=None, login=False):
    """more: lines of its m4. It knows postmaster, and nobody's password."""
    command = "mkdir /own/queue; m4 /own/sendmail.mc > /own/sendmail.cf; sendmail=/usr/libexec/sendmail/sendmail; "
    command += "$sendmail -C/own/sendmail.cf -bi; exec $sendmail -bD -C/own/sendmail.cf"
    work = peers.folder("sendmail")
    modifiers = "" if login else ", M=A"  # A: no AUTH
    text = SENDMAIL.format(port=port, address=address, modifiers=modifiers, more="\n".join(more))
    (work / "sendmail.mc").write_text(text, encoding="utf-8")
    (work / "switch").write_text("hosts files\naliases files\n", encoding="utf-8")
    (work / "aliases").write_text("postmaster: /dev/null\n", encoding="utf-8")
    give_certificate(work, certificate)
    peers.start(work, "sh", "-c", command)
    wait_for_port(port, address)


def give_certificate(work, certificate):
    if certificate:
        shutil.copy(certificate, work / "server.pem")
        (work / "server.pem").chmod(0o600)


def opensmtpd(peers, port, configuration=None, files=()):
    """files: further ones in its folder, by name. What a configuration has it listen to, its owner waits for."""
    work = peers.folder("opensmtpd")
    for place in ("var/run", "var/spool"):
        (work / "root" / place).mkdir(parents=True)
    for name, text in {"smtpd.conf": configuration or OPENSMTPD.format(port=port), **dict(files)}.items():
        (work / name).write_text(text, encoding="utf-8")
        (work / name).chmod(0o600)
    peers.start(work, "sh", "-c", OPENSMTPD_START)
    if not configuration:
        wait_for_port(port)


def submission(peers, port, address="127.0.0.1", settings=None, certificate=None):
    work = peers.folder("submission")
    lines = "".join(f"{key} = {value}\n" for key, value in {"ssl": "no", **(settings or {})}.items())
    ports = {"submission": 0, "submissions": port} if port == 465 else {"submission": port, "submissions": 0}
    text = SUBMISSION.format(address=address, settings=lines, **ports)
    (work / "dovecot.conf").write_text(text, encoding="utf-8")
    (work / "openssl.cnf").write_text(OLD_OPENSSL, encoding="ascii")
    give_certificate(work, certificate)
    peers.start(work, "dovecot", "-F", "-c", "/own/dovecot.conf")
    wait_for_port(port, address)


def aiosmtpd(peers, port):
    handler = ["-c", "aiosmtpd.handlers.Sink"]
    begin(peers, "aiosmtpd", port, "python3", "-m", "aiosmtpd", "-n", "-l", f"127.0.0.1:{port}", *handler)


def aiosmtpd_rows(peers, rows, certificates):
    """Several in one process; field_aiosmtpd.py says how."""
    work = peers.folder("aiosmtpd")
    script = pathlib.Path(__file__).with_name("field_aiosmtpd.py")
    for path in (script, *certificates):
        shutil.copy(path, work)
    (work / "servers.json").write_text(rows, encoding="utf-8")
    peers.start(work, "python3", f"/own/{script.name}")


def courier(peers, port):
    begin(peers, "courier", port, "sh", "-c", COURIER.format(port=port))


def nginx(peers, port):
    start = "mkdir -p /var/log/nginx /var/lib/nginx; exec nginx -c /own/nginx.conf"
    begin(peers, "nginx", port, "sh", "-c", start, nginx_conf=NGINX)


def amavis(peers, port):
    work = peers.folder("amavis")
    (work / "home").mkdir()
    os.chown(work / "home", USERS["vmail"], USERS["vmail"])
    (work / "amavisd.conf").write_text(AMAVIS.format(port=port), encoding="utf-8")
    peers.start(work, "amavisd", "-c", "/own/amavisd.conf", "foreground")
    wait_for_port(port)


def chasquid(peers, port, certificate, key):
    work = peers.folder("chasquid")
    for folder in ("etc/certs/mx", "etc/domains/chasquid.test", "data"):
        (work / folder).mkdir(parents=True)
    shutil.copy(certificate, work / "etc/certs/mx/fullchain.pem")
    shutil.copy(key, work / "etc/certs/mx/privkey.pem")
    (work / "etc/chasquid.conf").write_text(CHASQUID.format(port=port), encoding="utf-8")
    peers.start(work, "chasquid", "-config_dir=/own/etc")
    wait_for_port(port)
