/* SPDX-License-Identifier: Apache-2.0 */
#include "base/scan.h"

bool
gp_scan_char(struct gp_scan *c, char want)
{
	if (gp_scan_end(c) || c->all.ptr[c->at] != want)
		return false;
	c->at++;
	return true;
}

bool
gp_scan_word(struct gp_scan *c, struct gp_slice want)
{
	if (!gp_slice_starts_nocase(gp_scan_rest(c), want))
		return false;
	c->at += want.len;
	return true;
}

struct gp_slice
gp_scan_while(struct gp_scan *c, bool (*test)(char))
{
	size_t from = c->at;
	while (!gp_scan_end(c) && test(c->all.ptr[c->at]))
		c->at++;
	return gp_scan_since(c, from);
}

static bool
is_wsp(char ch)
{
	return ch == ' ' || ch == '\t';
}

void
gp_scan_wsp(struct gp_scan *c)
{
	(void)gp_scan_while(c, is_wsp);
}

bool
gp_scan_fail(struct gp_scan *c)
{
	c->at = c->all.len;
	c->failed = true;
	return false;
}
