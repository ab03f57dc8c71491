/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/web/guard.h"

#include "core/config/config.h"

enum { STATUS_AT = 9 }; /* in "HTTP/1.1 200 OK" */

/* What is no file of ours is not made one: of every answer. */
static const struct gp_slice for_all = GP_SLICE("X-Content-Type-Options: nosniff\r\n");

/* Of the dashboard's: to load nothing from elsewhere, to run nothing but our files, to make no
 * markup of text, and to let nobody frame or read it. */
static const struct gp_slice for_dashboard =
	GP_SLICE("Content-Security-Policy: "
		 "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
		 "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
		 "require-trusted-types-for 'script'; trusted-types 'none'\r\n"
		 "Referrer-Policy: no-referrer\r\n"
		 "Cross-Origin-Opener-Policy: same-origin\r\n"
		 "Cross-Origin-Resource-Policy: same-origin\r\n"
		 "X-Frame-Options: DENY\r\n");

static void
end_line(struct guard *g)
{
	if (!g->past_status) {
		g->placed = !g->interim;
		g->past_status = true;
	} else if (g->line_len == 0) {
		g->past_status = false;
	}
	g->line_len = 0;
}

static void
take_octet(struct guard *g, char c)
{
	if (c == '\n') {
		end_line(g);
		return;
	}
	if (!g->past_status && g->line_len == STATUS_AT)
		g->interim = c == '1';
	g->line_len += c != '\r';
}

void
guard_pass(struct guard *g, struct gp_slice octets, struct gp_buf *out)
{
	size_t n = 0;
	bool before = !g->placed;
	while (n < octets.len && !g->placed)
		take_octet(g, octets.ptr[n++]);
	gp_buf_put(out, gp_slice_take(octets, n));
	if (before && g->placed) {
		gp_buf_put(out, for_all);
		if (g->service == GP_SERVICE_DASHBOARD)
			gp_buf_put(out, for_dashboard);
	}
	gp_buf_put(out, gp_slice_drop(octets, n));
}
