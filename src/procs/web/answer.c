/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/web/answer.h"

#include "core/dns/record.h"
#include "core/message/date.h"
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
	{421, "Misdirected Request"},
	{431, "Request Header Fields Too Large"},
	{500, "Internal Server Error"},
	{505, "HTTP Version Not Supported"},
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

/* The status; with 200 the policy is in `body`. */
static int
judge(const struct gp_config *cfg, const struct question *q, struct gp_buf *body)
{
	const struct gp_http_request *r = &q->request;
	if (q->outcome != GP_HTTP_WHOLE)
		return q->outcome;
	/* RFC 9110 section 15.5.20: this connection's certificate is not for that host. */
	if (q->sni.len > 0 && !gp_slice_eq_nocase(q->sni, r->host))
		return 421;
	const struct gp_domain_config *domain = domain_of(cfg, r->host);
	if (!domain)
		return 421;
	if (!gp_slice_eq(r->path, GP_SLICE(GP_MTASTS_PATH)))
		return 404;
	if (!gp_slice_eq(r->method, GP_SLICE("GET")) && !gp_slice_eq(r->method, GP_SLICE("HEAD")))
		return 405;
	if (!gp_mtasts_own_policy(cfg, domain, body))
		return 404;
	return body->failed ? 500 : 200;
}

int
answer_write(struct gp_buf *out, const struct gp_config *cfg, const struct question *q)
{
	struct gp_buf body = GP_BUF_INIT(GP_MTASTS_BODY_MAX);
	int status = judge(cfg, q, &body);
	if (status != 200) {
		gp_buf_clear(&body);
		gp_buf_printf(&body, "%d %s\r\n", status, reason_of(status));
	}
	gp_buf_printf(out, "HTTP/1.1 %d %s\r\nDate: %s", status, reason_of(status),
		      gp_date_http(q->now_ms / 1000).s);
	gp_buf_printf(out,
		      "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n"
		      "X-Content-Type-Options: nosniff\r\nConnection: close\r\n%s\r\n",
		      body.len, status == 405 ? "Allow: GET, HEAD\r\n" : "");
	bool whole =
		q->outcome != GP_HTTP_WHOLE || !gp_slice_eq(q->request.method, GP_SLICE("HEAD"));
	if (whole)
		gp_buf_put(out, gp_buf_slice(&body));
	gp_buf_free(&body);
	return status;
}
