/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a domain of ours has to publish: the records that follow from the configuration and from its
 * DKIM keys, and the MTA-STS policy.
 */
#pragma once

#include "cli/domain/domain.h"
#include "core/dns/record.h"

enum {
	DOMAIN_RECORDS_MAX = 4 + GP_KEYRING_KEYS_MAX + GP_CONFIG_CERTIFICATES_MAX,
	DOMAIN_TTL_S = 3600, /* of what we advise */
	DOMAIN_DIGEST = 32,  /* SHA-256 */
	DOMAIN_MX_PREFERENCE = 10,
};

enum domain_what {
	DOMAIN_MX,
	DOMAIN_MTA_STS, /* the TXT record that says which policy is the current one */
	DOMAIN_TLS_RPT,
	DOMAIN_DKIM,
	DOMAIN_TLSA,      /* 3 1 1 of a key that is in use */
	DOMAIN_TLSA_NEXT, /* the same of the next one */
};

struct domain_record {
	uint8_t what; /* enum domain_what */
	struct gp_slice name;
	struct gp_slice text;          /* MX: the host; TXT: the record, printable; TLSA: empty */
	uint8_t digest[DOMAIN_DIGEST]; /* TLSA */
	const struct gp_keyring_key *key; /* DKIM; else NULL */
};

struct domain_records {
	struct domain_record items[DOMAIN_RECORDS_MAX];
	size_t len;
	struct gp_slice policy; /* empty: none */
	char id[DOMAIN_DIGEST]; /* of the policy; ends in a NUL */
};

/* Results live in the run: DKIM's are of run->ring. Returns an exit code, after saying what is
   wrong. */
[[nodiscard]] int
domain_make_records(struct domain_run *run, struct domain_records *ret);

/* SELECTOR._domainkey.DOMAIN (RFC 6376 section 3.6.2.1), in the run's arena; NULL: no memory. */
struct gp_slice
domain_key_name(struct domain_run *run, const struct gp_keyring_key *key);

/* "MX", "TXT", "TLSA" */
const char *
domain_record_type(uint8_t what);

/* The data of the record as in a master file (RFC 1035 section 5.1). Latches out->failed. */
void
domain_write_data(struct gp_buf *out, const struct domain_record *r);
/* All of the record on a line, without its end. */
void
domain_write_record(struct gp_buf *out, const struct domain_record *r);

/* The record as JSON, and what is known of the domain's DKIM keys. */
json_t *
domain_json_record(const struct domain_record *r);
json_t *
domain_json_keys(struct domain_run *run);
