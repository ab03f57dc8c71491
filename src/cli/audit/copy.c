/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit/copy.h"

#include <errno.h>

#include "cli/audit/report.h"

enum { TEXT_MAX = 64 << 20 }; /* octets of one domain's findings */

void
audit_copy_begin(struct audit_copy *c, FILE *out, uint8_t format)
{
	*c = (struct audit_copy){.out = out, .text = GP_BUF_INIT(TEXT_MAX)};
	c->writer = (struct findings_writer){
		.out = &c->text, .command = "gatepost audit", .key = "domain", .format = format};
	findings_begin(&c->writer);
}

void
audit_copy_free(struct audit_copy *c)
{
	gp_buf_free(&c->text);
}

static int
flush(struct audit_copy *c)
{
	struct gp_slice s = gp_buf_slice(&c->text);
	if (c->text.failed)
		return -ENOMEM;
	bool good = fwrite(s.ptr, 1, s.len, c->out) == s.len;
	gp_buf_clear(&c->text);
	return good ? 0 : -EIO;
}

int
audit_copy_domain(struct audit_copy *c, const struct gp_posture_result *r,
		  const struct audit_judged *judged, struct gp_arena *arena)
{
	int rc = audit_report_write(&c->writer, r, judged, arena);
	return rc < 0 ? rc : flush(c);
}

int
audit_copy_address(struct audit_copy *c, struct gp_slice address,
		   const struct gp_findings *findings, struct gp_arena *arena)
{
	c->writer.key = "address";
	int rc = findings_write(&c->writer, address, findings, arena);
	c->writer.key = "domain";
	return rc < 0 ? rc : flush(c);
}

int
audit_copy_end(struct audit_copy *c)
{
	int rc = findings_end(&c->writer);
	rc = rc < 0 ? rc : flush(c);
	return rc < 0 ? rc : fflush(c->out) == 0 ? 0 : -EIO;
}
