/* SPDX-License-Identifier: Apache-2.0 */
#include "core/tsig/tsig.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdlib.h>

enum {
	HEADER_LEN = 12,
	COUNTS_AT = 4,
	ADDITIONAL_AT = 10,
	DIGEST_MAX = 64,
	TYPE_TSIG = 250,
	CLASS_ANY = 255,
	RCODE_BADSIG = 16, /* section 3, with BADKEY, BADTIME, BADTRUNC */
	RCODE_BADKEY = 17,
	RCODE_BADTIME = 18,
	RCODE_BADTRUNC = 22,
	TIME_OCTETS = 6,
	TTL_OCTETS = 4,
};

struct gp_tsig {
	const struct gp_tsig_key *key;
	struct gp_name algorithm;
	EVP_MAC *hmac;
	EVP_MAC_CTX *mac;  /* has the last digest, and the messages since then */
	size_t digest_len; /* of a whole one */
	bool answered;     /* the first message was signed */
	unsigned bare;     /* messages since the last that was */
	const char *why;
};

/* A TSIG record (section 4.2), and where it begins in its message. */
struct record {
	size_t at;
	struct gp_name key, algorithm;
	uint64_t time_s;
	uint16_t fudge_s, original_id, error;
	struct gp_slice digest, other;
};

static int
wrong(struct gp_tsig *t, const char *why)
{
	t->why = why;
	return GP_TSIG_WRONG;
}

const char *
gp_tsig_why(const struct gp_tsig *t)
{
	return t->why;
}

/* --- digests --- */

static bool
feed(struct gp_tsig *t, struct gp_slice octets)
{
	return EVP_MAC_update(t->mac, (const unsigned char *)octets.ptr, octets.len) == 1;
}

/* Big-endian, as all numbers are here. */
static bool
feed_number(struct gp_tsig *t, uint64_t value, size_t octets)
{
	char raw[sizeof(value)];
	for (size_t i = 0; i < octets; i++)
		raw[i] = (char)(value >> 8 * (octets - 1 - i));
	return feed(t, gp_slice(raw, octets));
}

static bool
begin(struct gp_tsig *t)
{
	return EVP_MAC_init(t->mac, t->key->secret, t->key->secret_len, NULL) == 1;
}

/* Section 5.3: a digest stands in front of all that comes after it. */
static bool
begin_behind(struct gp_tsig *t, struct gp_slice digest)
{
	return begin(t) && feed_number(t, digest.len, 2) && feed(t, digest);
}

/* Section 4.3.3. */
static bool
feed_timers(struct gp_tsig *t, const struct record *r)
{
	return feed_number(t, r->time_s, TIME_OCTETS) && feed_number(t, r->fudge_s, 2);
}

static bool
feed_variables(struct gp_tsig *t, const struct record *r)
{
	return feed(t, gp_name_wire(&r->key)) && feed_number(t, CLASS_ANY, 2) &&
	       feed_number(t, 0, TTL_OCTETS) && feed(t, gp_name_wire(&r->algorithm)) &&
	       feed_timers(t, r) && feed_number(t, r->error, 2) &&
	       feed_number(t, r->other.len, 2) && feed(t, r->other);
}

static bool
end(struct gp_tsig *t, unsigned char ret[DIGEST_MAX])
{
	size_t len;
	return EVP_MAC_final(t->mac, ret, &len, DIGEST_MAX) == 1 && len == t->digest_len;
}

struct gp_tsig *
gp_tsig_new(const struct gp_tsig_key *key)
{
	static const char *const digests[GP_TSIG_ALGORITHMS] = {
		[GP_TSIG_SHA256] = "SHA256",
		[GP_TSIG_SHA384] = "SHA384",
		[GP_TSIG_SHA512] = "SHA512",
	};
	struct gp_tsig *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
						 (char *)digests[key->algorithm], 0),
		OSSL_PARAM_construct_end(),
	};
	struct gp_slice name = gp_slice_str(gp_tsig_algorithm_name(key->algorithm));
	t->key = key;
	t->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	t->mac = t->hmac ? EVP_MAC_CTX_new(t->hmac) : NULL;
	if (!t->mac || !gp_name_from_text(name, &t->algorithm) ||
	    EVP_MAC_CTX_set_params(t->mac, params) != 1 || !begin(t))
		return gp_tsig_free(t);
	t->digest_len = EVP_MAC_CTX_get_mac_size(t->mac);
	return t;
}

struct gp_tsig *
gp_tsig_free(struct gp_tsig *t)
{
	if (!t)
		return NULL;
	EVP_MAC_CTX_free(t->mac);
	EVP_MAC_free(t->hmac);
	free(t);
	return NULL;
}

/* --- the question --- */

static void
put_number(struct gp_buf *out, uint64_t value, size_t octets)
{
	for (size_t i = octets; i > 0; i--)
		gp_buf_put_char(out, (char)(value >> 8 * (i - 1)));
}

static void
put_record(const struct record *r, struct gp_buf *out)
{
	gp_buf_put(out, gp_name_wire(&r->key));
	put_number(out, TYPE_TSIG, 2);
	put_number(out, CLASS_ANY, 2);
	put_number(out, 0, TTL_OCTETS);
	put_number(out, r->algorithm.len + 16u + r->digest.len, 2);
	gp_buf_put(out, gp_name_wire(&r->algorithm));
	put_number(out, r->time_s, TIME_OCTETS);
	put_number(out, r->fudge_s, 2);
	put_number(out, r->digest.len, 2);
	gp_buf_put(out, r->digest);
	put_number(out, r->original_id, 2);
	put_number(out, r->error, 2);
	put_number(out, 0, 2);
}

static uint16_t
number_at(struct gp_slice message, size_t at)
{
	gp_assert(at + 2 <= message.len);
	return (uint16_t)((uint8_t)message.ptr[at] << 8 | (uint8_t)message.ptr[at + 1]);
}

bool
gp_tsig_sign(struct gp_tsig *t, uint64_t now_s, struct gp_slice message, struct gp_buf *out)
{
	unsigned char digest[DIGEST_MAX];
	gp_assert(message.len >= HEADER_LEN && number_at(message, ADDITIONAL_AT) < UINT16_MAX);
	struct record r = {.key = t->key->name,
			   .algorithm = t->algorithm,
			   .time_s = now_s,
			   .fudge_s = GP_TSIG_FUDGE_S,
			   .original_id = number_at(message, 0)};
	if (!feed(t, message) || !feed_variables(t, &r) || !end(t, digest))
		return false;
	r.digest = gp_slice((const char *)digest, t->digest_len);
	gp_buf_put(out, gp_slice_take(message, ADDITIONAL_AT));
	put_number(out, number_at(message, ADDITIONAL_AT) + 1u, 2);
	gp_buf_put(out, gp_slice_drop(message, HEADER_LEN));
	put_record(&r, out);
	return begin_behind(t, r.digest) && !out->failed;
}

/* --- the answer's records --- */

/* Beyond the end everything is 0, and `at` stays there. */
static uint64_t
take(struct gp_slice message, size_t *at, size_t octets)
{
	struct gp_slice raw = gp_slice_take(gp_slice_drop(message, *at), octets);
	uint64_t value = 0;
	*at += octets;
	for (size_t i = 0; i < octets && raw.len == octets; i++)
		value = value << 8 | (uint8_t)raw.ptr[i];
	return value;
}

static struct gp_slice
take_octets(struct gp_slice message, size_t *at, size_t octets)
{
	struct gp_slice raw = gp_slice_take(gp_slice_drop(message, *at), octets);
	*at += octets;
	return raw;
}

static bool
skip_questions(struct gp_slice message, size_t *at, unsigned count)
{
	struct gp_name name;
	for (; count > 0; count--) {
		if (!gp_name_from_message(message, at, &name))
			return false;
		*at += 4;
	}
	return *at <= message.len;
}

/* The data, of which nothing may be left: what stands behind it would not be signed. */
static bool
read_data(struct gp_slice message, size_t at, struct record *ret)
{
	if (!gp_name_from_message(message, &at, &ret->algorithm))
		return false;
	ret->time_s = take(message, &at, TIME_OCTETS);
	ret->fudge_s = (uint16_t)take(message, &at, 2);
	ret->digest = take_octets(message, &at, (size_t)take(message, &at, 2));
	ret->original_id = (uint16_t)take(message, &at, 2);
	ret->error = (uint16_t)take(message, &at, 2);
	ret->other = take_octets(message, &at, (size_t)take(message, &at, 2));
	return at == message.len;
}

/* 1: it is there, the last of all (section 5.1); 0: it is not; -1: the message is malformed. */
static int
find_record(struct gp_slice message, struct record *ret)
{
	size_t at = HEADER_LEN, records = 0;
	if (message.len < HEADER_LEN)
		return -1;
	for (size_t i = 1; i < 4; i++)
		records += number_at(message, COUNTS_AT + 2 * i);
	if (number_at(message, ADDITIONAL_AT) == 0)
		return 0;
	if (!skip_questions(message, &at, number_at(message, COUNTS_AT)))
		return -1;
	for (; records > 0; records--) {
		ret->at = at;
		if (!gp_name_from_message(message, &at, &ret->key))
			return -1;
		uint64_t type = take(message, &at, 2), class = take(message, &at, 2);
		uint64_t ttl_s = take(message, &at, TTL_OCTETS);
		size_t len = (size_t)take(message, &at, 2);
		if (at > message.len || len > message.len - at)
			return -1;
		if (type == TYPE_TSIG)
			return records == 1 && class == CLASS_ANY && ttl_s == 0 &&
					       at + len == message.len &&
					       read_data(message, at, ret)
				       ? 1
				       : -1;
		at += len;
	}
	return 0;
}

/* --- the answer --- */

/* What a server says that could not, or would not, check the question (section 5.2). It cannot sign
   that, so it is for people alone. */
static const char *
why_refused(const struct record *r)
{
	switch (r->error) {
	case RCODE_BADKEY:
		return "the server does not know the key, or not with this algorithm";
	case RCODE_BADSIG:
		return "the server has another secret for the key";
	case RCODE_BADTRUNC:
		return "the server wants a longer signature than the key makes";
	default:
		return "the answer's signature is cut short";
	}
}

/* As it was when it was signed: without the record, and with the id that the signer saw. */
static bool
feed_message(struct gp_tsig *t, struct gp_slice message, const struct record *r)
{
	struct gp_slice counts = gp_slice_take(gp_slice_drop(message, 2), ADDITIONAL_AT - 2);
	struct gp_slice records = gp_slice_drop(gp_slice_take(message, r->at), HEADER_LEN);
	return feed_number(t, r->original_id, 2) && feed(t, counts) &&
	       feed_number(t, number_at(message, ADDITIONAL_AT) - 1u, 2) && feed(t, records);
}

static bool
is_in_time(const struct record *r, uint64_t now_s)
{
	uint64_t apart_s = r->time_s > now_s ? r->time_s - now_s : now_s - r->time_s;
	return apart_s <= r->fudge_s;
}

static int
check_record(struct gp_tsig *t, struct gp_slice message, const struct record *r, uint64_t now_s)
{
	unsigned char digest[DIGEST_MAX];
	if (!gp_name_eq(&r->key, &t->key->name) || !gp_name_eq(&r->algorithm, &t->algorithm))
		return wrong(t, "the answer is signed with another key");
	if (r->digest.len != t->digest_len)
		return wrong(t, why_refused(r));
	bool fed = feed_message(t, message, r) &&
		   (t->answered ? feed_timers(t, r) : feed_variables(t, r)) && end(t, digest);
	if (!fed || CRYPTO_memcmp(digest, r->digest.ptr, t->digest_len) != 0)
		return wrong(t, "the answer's signature is false: the secret is another, or "
				"somebody has changed what was said");
	if (r->error == RCODE_BADTIME)
		return wrong(t, "the server's clock and this one are too far apart");
	if (r->error != 0)
		return wrong(t, "the server reports an error of the signature");
	if (!is_in_time(r, now_s))
		return wrong(t, "the answer was signed at another time than now");
	t->answered = true;
	t->bare = 0;
	return begin_behind(t, r->digest) ? GP_TSIG_GOOD : wrong(t, "libcrypto has failed");
}

static int
take_bare(struct gp_tsig *t, struct gp_slice message)
{
	t->why = "the answer is not signed";
	if (!t->answered)
		return GP_TSIG_BARE;
	if (++t->bare > GP_TSIG_UNSIGNED_MAX)
		return wrong(t, "more than 99 messages stand between two that are signed");
	return feed(t, message) ? GP_TSIG_GOOD : wrong(t, "libcrypto has failed");
}

int
gp_tsig_check(struct gp_tsig *t, struct gp_slice message, uint64_t now_s)
{
	struct record r;
	int found = find_record(message, &r);
	if (found < 0)
		return wrong(t, "the answer, or its signature, is malformed");
	return found > 0 ? check_record(t, message, &r, now_s) : take_bare(t, message);
}

int
gp_tsig_end(struct gp_tsig *t)
{
	bool good = t->answered && t->bare == 0;
	return good ? GP_TSIG_GOOD : wrong(t, "the end of the answer is not signed");
}
