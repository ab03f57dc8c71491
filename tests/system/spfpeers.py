# SPDX-License-Identifier: Apache-2.0
"""Other implementations of SPF, asked the same: pyspf within this process, Mail::SPF by spfpeers.pl.

A zone is {name in lower case: {type: [values]}} with "TIMEOUT" for values that do not come, a case
{"ip", "helo", "sender", "zone"}. Octets of TXT values are characters up to U+00FF.
"""

import json
import pathlib
import subprocess

PERL = pathlib.Path(__file__).parent / "spfpeers.pl"
TYPES = ("A", "AAAA", "MX", "PTR", "TXT", "CNAME")


def values_of(zone, name, rtype):
    """The list; TimeoutError when there is no answer."""
    types = zone.get(name.lower().rstrip("."), {})
    values = types if isinstance(types, str) else types.get(rtype, [])
    if values == "TIMEOUT":
        raise TimeoutError
    return values


def escaped(name):
    """As --dns wants names: odd octets as \\DDD."""
    return "".join(c if "!" <= c <= "~" and c != "\\" else f"\\{ord(c):03}" for c in name)


def as_dns_file(zone):
    """The zone as the file of --dns."""

    def value(rtype, v):
        if rtype == "MX":
            return [v[0], escaped(v[1])]
        return escaped(v) if rtype in ("PTR", "CNAME") else v

    def types(of_name):
        if isinstance(of_name, str):
            return of_name
        return {t: vs if isinstance(vs, str) else [value(t, v) for v in vs] for t, vs in of_name.items()}

    return {escaped(name): types(of_name) for name, of_name in zone.items()}


def pyspf(cases):
    """What pyspf says to each of the cases, strictly by RFC 7208; None when it is not installed."""
    try:
        import spf
    except ImportError:
        return None

    def as_pyspf(rtype, value):
        if rtype == "TXT":
            return [part.encode("latin-1") for part in (value if isinstance(value, list) else [value])]
        return tuple(value) if rtype == "MX" else value

    def records(zone, name, rtype):
        return [((name, rtype), as_pyspf(rtype, value)) for value in values_of(zone, name, rtype)]

    def verdict(case):
        def lookup(name, rtype, *_):
            try:
                return records(case["zone"], name, rtype) or records(case["zone"], name, "CNAME")
            except TimeoutError:
                raise spf.TempError("DNS timeout") from None

        spf.DNSLookup = lookup
        return spf.query(i=case["ip"], s=case["sender"], h=case["helo"], strict=True).check()[0]

    return [verdict(case) for case in cases]


def mail_spf(cases):
    """What Mail::SPF says to each of the cases; None when it is not installed."""
    if subprocess.run(["perl", "-MMail::SPF", "-e1"], capture_output=True, check=False).returncode != 0:
        return None
    done = subprocess.run(
        ["perl", str(PERL)], input=json.dumps(cases), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
