/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/reports/sane.h"

#include "core/dkim/signature.h"
#include "core/dmarc/record.h"
#include "core/ingest/wire.h"
#include "core/smtp/address.h"
#include "core/spf/spf.h"
#include "core/tlsrpt/words.h"

/* --- sessions --- */

static bool
is_address(struct gp_slice octets)
{
	return octets.len == 0 || octets.len == 4 || octets.len == 16;
}

bool
sane_tls(const struct gp_msg_tls_result *m)
{
	bool sane = m->domain.len > 0 && m->counts_len > 0 && is_address(m->sending) &&
		    is_address(m->receiving);
	for (size_t i = 0; sane && i < m->counts_len; i++) {
		const struct gp_tls_count *c = &m->counts[i];
		sane = c->type > 0 && c->type < GP_TLSRPT_POLICIES &&
		       c->result >= GP_TLSRPT_SUCCESS && c->result < GP_TLSRPT_RESULTS;
	}
	return sane;
}

/* --- messages --- */

static bool
is_policy(uint8_t policy)
{
	return policy >= GP_DMARC_P_NONE && policy <= GP_DMARC_P_REJECT;
}

static bool
is_source_octet(char c)
{
	return gp_ascii_is_digit(c) || (c >= 'a' && c <= 'f') || c == ':' || c == '.';
}

static bool
is_source(struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!is_source_octet(s.ptr[i]))
			return false;
	}
	return s.len > 0;
}

static bool
sane_row(const struct gp_dmarcrpt_row *r)
{
	bool sane = is_source(r->source) && gp_domain_valid(r->header_from) && r->disposition > 0 &&
		    r->disposition < GP_DMARCRPT_DISPOSITIONS &&
		    r->override < GP_DMARCRPT_OVERRIDES && r->spf <= GP_SPF_PERMERROR;
	for (size_t i = 0; sane && i < r->signatures_len; i++) {
		const struct gp_dmarcrpt_signature *one = &r->signatures[i];
		sane = gp_dmarcrpt_is_name(one->domain) && gp_dmarcrpt_is_name(one->selector) &&
		       one->result >= GP_DKIM_PASS && one->result <= GP_DKIM_PERMERROR;
	}
	return sane;
}

bool
sane_dmarc(const struct gp_msg_dmarc_result *m)
{
	const struct gp_dmarcrpt_policy *p = &m->policy;
	return gp_domain_valid(p->domain) && is_policy(p->p) && is_policy(p->sp) &&
	       is_policy(p->np) && sane_row(&m->row);
}

bool
sane_failure(const struct gp_failrpt_incident *i)
{
	bool sane = i->cause > 0 && i->cause < GP_FAILRPT_CAUSES && i->delivery > 0 &&
		    i->delivery < GP_FAILRPT_DELIVERIES && gp_domain_valid(i->policy_domain) &&
		    gp_domain_valid(i->organization) && gp_domain_valid(i->header_from) &&
		    is_source(i->source) && i->sender.len > 0 && i->dkim <= GP_DKIM_PERMERROR &&
		    i->spf <= GP_SPF_PERMERROR;
	return sane && (i->dkim == 0 || (gp_dmarcrpt_is_name(i->dkim_domain) &&
					 gp_dmarcrpt_is_name(i->dkim_selector)));
}

bool
sane_over_limit(const struct gp_msg_report_over_limit *m)
{
	return m->reporter.len > 0 && gp_told_is_text(m->reporter, m->reporter.len, false);
}
