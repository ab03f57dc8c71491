/* SPDX-License-Identifier: Apache-2.0 */
#include "core/mtasts/ours.h"

#include "core/mtasts/policy.h"

static uint8_t
mode_of(const struct gp_domain_config *domain)
{
	static const uint8_t modes[] = {
		[GP_OWN_POLICY_NONE] = GP_MTASTS_NONE,
		[GP_OWN_POLICY_TESTING] = GP_MTASTS_TESTING,
		[GP_OWN_POLICY_ENFORCE] = GP_MTASTS_ENFORCE,
	};
	gp_assert(domain->mta_sts.mode < GP_ARRAY_LEN(modes));
	return modes[domain->mta_sts.mode];
}

static void
write_mx(struct gp_buf *out, struct gp_slice pattern)
{
	gp_buf_printf(out, "mx: %.*s\r\n", GP_SLICE_FMT(pattern));
}

bool
gp_mtasts_own_policy(const struct gp_config *cfg, const struct gp_domain_config *domain,
		     struct gp_buf *out)
{
	const struct gp_own_mta_sts *own = &domain->mta_sts;
	uint8_t mode = mode_of(domain);
	if (mode == 0)
		return false;
	gp_buf_printf(out, "version: STSv1\r\nmode: %s\r\n", gp_mtasts_mode_name(mode));
	for (size_t i = 0; i < own->mx_len; i++)
		write_mx(out, own->mx[i]);
	if (own->mx_len == 0)
		write_mx(out, cfg->hostname);
	gp_buf_put_str(out, "max_age: ");
	gp_buf_put_u64(out, own->max_age / 1000);
	gp_buf_put_str(out, "\r\n");
	return true;
}

const struct gp_domain_config *
gp_mtasts_own_domain(const struct gp_config *cfg, struct gp_slice name)
{
	for (size_t i = 0; i < cfg->domains_len; i++) {
		if (gp_slice_eq(cfg->domains[i].name, name))
			return &cfg->domains[i];
	}
	return NULL;
}
