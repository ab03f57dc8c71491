/* SPDX-License-Identifier: Apache-2.0 */
/* Where mail for the domain goes: RFC 5321 section 5.1, RFC 7505. */
#include <string.h>

#include "core/posture/parts.h"
#include "core/targets/special.h"

static const struct gp_finding_kind
	none = {"mx.none", GP_SEVERITY_INFO, "no MX record",
		"mail goes to the domain's own address (RFC 5321 section 5.1), if there is one; a "
		"domain that takes no mail should say so (RFC 7505)"},
	null = {"mx.null", GP_SEVERITY_INFO, "it takes no mail",
		"a null MX record says so at once, and senders give up early (RFC 7505)"},
	mixed = {"mx.null.mixed", GP_SEVERITY_HIGH, "a null MX record beside others",
		 "one says that the domain takes no mail, the others that it does (RFC 7505 "
		 "section 3); senders choose what they believe"},
	alias = {"mx.cname", GP_SEVERITY_HIGH, "an MX record leads to an alias",
		 "it shall name a host with addresses (RFC 5321 section 5.1); some senders do not "
		 "follow the alias"},
	address = {"mx.ip", GP_SEVERITY_HIGH, "an MX record has an address for a name",
		   "an exchange is a name (RFC 1035 section 3.3.9); to most senders there is no "
		   "such host"},
	gone = {"mx.nxdomain", GP_SEVERITY_HIGH, "an MX host has no address",
		"mail that goes there waits, or comes back"},
	private = {"mx.private", GP_SEVERITY_HIGH, "an MX host has an address that is nobody's",
		   "no sender on the Internet can reach it, and each that tries talks to its own "
		   "network"},
	single = {"mx.single", GP_SEVERITY_INFO, "one MX host",
		  "while it is away mail waits with the senders; that is what they are made for"};

/* All digits and dots: a name that somebody wrote for an address. */
static bool
looks_like_address(struct gp_slice name)
{
	for (size_t i = 0; i < name.len; i++)
		if ((name.ptr[i] < '0' || name.ptr[i] > '9') && name.ptr[i] != '.')
			return false;
	return name.len > 0;
}
