# SPDX-License-Identifier: Apache-2.0
"""What other tools say of a mail server: nmap by its scripts, and swaks. Each answer is True, False, a list of TLS
versions, or None where the tool does not know.

    by_nmap([("127.0.0.1", 25)], "user@stranger.test")[("127.0.0.1", 25)]["relay"]
"""

import concurrent.futures
import re
import shutil
import subprocess
import xml.etree.ElementTree

QUESTIONS = ("relay", "starttls", "auth_in_clear", "ntlm", "versions")
SCRIPTS = "smtp-commands,smtp-open-relay,smtp-ntlm-info,ssl-enum-ciphers"
NMAP_S, SWAKS_S, SWAKS_AT_ONCE = 60, 15, 8


def are_there():
    return bool(shutil.which("nmap") and shutil.which("swaks"))


# --- nmap ---


def relay_of(script):
    text = script.get("output", "")
    if "is an open relay" in text:
        return True
    return False if re.search(r"doesn't seem to be|isn't an open relay, all", text) else None


def versions_of(script):
    """In the words of scan's survey."""
    return sorted(table.get("key").replace("TLSv", "TLS ") for table in script.findall("table"))


def ntlm_of(script):
    """A script that failed says so in its output, too."""
    if script is None:
        return False
    return True if re.search(r"(Target|NetBIOS|DNS)_\w+: |Product_Version: ", script.get("output", "")) else None


def nmap_says(scripts, port):
    commands = scripts["smtp-commands"].get("output", "") if "smtp-commands" in scripts else ""
    offered = re.split(r",\s*|\n", commands)
    heard = "SIZE" in commands
    in_clear = heard and port != 465
    return {
        "relay": relay_of(scripts["smtp-open-relay"]) if "smtp-open-relay" in scripts else None,
        "starttls": "STARTTLS" in offered if in_clear else None,
        "auth_in_clear": any(word.strip().startswith("AUTH ") for word in offered) if in_clear else None,
        "ntlm": ntlm_of(scripts.get("smtp-ntlm-info")) if heard else None,
        "versions": versions_of(scripts["ssl-enum-ciphers"]) if "ssl-enum-ciphers" in scripts else None,
    }


def nmap_once(places, recipient):
    local, domain = recipient.split("@")
    names = {"to": local, "from": local, "domain": domain}
    arguments = ",".join(f"smtp-open-relay.{key}={value}" for key, value in names.items())
    ports = ",".join(sorted({str(port) for _, port in places}))
    argv = ["nmap", "-n", "-Pn", "-p", ports, "--script", SCRIPTS, "--script-args", arguments, "-oX", "-"]
    argv += sorted({address for address, _ in places})
    done = subprocess.run(argv, capture_output=True, text=True, timeout=NMAP_S, check=True)
    told = {}
    for host in xml.etree.ElementTree.fromstring(done.stdout).iter("host"):
        address = host.find("address").get("addr")
        for port in host.iter("port"):
            scripts = {script.get("id"): script for script in port.iter("script")}
            place = address, int(port.get("portid"))
            told[place] = nmap_says(scripts, place[1])
    return {place: told[place] for place in places}


def by_nmap(places, recipient):
    """All places at once, and twice, as it loses some of what is said: what it had at either time counts."""
    first, second = nmap_once(places, recipient), nmap_once(places, recipient)
    for place, answers in first.items():
        for question, answer in second[place].items():
            if question == "versions" and answers[question] and answer:
                answers[question] = sorted({*answers[question], *answer})
            else:
                answers[question] = answers[question] or answer
    return first


# --- swaks ---


def answer_to(command, said):
    """The code of the reply to it; None: it was not said, or not answered."""
    found = re.search(rf"^ [-~]> {command}.*\n<[-~*]{{1,2}}[* ]*(\d\d\d)", said, re.M)
    return int(found[1]) if found else None


def swaks_says(said, port):
    clear = said.partition("-> STARTTLS")[0]
    heard = "250" in clear and port != 465
    rcpt = answer_to("RCPT", said)
    relays = None if rcpt is None or rcpt < 200 or 400 <= rcpt < 500 or rcpt == 530 else rcpt < 300
    return {
        "relay": relays,
        "starttls": "STARTTLS" in clear if heard else None,
        "auth_in_clear": bool(re.search(r"^<-  250.AUTH \w", clear, re.M)) if heard else None,
        "ntlm": None,
        "versions": None,
    }


def one_by_swaks(place, recipient):
    address, port = place
    sender = "stranger@" + recipient.split("@")[1]
    argv = ["swaks", "--server", f"{address}:{port}", "--helo", "scanner.test", "--from", sender, "--to", recipient]
    argv += ["--quit-after", "RCPT", "--timeout", str(SWAKS_S), "--tls-on-connect" if port == 465 else "--tls-optional"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=4 * SWAKS_S, check=False)
    return swaks_says(done.stdout, port)


def by_swaks(places, recipient):
    with concurrent.futures.ThreadPoolExecutor(SWAKS_AT_ONCE) as pool:
        return dict(zip(places, pool.map(lambda place: one_by_swaks(place, recipient), places), strict=True))
