/* SPDX-License-Identifier: Apache-2.0 */
/* The forms of the relay matrix, as a table. */
#include "core/probe/relay.h"

/* Two spellings of 2 and 19, which other forms say again in other circumstances. */
#define PLAIN .from = "$u@$E", .to = "$u@$E"
#define OF_HOSTED .from = "postmaster@$D", .to = "$u@$E"

static const struct gp_probe_form forms[] = {
	{1, .from = "", .to = "$u@$E", .finds = "relays bounces"},
	{2, PLAIN, .finds = "relays for anybody"},
	{3, .from = "$u@$S", .to = "$u@$E", .finds = "trusts a sender in its own name"},
	{4, .from = "$u@[$I]", .to = "$u@$E", .finds = "trusts a sender at its own address"},
	{5, .from = "$u@[$I]", .to = "$u%$E@[$I]", .finds = "percent hack at its address"},
	{6, .from = "$u@[$I]", .to = "$u%$E@$S", .finds = "percent hack at its name"},
	{7, .from = "$u@[$I]", .to = "\"$u@$E\"",
	 .finds = "takes a quoted address for a local one"},
	{8, .from = "$u@[$I]", .to = "\"$u%$E\"", .finds = "percent hack in quotes"},
	{9, .from = "$u@[$I]", .to = "$u@$E@[$I]", .finds = "two ats, its address last"},
	{10, .from = "$u@[$I]", .to = "\"$u@$E\"@[$I]", .finds = "a quoted address at its address"},
	{11, .from = "$u@[$I]", .to = "$u@$E@$S", .finds = "two ats, its name last"},
	{12, .from = "$u@[$I]", .to = "@[$I]:$u@$E", .finds = "source route by its address"},
	{13, .from = "$u@[$I]", .to = "@$S:$u@$E", .finds = "source route by its name"},
	{14, .from = "$u@[$I]", .to = "$E!$u", .finds = "UUCP path"},
	{15, .from = "$u@[$I]", .to = "$E!$u@[$I]", .finds = "UUCP path at its address"},
	{16, .from = "$u@[$I]", .to = "$E!$u@$S", .finds = "UUCP path at its name"},

	{17, .from = "$u@localhost", .to = "$u@$E", .finds = "trusts a sender at localhost"},
	{18, .from = "$u", .to = "$u@$E", .finds = "trusts a sender without a domain"},
	{19, OF_HOSTED, .finds = "trusts senders of domains that it takes mail for"},
	{20, .from = "$u@$H", .to = "$u@$E", .finds = "trusts a sender in the client's name"},
	{21, .from = "nobody@$D", .to = "\"$u@$E\"",
	 .finds = "a quoted address from a sender here"},

	{22, .from = "$u@$E", .to = "$u%$E", .finds = "percent hack without a host"},
	{23, 'a', .from = "$u@$E", .to = "\"$u@$E\"@$D", .finds = "a quoted address at its domain"},
	{23, 'b', .from = "$u@$E", .to = "$u%$E@$D", .finds = "percent hack at its domain"},
	{23, 'c', .from = "$u@$E", .to = "$E!$u@$D", .finds = "UUCP path at its domain"},
	{24, .from = "$u@$E", .to = "$u@$E@localhost", .finds = "two ats, localhost last"},
	{25, .from = "$u@$E", .to = "@$D,@$S:$u@$E", .finds = "source route of two hops"},
	{26, .from = "$u@$E", .to = "$u@$E.",
	 .finds = "does not know a domain with a dot behind it"},
	{27, .from = "$u@$E", .to = "$u@[$L]", .finds = "does not check addresses as domains"},
	{28, PLAIN, .to_params = " NOTIFY=NEVER ORCPT=rfc822;$x", .keyword = "DSN",
	 .finds = "does not check where there are parameters"},
	{29, .from = "$u@$E", .from_params = " SMTPUTF8", .to = "\xc3\xbc@$E",
	 .keyword = "SMTPUTF8", .finds = "does not check addresses in UTF-8"},
	{34, .from = "$u@$E", .to = "@localhost:$u@$E", .finds = "source route by localhost"},
	{35, PLAIN, .way = GP_PROBE_WAY_BARE, .finds = "does not check addresses without brackets"},
	{36, PLAIN, .way = GP_PROBE_WAY_SPACE, .finds = "does not check addresses behind a space"},

	{30, 'a', GP_PROBE_HELLO_SERVER, PLAIN, .finds = "trusts who greets with its name"},
	{30, 'b', GP_PROBE_HELLO_SERVER, OF_HOSTED, .finds = "trusts who greets with its name"},
	{30, 'c', GP_PROBE_HELLO_HOSTED, PLAIN, .finds = "trusts who greets with its domain"},
	{30, 'd', GP_PROBE_HELLO_HOSTED, OF_HOSTED, .finds = "trusts who greets with its domain"},
	{31, 'a', .way = GP_PROBE_WAY_TLS, PLAIN, .finds = "relays inside TLS"},
	{31, 'b', .way = GP_PROBE_WAY_TLS, OF_HOSTED, .finds = "trusts its senders inside TLS"},
	{32, .way = GP_PROBE_WAY_XCLIENT, PLAIN, .keyword = "XCLIENT",
	 .finds = "lets clients choose their address"},
	{33, 'a', .way = GP_PROBE_WAY_BDAT, PLAIN, .keyword = "CHUNKING",
	 .finds = "does not check before BDAT"},
	{33, 'b', .way = GP_PROBE_WAY_PIPED, PLAIN, .keyword = "PIPELINING",
	 .finds = "does not check where commands come together"},
};

const struct gp_probe_form *
gp_probe_forms(size_t *ret_len)
{
	*ret_len = GP_ARRAY_LEN(forms);
	return forms;
}
