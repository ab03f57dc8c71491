/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/web/answer.h"

#include "base/scan.h"
#include "core/dns/record.h"
#include "core/mtasts/ours.h"
#include "core/mtasts/policy.h"

static const struct gp_slice policy_label = GP_SLICE("mta-sts.");

static const struct {
	int status;
	const char *words;
} reasons[] = {
	{200, "OK"},
	{400, "Bad Request"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{411, "Length Required"},
	{413, "Content Too Large"},
	{415, "Unsupported Media Type"},
	{421, "Misdirected Request"},
	{429, "Too Many Requests"},
	{503, "Service Unavailable"},
};

static const char *
reason_of(int status)
{
	size_t i = 0;
	while (i < GP_ARRAY_LEN(reasons) - 1 && reasons[i].status != status)
		i++;
	gp_assert(reasons[i].status == status);
	return reasons[i].words;
}

void
answer_status(struct gp_buf *body, int status)
{
	gp_buf_clear(body);
	gp_buf_printf(body, "%d %s\r\n", status, reason_of(status));
}

struct question_field *
question_field(struct question *q, struct gp_slice name)
{
	const struct {
		const char *name;
		struct question_field *field;
	} known[] = {
		{"Host", &q->host},
		{"Content-Type", &q->type},
		{"Content-Length", &q->length},
		{"Content-Encoding", &q->encoding},
		{"Transfer-Encoding", &q->transfer},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(known); i++) {
		if (gp_slice_eq_nocase(name, gp_slice_str(known[i].name)))
			return known[i].field;
	}
	return NULL;
}

/* The domain whose policy host this is. */
static const struct gp_domain_config *
domain_of(const struct gp_config *cfg, struct gp_slice host)
{
	char name[GP_DNS_NAME_TEXT_MAX];
	if (!gp_slice_starts_nocase(host, policy_label) || host.len > sizeof(name))
		return NULL;
	struct gp_slice domain = gp_slice_drop(host, policy_label.len);
	for (size_t i = 0; i < domain.len; i++)
		name[i] = gp_ascii_lower(domain.ptr[i]);
	return gp_mtasts_own_domain(cfg, gp_slice(name, domain.len));
}

/* RFC 9110 section 7.2: a host and, perhaps, a port. */
static bool
read_host(struct gp_slice text, struct gp_slice *ret)
{
	struct gp_slice port = text;
	*ret = gp_slice_cut(&port, ':');
	struct gp_scan c = gp_scan(port);
	return ret->len > 0 && gp_scan_while(&c, gp_ascii_is_digit).len == port.len;
}

/* RFC 9112 section 3.2: a path, or a whole URI, whose host counts then. */
static bool
read_target(struct gp_slice target, struct gp_slice *path, struct gp_slice *host)
{
	const struct gp_slice scheme = GP_SLICE("https://");
	*path = target;
	if (!gp_slice_starts_nocase(target, scheme))
		return true;
	struct gp_slice rest = gp_slice_drop(target, scheme.len);
	ptrdiff_t slash = gp_slice_find(rest, '/');
	*path = slash < 0 ? GP_SLICE("/") : gp_slice_drop(rest, (size_t)slash);
	return read_host(slash < 0 ? rest : gp_slice_take(rest, (size_t)slash), host);
}

int
question_place(const struct question *q, struct gp_slice *ret_path, struct gp_slice *ret_host)
{
	if (q->host.times != 1 || !read_host(q->host.value, ret_host) ||
	    !read_target(q->target, ret_path, ret_host))
		return 400;
	/* RFC 9110 section 15.5.20: this connection's certificate is not for that host. */
	return q->sni.len > 0 && !gp_slice_eq_nocase(q->sni, *ret_host) ? 421 : 200;
}

/* The status; with 200 the policy is in `body`. */
static int
judge(const struct gp_config *cfg, const struct question *q, struct gp_buf *body)
{
	struct gp_slice path, host;
	int status = question_place(q, &path, &host);
	if (status != 200)
		return status;
	const struct gp_domain_config *domain = domain_of(cfg, host);
	if (!domain)
		return 421;
	if (!gp_slice_eq(path, GP_SLICE(GP_MTASTS_PATH)))
		return 404;
	if (!gp_slice_eq(q->method, GP_SLICE("GET")) && !gp_slice_eq(q->method, GP_SLICE("HEAD")))
		return 405;
	return gp_mtasts_own_policy(cfg, domain, body) ? 200 : 404;
}

int
answer_make(struct gp_buf *body, const struct gp_config *cfg, const struct question *q)
{
	int status = judge(cfg, q, body);
	if (status != 200)
		answer_status(body, status);
	return status;
}
