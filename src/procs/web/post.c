/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/web/post.h"

#include "ipc/values.h"

static const struct gp_slice path_before = GP_SLICE(POST_PATH);

bool
post_is_asked(const struct question *q)
{
	struct gp_slice path, host;
	return question_place(q, &path, &host) != 400 && gp_slice_starts(path, path_before);
}

static const struct gp_domain_config *
domain_of(const struct gp_config *cfg, struct gp_slice name)
{
	for (size_t i = 0; i < cfg->domains_len; i++) {
		const struct gp_domain_config *d = &cfg->domains[i];
		if (d->tls_rpt_https && gp_slice_eq_nocase(d->name, name))
			return d;
	}
	return NULL;
}

static bool
is_our_host(const struct gp_config *cfg, const struct gp_domain_config *domain,
	    struct gp_slice host)
{
	const struct gp_slice label = GP_SLICE("mta-sts.");
	return gp_slice_eq_nocase(host, cfg->hostname) ||
	       (gp_slice_starts_nocase(host, label) &&
		gp_slice_eq_nocase(gp_slice_drop(host, label.len), domain->name));
}

/* RFC 8460 section 6.4 and 6.5; parameters are passed over. */
static bool
is_report(const struct question *q)
{
	struct gp_slice rest = q->type.value, type = gp_slice_trim(gp_slice_cut(&rest, ';'));
	return q->type.times == 1 &&
	       (gp_slice_eq_nocase(type, GP_SLICE("application/tlsrpt+gzip")) ||
		gp_slice_eq_nocase(type, GP_SLICE("application/tlsrpt+json")));
}

/* Said once and in digits, never in chunks: no two readers, such as a proxy and we, disagree about
 * where a body ends. Returns a status. */
static int
read_length(const struct question *q, size_t *ret)
{
	uint64_t len;
	if (q->transfer.times > 0 || q->length.times == 0)
		return 411;
	if (q->length.times > 1 || !gp_slice_u64(q->length.value, UINT64_MAX, &len) || len == 0)
		return 400;
	*ret = (size_t)len;
	return len <= POST_BODY_MAX ? 200 : 413;
}

int
post_head(const struct gp_config *cfg, const struct question *q,
	  const struct gp_domain_config **ret, size_t *ret_len)
{
	struct gp_slice path, host;
	int status = question_place(q, &path, &host);
	if (status != 200)
		return status;
	const struct gp_domain_config *domain =
		domain_of(cfg, gp_slice_drop(path, path_before.len));
	if (!domain)
		return 404;
	if (!is_our_host(cfg, domain, host))
		return 421;
	if (!gp_slice_eq(q->method, GP_SLICE("POST")))
		return 405;
	/* The report is packed by what it is, not by the transfer. */
	if (!is_report(q) || q->encoding.times > 0)
		return 415;
	*ret = domain;
	return read_length(q, ret_len);
}

int
post_status(uint8_t outcome)
{
	switch ((enum gp_ingested)outcome) {
	case GP_INGESTED_KEPT:
	case GP_INGESTED_KNOWN:
		return 200;
	case GP_INGESTED_REFUSED:
		return 400;
	case GP_INGESTED_FAILED:
		break;
	}
	return 503;
}
