/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/web/reply.h"

struct gp_json
reply_json(struct reply *r)
{
	r->status = 200;
	r->type = "application/json";
	return (struct gp_json){.out = &r->body};
}

void
reply_refuse(struct reply *r, int status, const char *words)
{
	gp_buf_clear(&r->body);
	struct gp_json j = reply_json(r);
	r->status = status;
	gp_json_open(&j, NULL, '{');
	gp_json_str(&j, "error", words);
	gp_json_close(&j, '}');
}
