/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The DKIM keys of one of our domains, and their life: a file of lines that `gatepost domain`
 * writes and signer reads. README.md has the file.
 *
 *     PENDING ---> ACTIVE ---> RETIRING ---> REVOKED ---> forgotten
 *              |           |             |            |
 *              |           |             |            gp_keyring_forget: its name is free again
 *              |           |             gp_keyring_revoke: the overlap is over; the private half
 *              |           |             is gone, the record says so (RFC 6376 section 3.6.1: p=)
 *              +-----------+ gp_keyring_activate: the records of the pending keys were seen; they
 *                            sign from now on, those that did only stay in the DNS
 *
 * A key is in the DNS in each of these states; what is published differs in REVOKED alone. One
 * change of keys is under way at a time: while keys are pending, retiring or revoked no new ones
 * are made.
 */
#pragma once

#include "base/buf.h"

enum gp_keyring_limits {
	GP_KEYRING_KEYS_MAX = 16,
	GP_KEYRING_TEXT_MAX = 64 * 1024, /* octets of the file */
	GP_KEYRING_SELECTOR_MAX = 63,    /* of one label */
	GP_KEYRING_DOMAIN_MAX = 253,
	GP_KEYRING_BASE64_MAX = 4096, /* of one half of a key: RSA of 4096 bits has 3,200 */
};

enum gp_keyring_algorithm {
	GP_KEYRING_RSA = 1, /* rsa-sha256 (RFC 6376 section 3.3.1, RFC 8301) */
	GP_KEYRING_ED25519, /* ed25519-sha256 (RFC 8463) */
};

enum gp_keyring_state {
	GP_KEYRING_PENDING = 1, /* to be published; not used before its record was seen */
	GP_KEYRING_ACTIVE,      /* mail is signed with it */
	GP_KEYRING_RETIRING,    /* published for what is still under way */
	GP_KEYRING_REVOKED,     /* published as revoked */
};

struct gp_keyring_key {
	struct gp_slice selector;
	uint8_t algorithm;            /* enum gp_keyring_algorithm */
	uint8_t state;                /* enum gp_keyring_state */
	uint64_t created_s, since_s;  /* epoch; since: when this state began */
	struct gp_slice public_half;  /* base64 as p= has it: SubjectPublicKeyInfo, or 32 octets */
	struct gp_slice private_half; /* base64 of PKCS #8; empty when REVOKED, and only then */
};

struct gp_keyring {
	struct gp_slice domain; /* lower case, A-labels */
	struct gp_keyring_key keys[GP_KEYRING_KEYS_MAX];
	size_t len;
};

/*
 * Reads the file; slices of *ret point into the text. Returns 0, or 1 when it is no such file:
 * *ret_line says in which line, counted from 1, and *ret is not to be used. Selectors are unique.
 */
[[nodiscard]] int
gp_keyring_parse(struct gp_slice text, struct gp_keyring *ret, unsigned *ret_line);

/* Writes the file, which gp_keyring_parse reads as an equal value. Latches out->failed. */
void
gp_keyring_write(struct gp_buf *out, const struct gp_keyring *k);

/* The text of the key's TXT record (RFC 6376 section 3.6.1). Latches out->failed. */
void
gp_keyring_write_record(struct gp_buf *out, const struct gp_keyring_key *key);

/* Whether a TXT record's text says the same: spaces, and a semicolon at the end, do not matter; one
 * tag more, or another order, does. */
bool
gp_keyring_record_is(const struct gp_keyring_key *key, struct gp_slice text);

/* "rsa-sha256"; "pending" */
const char *
gp_keyring_algorithm_name(uint8_t algorithm);
const char *
gp_keyring_state_name(uint8_t state);

/* The key of that selector, or NULL. */
struct gp_keyring_key *
gp_keyring_find(struct gp_keyring *k, struct gp_slice selector);

/* How many keys are in that state. */
size_t
gp_keyring_count(const struct gp_keyring *k, enum gp_keyring_state state);

/* --- the change of keys --- */

/* Which step comes next, by what is there; the first that fits. */
enum gp_keyring_step {
	GP_KEYRING_ACTIVATE, /* there are pending keys: once their records are seen */
	GP_KEYRING_REVOKE,   /* there are retiring ones: once the overlap is over */
	GP_KEYRING_FORGET,   /* there are revoked ones: once the overlap is over again */
	GP_KEYRING_ADD,      /* nothing is under way: new keys may be made */
};
enum gp_keyring_step
gp_keyring_next(const struct gp_keyring *k);

/* Since when the youngest key of that state is in it; 0: there is none. */
uint64_t
gp_keyring_since_s(const struct gp_keyring *k, enum gp_keyring_state state);

/* A new pending key, of slices that outlive the keyring. There is room for those of a new change
   whenever gp_keyring_next says ADD. */
void
gp_keyring_add(struct gp_keyring *k, const struct gp_keyring_key *key, uint64_t now_s);
void
gp_keyring_activate(struct gp_keyring *k, uint64_t now_s);
void
gp_keyring_revoke(struct gp_keyring *k, uint64_t now_s);
/* Without the revoked ones. */
void
gp_keyring_forget(struct gp_keyring *k);
