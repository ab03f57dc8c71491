/* SPDX-License-Identifier: Apache-2.0 */
/* What sessions came to, told to reports. */
#include <sys/socket.h>

#include "core/tlsrpt/report.h"
#include "procs/relay/relay.h"
#include "procs/tell/tell.h"

enum {
	NAMES_MAX = 255,  /* as in `tls_result`: escapes may make a name longer */
	LINES_MAX = 8192, /* of a policy's text, as in `tls_count` */
	TEXTS_MAX = 1024 * 1024,
};

/* A list as lines. A report shows so much of each, and whole ones only. */
static struct gp_slice
join(const struct gp_slice *list, size_t len, struct gp_arena *arena)
{
	struct gp_buf lines = GP_BUF_INIT(LINES_MAX);
	for (size_t i = 0; i < len; i++) {
		size_t before = lines.len;
		if (i > 0)
			gp_buf_put_char(&lines, '\n');
		if (gp_buf_put(&lines, gp_slice_take(list[i], GP_REPORT_TEXT_MAX)))
			continue;
		gp_buf_truncate(&lines, before);
		break;
	}
	struct gp_slice joined = gp_arena_dup(arena, gp_buf_slice(&lines));
	gp_buf_free(&lines);
	return joined;
}

static size_t
counts_of(const struct gp_tlspolicy_verdict *v, const struct gp_tlspolicy_judgement *j,
	  struct gp_arena *arena, struct gp_tls_count ret[GP_TLSPOLICY_REPORTS_MAX])
{
	size_t len = 0;
	for (size_t i = 0; i < v->reports_len; i++) {
		const struct gp_tlspolicy_report *r = &v->reports[i];
		if (j->counts[i].result == GP_TLSRPT_UNCOUNTED)
			continue;
		ret[len++] = (struct gp_tls_count){
			.type = r->policy,
			.result = j->counts[i].result,
			.domain = gp_slice_take(r->domain, NAMES_MAX),
			.strings = join(r->strings, r->strings_len, arena),
			.mx = join(r->mx, r->mx_len, arena),
			.reason = gp_slice_take(j->counts[i].reason, GP_REPORT_TEXT_MAX),
		};
	}
	return len;
}

void
results_tell(const struct way *w, const struct gp_tlspolicy_verdict *verdict,
	     const struct gp_tlspolicy_judgement *judgement, const struct gp_sockaddr *remote,
	     int fd)
{
	struct gp_arena texts = GP_ARENA_INIT(TEXTS_MAX);
	struct gp_tls_count counts[GP_TLSPOLICY_REPORTS_MAX];
	struct gp_sockaddr ours = {.len = sizeof(ours.ss)};
	uint8_t sending[16], receiving[16];
	if (w->uncounted || w->mx.way.domain.len == 0)
		return;
	if (fd < 0 || getsockname(fd, (struct sockaddr *)&ours.ss, &ours.len) < 0)
		ours = (struct gp_sockaddr){};
	struct gp_message m = {
		.type = GP_MSG_TLS_RESULT,
		.fd = -1,
		.tls_result = {.domain = w->mx.way.domain,
			       .mx_host = gp_slice_take(verdict->host, NAMES_MAX),
			       .sending = gp_slice((char *)sending,
						   gp_sockaddr_octets(&ours, sending)),
			       .receiving = gp_slice((char *)receiving,
						     gp_sockaddr_octets(remote, receiving)),
			       .counts = counts,
			       .counts_len = counts_of(verdict, judgement, &texts, counts)},
	};
	if (m.tls_result.counts_len > 0)
		tell_reports(&m);
	gp_arena_free(&texts);
}
