/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost domain show: what to publish, as a piece of a master file, with advice in comments. */
#include <errno.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/domain/records.h"
#include "core/message/date.h"
#include "core/mtasts/ours.h"

enum { TEXT_MAX = 1 << 20 };

static bool
has(const struct domain_records *r, enum domain_what what)
{
	for (size_t i = 0; i < r->len; i++) {
		if (r->items[i].what == what)
			return true;
	}
	return false;
}

static void
write_all(struct gp_buf *out, const struct domain_records *r, enum domain_what what)
{
	for (size_t i = 0; i < r->len; i++) {
		if (r->items[i].what != what)
			continue;
		domain_write_record(out, &r->items[i]);
		gp_buf_put_char(out, '\n');
	}
}

static void
write_policy(struct gp_buf *out, const struct domain_run *run, const struct domain_records *r)
{
	struct gp_slice rest = r->policy;
	if (rest.len == 0) {
		gp_buf_put_str(out, "\n; No MTA-STS policy: mta_sts.mode is off.\n");
		return;
	}
	gp_buf_printf(out,
		      "\n; MTA-STS (RFC 8461): first the policy, then the record, which has a new "
		      "id for each policy.\n"
		      "; The policy is https://mta-sts.%.*s" GP_MTASTS_PATH ",\n; served %s\n",
		      GP_SLICE_FMT(run->name),
		      run->config->web.policy_listen.len > 0
			      ? "here, on web.policy_listen, with a certificate for that name:"
			      : "by your web server, as web.policy_listen is not set:");
	while (rest.len > 0) {
		struct gp_slice line = gp_slice_cut(&rest, '\n');
		line.len -= line.len > 0;
		gp_buf_printf(out, ";     %.*s\n", GP_SLICE_FMT(line));
	}
	if (run->config->web.policy_listen.len > 0)
		gp_buf_printf(out, "mta-sts.%.*s. %d IN CNAME %.*s.\n", GP_SLICE_FMT(run->name),
			      DOMAIN_TTL_S, GP_SLICE_FMT(run->config->hostname));
	write_all(out, r, DOMAIN_MTA_STS);
}

/* RFC 7671 section 8.1: no key is shown before its record has been everywhere for two TTLs. */
static void
write_rollover(struct gp_buf *out)
{
	gp_buf_printf(out,
		      "; The next key. In this order:\n"
		      ";   1. publish its record beside the current ones\n"
		      ";   2. wait two TTLs (%d minutes), until nobody has the old set\n"
		      ";   3. put the key and its certificate into tls; it is used within a "
		      "minute\n"
		      ";   4. wait two TTLs, and see that `gatepost domain check` finds nothing\n"
		      ";   5. remove the record of the old key\n",
		      2 * DOMAIN_TTL_S / 60);
}

static void
write_tlsa(struct gp_buf *out, const struct domain_records *r)
{
	if (!has(r, DOMAIN_TLSA)) {
		gp_buf_put_str(out, "\n; No TLSA record: tls.certificate is not set.\n");
	} else {
		gp_buf_put_str(out, "\n; DANE (RFC 7672), for the key and not the certificate, so "
				    "that renewals which keep the key\n; change nothing. Only in a "
				    "zone that is signed by DNSSEC.\n");
		write_all(out, r, DOMAIN_TLSA);
	}
	if (has(r, DOMAIN_TLSA_NEXT))
		write_rollover(out);
	write_all(out, r, DOMAIN_TLSA_NEXT);
}

static void
write_key(struct gp_buf *out, const struct domain_record *r)
{
	static const char *const meaning[] = {
		[GP_KEYRING_PENDING] =
			("not used yet: when this is published, run `gatepost domain "
			 "rotate`"),
		[GP_KEYRING_ACTIVE] = "mail is signed with it",
		[GP_KEYRING_RETIRING] = "not used any more; stays for mail that is under way",
		[GP_KEYRING_REVOKED] = "revoked, and nothing that it signed is under way",
	};
	gp_buf_printf(out, "; %s, since %s: %s\n", gp_keyring_algorithm_name(r->key->algorithm),
		      gp_date_stamp(r->key->since_s).s, meaning[r->key->state]);
	domain_write_record(out, r);
	gp_buf_put_char(out, '\n');
}

static void
write_dkim(struct gp_buf *out, const struct domain_records *r)
{
	if (!has(r, DOMAIN_DKIM)) {
		gp_buf_put_str(out, "\n; No DKIM keys: `gatepost domain add` makes them.\n");
		return;
	}
	gp_buf_put_str(out, "\n; DKIM (RFC 6376): the keys of the domain's mail\n");
	for (size_t i = 0; i < r->len; i++) {
		if (r->items[i].what == DOMAIN_DKIM)
			write_key(out, &r->items[i]);
	}
}

static int
print_text(struct domain_run *run, const struct domain_records *r)
{
	struct gp_buf out = GP_BUF_INIT(TEXT_MAX);
	gp_buf_printf(&out, "; What to publish for %.*s\n", GP_SLICE_FMT(run->name));
	write_all(&out, r, DOMAIN_MX);
	write_policy(&out, run, r);
	if (has(r, DOMAIN_TLS_RPT))
		gp_buf_put_str(&out, "\n; TLS-RPT (RFC 8460): where others report what failed\n");
	write_all(&out, r, DOMAIN_TLS_RPT);
	write_dkim(&out, r);
	write_tlsa(&out, r);
	struct gp_slice text = gp_buf_slice(&out);
	bool good = !out.failed && fwrite(text.ptr, 1, text.len, stdout) == text.len &&
		    fflush(stdout) == 0;
	gp_buf_free(&out);
	return good ? GP_EXIT_OK : domain_fail(-EIO);
}

static int
print_object(struct domain_run *run, const struct domain_records *r)
{
	json_t *records = json_array(), *policy = json_null();
	for (size_t i = 0; i < r->len; i++)
		json_array_append_new(records, domain_json_record(&r->items[i]));
	struct gp_slice url = gp_arena_printf(&run->arena, "https://mta-sts.%.*s" GP_MTASTS_PATH,
					      GP_SLICE_FMT(run->name));
	if (r->policy.len > 0)
		policy = json_pack("{s:o, s:s, s:o, s:b}", "url", domain_json_text(run, url), "id",
				   r->id, "text", json_stringn(r->policy.ptr, r->policy.len),
				   "served", run->config->web.policy_listen.len > 0);
	return domain_print_json(json_pack("{s:o, s:o, s:o, s:o}", "domain",
					   domain_json_text(run, run->name), "records", records,
					   "policy", policy, "keys", domain_json_keys(run)));
}

int
domain_show(struct domain_run *run)
{
	struct domain_records records;
	int code = domain_read_keys(run);
	if (code == GP_EXIT_OK)
		code = domain_make_records(run, &records);
	if (code != GP_EXIT_OK)
		return code;
	return run->json ? print_object(run, &records) : print_text(run, &records);
}
