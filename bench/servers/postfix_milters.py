# SPDX-License-Identifier: Apache-2.0
"""Postfix with the policy service for SPF, OpenDKIM and OpenDMARC.

By default all of them spare 127.0.0.1, where the load comes from: it is made a stranger. Policies are obeyed, and all
is told of in Authentication-Results fields.
"""

from servers import verified
from servers.filters import Filtered

AUTHSERV_ID = "postfix.test"
NOBODYS_ADDRESS = "203.0.113.1"

OPENDKIM = f"""\
Mode v
Socket local:/own/filters/dkim
UMask 0
InternalHosts file:/own/conf/nobodys-hosts
Nameservers {verified.RESOLVER}
UserID nobody
AlwaysAddARHeader yes
AuthservID {AUTHSERV_ID}
Syslog no
"""

OPENDMARC = f"""\
Socket local:/own/filters/dmarc
UMask 0
UserID nobody
AuthservID {AUTHSERV_ID}
TrustedAuthservIDs {AUTHSERV_ID}
IgnoreHosts /own/conf/nobodys-hosts
RejectFailures true
Syslog false
"""

POLICYD_SPF = f"""\
debugLevel = 0
HELO_reject = False
Mail_From_reject = Fail
Header_Type = AR
Authserv_Id = {AUTHSERV_ID}
skip_addresses = {NOBODYS_ADDRESS}/32
"""


class Server(Filtered):
    name = "postfix-milters"
    packages = ("postfix", "postfix-policyd-spf-python", "opendkim", "opendmarc")
    files = {
        "nobodys-hosts": f"{NOBODYS_ADDRESS}\n",
        "opendkim.conf": OPENDKIM,
        "opendmarc.conf": OPENDMARC,
        "policyd-spf.conf": POLICYD_SPF,
    }
    sockets = ("dkim", "dmarc")
    commands = ("opendkim -f -x /own/conf/opendkim.conf", "opendmarc -f -c /own/conf/opendmarc.conf")
    more_main = (
        "smtpd_recipient_restrictions = check_policy_service unix:private/policyd-spf, permit_mynetworks, reject\n"
        "policyd-spf_time_limit = 3600\n"
    )
    more_master = "policyd-spf unix - n n - 0 spawn user=nobody argv=/usr/bin/policyd-spf /own/conf/policyd-spf.conf\n"
