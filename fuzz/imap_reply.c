/* SPDX-License-Identifier: Apache-2.0 */
/* What an IMAP server says of a folder of reports. */
#include "cli/reports/imap_reply.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_slice text = gp_slice((const char *)data, size), rest;
	uint32_t n;
	(void)imap_reply_literal(text, &n);
	(void)imap_reply_kind(text, GP_SLICE("g1"), &rest);
	(void)imap_reply_code(rest, GP_SLICE("UIDNEXT"), &n);
	(void)imap_reply_capable(rest, GP_SLICE("MOVE"));
	if (imap_reply_fetch(rest, &n))
		gp_assert(n > 0);
	/* Each number is at least an octet. */
	for (size_t found = 0; imap_reply_search(&rest, &n) > 0; found++)
		gp_assert(n > 0 && found <= size);
	return 0;
}
