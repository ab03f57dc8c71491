# SPDX-License-Identifier: Apache-2.0
"""What Postfix needs to verify senders: filters of Debian 12 beside it, in the same root of their own."""

import gzip
import os

from servers import NOBODY, postfix, verified  # and where tests/system is

import peers

RESOLV_CONF = f"nameserver {verified.RESOLVER}\n"

# Filters listen below /own/filters before Postfix does, and end with it, as they have its process namespace.
START = """\
set -e
{commands}
for socket in {sockets}; do
	for try in $(seq 400); do [ -S /own/filters/$socket ] && break; sleep 0.05; done
done
exec postfix -c /own/conf start-fg
"""

MAIN = """\
smtpd_milters = {milters}
milter_default_action = tempfail
default_process_limit = 250
"""


class Filtered(postfix.Server):
    """A Postfix with filters. Subclasses have these:

    files        names and texts of configuration files, below /own/conf
    commands     start the filters, which listen at...
    sockets      ...in the order in which Postfix asks them
    more_main    lines of main.cf
    more_master  lines of master.cf
    packages     what the versions are told of
    """

    modes = ("verify",)
    # The default; but Postfix lets as many connections wait in the kernel as default_process_limit says. With filters
    # sessions take long, and of 200 at once some found no room there: the kernel forgets such a connection, while its
    # client, who has heard that it is open, waits for a greeting for ever.
    smtpd_processes = 100
    files, commands, sockets, packages = {}, (), (), ()
    more_main = more_master = ""

    @staticmethod
    def find_root():
        return peers.peer_root("filter")

    def more_settings(self):
        milters = ", ".join(f"unix:/own/filters/{socket}" for socket in self.sockets)
        return MAIN.format(milters=milters) + self.more_main, self.more_master

    def write_configuration(self):
        super().write_configuration()
        (self.work / "filters").mkdir()
        os.chown(self.work / "filters", NOBODY, NOBODY)
        (self.work / "resolv.conf").write_text(RESOLV_CONF, encoding="ascii")
        for name, text in self.files.items():
            (self.work / "conf" / name).write_text(text, encoding="ascii")

    def command(self):
        commands = "\n".join(f"{command} &" for command in self.commands)
        return ["sh", "-c", START.format(commands=commands, sockets=" ".join(self.sockets))]

    def settings(self):
        return [f"{self.name}: Debian's " + ", ".join(self.version(package) for package in self.packages)]

    def version(self, package):
        """Its name and version, from the first line of its changelog: name (version) ..."""
        changelog = self.root / "usr/share/doc" / package / "changelog.Debian.gz"
        with gzip.open(changelog, "rt", encoding="utf-8") as changes:
            return " ".join(changes.readline().split()[:2])
