# SPDX-License-Identifier: Apache-2.0
"""Postfix with rspamd, of which only SPF, DKIM and DMARC are on: no filter of spam could be compared.

It scans in the process that takes the milter's connection, one a core, and keeps the domains of this bench as public
suffixes: the whole list takes it longer to read than a run takes.
"""

import os

from servers import verified
from servers.filters import Filtered

RSPAMD = f"""\
options {{
	filters = "dkim";
	dns {{ nameserver = ["{verified.RESOLVER}:53:1"]; }}
	local_addrs = [];
	url_tld = "/own/conf/suffixes";
	explicit_modules = [];
	disable_monitoring = true;
	hs_cache_dir = "/own/filters";
	pidfile = "/own/filters/pid";
	tempdir = "/tmp";
}}
logging {{ type = "file"; filename = "/own/filters/log"; level = "warning"; }}
modules {{
	path = "/usr/share/rspamd/plugins/spf.lua";
	path = "/usr/share/rspamd/plugins/dmarc.lua";
	path = "/usr/share/rspamd/plugins/milter_headers.lua";
}}
worker "rspamd_proxy" {{
	bind_socket = "/own/filters/rspamd mode=0666";
	milter = yes;
	timeout = 120s;
	count = {os.cpu_count()};
	upstream "local" {{ default = yes; self_scan = yes; }}
}}
spf {{ check_local = true; check_authed = true; }}
dkim {{ check_local = true; check_authed = true; }}
dmarc {{ check_local = true; check_authed = true; actions {{ reject = "reject"; }} }}
milter_headers {{
	use = ["authentication-results"];
	skip_local = false;
	local_headers = ["authentication-results"];
}}
actions {{ reject = 15; add_header = 6; greylist = 4; }}
"""


class Server(Filtered):
    name = "postfix-rspamd"
    packages = ("postfix", "rspamd")
    files = {"rspamd.conf": RSPAMD, "suffixes": "com\norg\ntest\nexample\n"}
    sockets = ("rspamd",)
    commands = ("rspamd -f -u nobody -g nogroup -c /own/conf/rspamd.conf",)
