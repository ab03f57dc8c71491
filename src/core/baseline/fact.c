/* SPDX-License-Identifier: Apache-2.0 */
#include "core/baseline/term.h"

const struct baseline_fact_row baseline_facts[] = {
	[BASELINE_MX_HOSTS] = {GP_SLICE("mx.hosts"), BASELINE_NUMBER},
	[BASELINE_MX_NULL] = {GP_SLICE("mx.null"), BASELINE_YES_OR_NO},
	[BASELINE_SPF_PRESENT] = {GP_SLICE("spf.present"), BASELINE_YES_OR_NO},
	[BASELINE_SPF_VALID] = {GP_SLICE("spf.valid"), BASELINE_YES_OR_NO},
	[BASELINE_SPF_NOBODY] = {GP_SLICE("spf.nobody"), BASELINE_YES_OR_NO},
	[BASELINE_SPF_CLOSED] = {GP_SLICE("spf.closed"), BASELINE_YES_OR_NO},
	[BASELINE_SPF_LOOKUPS] = {GP_SLICE("spf.lookups"), BASELINE_NUMBER},
	[BASELINE_DMARC_PRESENT] = {GP_SLICE("dmarc.present"), BASELINE_YES_OR_NO},
	[BASELINE_DMARC_P] = {GP_SLICE("dmarc.p"), BASELINE_POLICY},
	[BASELINE_DMARC_SP] = {GP_SLICE("dmarc.sp"), BASELINE_POLICY},
	[BASELINE_DMARC_TESTING] = {GP_SLICE("dmarc.testing"), BASELINE_YES_OR_NO},
	[BASELINE_DMARC_RUA] = {GP_SLICE("dmarc.rua"), BASELINE_ADDRESSES},
	[BASELINE_DKIM_KEYS] = {GP_SLICE("dkim.keys"), BASELINE_NUMBER},
	[BASELINE_DKIM_WILDCARD_REVOKED] = {GP_SLICE("dkim.wildcard-revoked"), BASELINE_YES_OR_NO},
};
const size_t baseline_facts_len = GP_ARRAY_LEN(baseline_facts);
