# SPDX-License-Identifier: Apache-2.0
"""Mail servers that are told from each other by what they say: each function starts one on a port, by a `Peers`.

They need the root folder of the group `server` (peers.py). None of them gets to take a message.
"""

import os
import shutil

import peers as peers_module
from peers import USERS, wait_for_port

POSTSCREEN = """\
127.0.0.1:{port} inet n - n - 1 postscreen
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
define(`confDOMAIN_NAME', `sendmail.test')dnl
define(`ALIAS_FILE', `')dnl
define(`confDONT_BLAME_SENDMAIL', `GroupWritableDirPathSafe')dnl
define(`confPRIVACY_FLAGS', `authwarnings,noexpn,novrfy')dnl
DAEMON_OPTIONS(`Port={port}, Addr=127.0.0.1, Name=MTA')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
"""

SUBMISSION = """\
protocols = submission
base_dir = /own/run
state_dir = /own/state
log_path = /own/log
ssl = no
listen = 127.0.0.1
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
    port = {port}
  }}
  inet_listener submissions {{
    port = 0
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
    peers.postfix(port, 9, smtpd_relay_restrictions="reject_unauth_destination", **settings)


def postscreen(peers, port):
    services = peers_module.POSTFIX_SERVICES
    peers_module.POSTFIX_SERVICES = POSTSCREEN + services.partition("\n")[2]
    tests = {f"postscreen_{name}_enable": "yes" for name in ("pipelining", "non_smtp_command", "bare_newline")}
    try:
        postfix(peers, port, postscreen_greet_action="enforce", postscreen_greet_wait="2s",
                postscreen_access_list="", postscreen_cache_map="btree:/own/data/postscreen", **tests)  # fmt: skip
    finally:
        peers_module.POSTFIX_SERVICES = services


def exim(peers, port, **settings):
    peers.exim(port, ("127.0.0.1", 9), **settings)


def sendmail(peers, port):
    command = "mkdir /own/queue; m4 /own/sendmail.mc > /own/sendmail.cf; exec /usr/libexec/sendmail/sendmail -bD "
    begin(peers, "sendmail", port, "sh", "-c", command + "-C/own/sendmail.cf", sendmail_mc=SENDMAIL)


def opensmtpd(peers, port):
    begin(peers, "opensmtpd", port, "sh", "-c", OPENSMTPD_START, smtpd_conf=OPENSMTPD)


def submission(peers, port):
    begin(peers, "submission", port, "dovecot", "-F", "-c", "/own/dovecot.conf", dovecot_conf=SUBMISSION)


def aiosmtpd(peers, port):
    handler = ["-c", "aiosmtpd.handlers.Sink"]
    begin(peers, "aiosmtpd", port, "python3", "-m", "aiosmtpd", "-n", "-l", f"127.0.0.1:{port}", *handler)


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
