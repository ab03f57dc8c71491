/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DKIM, verified: messages a second on one core, the header split, the record read and the body
 * canonicalised and hashed each time, beside the check of the signature alone.
 *
 *     dkim_bench [SIZE [KEY]]      octets of a body, 4,096 unless told; rsa-1024, rsa-2048, ed25519
 *
 * Machines drift and are busy, so the three take turns, and CPU time counts: the medians of five
 * passes, and of the ratios within a pass.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/proof/dkim_key.h"
#include "core/dkim/dkim.h"

enum { PASSES = 5, BODY_MAX = 16 << 20, ARENA_MAX = 64 << 20, KEYS = 64, EACH = 64 };

static const double turn_s = 0.4;

struct bench {
	struct gp_arena arena;
	struct dkim_key key;
	struct gp_answers *answers;
	struct gp_slice message; /* signed */
	struct gp_dkim_digest digest;
	struct gp_slice signature;
};

static const uint64_t seed[2] = {1, 2};

static double
seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- what is verified --- */

/* Lines of words, as mail has them. */
static struct gp_slice
make_message(size_t size, struct gp_arena *arena)
{
	static const char line[] = "Some words of a letter, as long as lines of such a text "
				   "usually are: about 72.\r\n";
	struct gp_buf text = GP_BUF_INIT(ARENA_MAX);
	gp_buf_put_str(
		&text,
		"Received: from mail.a.test (mail.a.test [192.0.2.1])\r\n\tby mx.b.test with "
		"ESMTPS id 0123456789; Fri, 11 Jul 2003 21:00:37 -0700\r\n"
		"From: Joe SixPack <joe@a.test>\r\nTo: Suzie Q <suzie@b.test>\r\n"
		"Subject: Is dinner ready?\r\nDate: Fri, 11 Jul 2003 21:00:37 -0700\r\n"
		"Message-ID: <20030712040037.46341.5F8J@a.test>\r\nMIME-Version: 1.0\r\n"
		"Content-Type: text/plain; charset=utf-8\r\n\r\n");
	for (size_t len = 0; len < size; len += sizeof(line) - 1)
		gp_buf_put(&text, gp_slice(line, GP_MIN(sizeof(line) - 1, size - len)));
	struct gp_slice out = gp_arena_dup(arena, gp_buf_slice(&text));
	gp_buf_free(&text);
	return out;
}

static int
sign(struct bench *b, struct gp_slice message)
{
	struct gp_header h;
	struct gp_dkim_body body;
	struct gp_dkim_draft draft;
	struct gp_slice field;
	const char *why;
	size_t place;
	gp_dkim_body_init(&body);
	int r = gp_header_split(message, &b->arena, &h);
	if (r == 0)
		r = gp_dkim_body_want(&body, GP_DKIM_RELAXED, GP_DKIM_BODY_ALL, &place);
	if (r != 0)
		return r;
	gp_dkim_body_feed(&body, gp_header_body(&h));
	r = gp_dkim_body_end(&body);
	struct gp_dkim_order o = {.domain = GP_SLICE("a.test"),
				  .selector = GP_SLICE("s"),
				  .algorithm = b->key.algorithm,
				  .header_canon = GP_DKIM_RELAXED,
				  .body_canon = GP_DKIM_RELAXED,
				  .time_s = 1,
				  .body_hash = &body.hashes[place].digest};
	if (r == 0)
		r = gp_dkim_draft(&o, &h, &b->arena, &draft, &why);
	gp_dkim_body_free(&body);
	if (r == 0)
		r = dkim_key_sign(&b->key, &draft, &b->arena, &b->signature);
	if (r == 0)
		r = gp_dkim_finish(&draft, b->signature, &b->arena, &field);
	b->digest = draft.digest;
	b->message =
		gp_arena_printf(&b->arena, "%.*s%.*s", GP_SLICE_FMT(field), GP_SLICE_FMT(message));
	return r;
}

static int
publish(struct bench *b)
{
	struct gp_slice name = GP_SLICE("s._domainkey.a.test");
	struct gp_dns_record record = {.type = GP_DNS_TXT};
	struct gp_dns_answer a = {.name = name,
				  .canonical = name,
				  .type = GP_DNS_TXT,
				  .status = GP_DNS_OK,
				  .records = &record,
				  .records_len = 1};
	int r = dkim_key_record(&b->key, &b->arena, &record.data);
	b->answers = gp_answers_new(&b->arena, 8, seed);
	return r == 0 && b->answers ? gp_answers_add(b->answers, &a) : -ENOMEM;
}

/* --- what is measured --- */

static void
verify(const struct bench *b, struct gp_dkim_keys *keys, struct gp_arena *arena)
{
	struct gp_dkim_world world = {b->answers, keys, 1, arena};
	struct gp_dkim_set set;
	struct gp_dkim_result_set result;
	struct gp_dkim_body body;
	struct gp_header h;
	gp_arena_reset(arena);
	gp_dkim_body_init(&body);
	int r = gp_header_split(b->message, arena, &h);
	if (r == 0)
		r = gp_dkim_collect(&h, &body, arena, &set);
	gp_dkim_body_feed(&body, gp_header_body(&h));
	if (r == 0)
		r = gp_dkim_body_end(&body);
	if (r == 0)
		r = gp_dkim_eval(&set, &body, &world, &result);
	gp_assert(r == GP_DKIM_DONE && result.verdicts[0].result == GP_DKIM_PASS);
	gp_dkim_body_free(&body);
}

static double
rate_of_messages(const struct bench *b, struct gp_dkim_keys *keys)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	size_t n = 0;
	double begin = seconds(), took = 0;
	for (; took < turn_s; took = seconds() - begin, n += EACH) {
		for (size_t i = 0; i < EACH; i++)
			verify(b, keys, &arena);
	}
	gp_arena_free(&arena);
	return (double)n / took;
}

/* The library's own, with a key and a context that are ready. */
static double
rate_of_checks(const struct bench *b)
{
	const unsigned char *signature = (const unsigned char *)b->signature.ptr;
	EVP_PKEY_CTX *rsa = EVP_PKEY_CTX_new(b->key.pkey, NULL);
	bool is_rsa = b->key.algorithm == GP_DKIM_RSA_SHA256;
	int r = !is_rsa || (EVP_PKEY_verify_init(rsa) == 1 &&
			    EVP_PKEY_CTX_set_rsa_padding(rsa, RSA_PKCS1_PADDING) == 1 &&
			    EVP_PKEY_CTX_set_signature_md(rsa, EVP_sha256()) == 1);
	size_t n = 0;
	double begin = seconds(), took = 0;
	for (; took < turn_s && r == 1; took = seconds() - begin, n += EACH) {
		for (size_t i = 0; i < EACH && r == 1; i++) {
			if (is_rsa) {
				r = EVP_PKEY_verify(rsa, signature, b->signature.len,
						    b->digest.octets, sizeof(b->digest.octets));
				continue;
			}
			EVP_MD_CTX *ctx = EVP_MD_CTX_new();
			r = EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, b->key.pkey) == 1 &&
			    EVP_DigestVerify(ctx, signature, b->signature.len, b->digest.octets,
					     sizeof(b->digest.octets)) == 1;
			EVP_MD_CTX_free(ctx);
		}
	}
	gp_assert(r == 1);
	EVP_PKEY_CTX_free(rsa);
	return (double)n / took;
}

struct figures {
	double bare[PASSES], kept[PASSES], cold[PASSES], kept_part[PASSES], cold_part[PASSES];
};

static int
order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double
median(double *values)
{
	qsort(values, PASSES, sizeof(*values), order);
	return values[PASSES / 2];
}

static void
report(const char *name, const struct bench *b, struct gp_dkim_keys *keys)
{
	struct figures f;
	for (size_t i = 0; i < PASSES; i++) {
		f.bare[i] = rate_of_checks(b);
		f.kept[i] = rate_of_messages(b, keys);
		f.cold[i] = rate_of_messages(b, NULL);
		f.kept_part[i] = 100 * f.kept[i] / f.bare[i];
		f.cold_part[i] = 100 * f.cold[i] / f.bare[i];
	}
	printf("%-9s %8.0f checks/s, %8.0f messages/s (%.0f %%), %8.0f without the cache of keys "
	       "(%.0f %%)\n",
	       name, median(f.bare), median(f.kept), median(f.kept_part), median(f.cold),
	       median(f.cold_part));
}

struct kind {
	const char *name;
	uint8_t algorithm;
	unsigned bits;
};

static int
measure(const struct kind *k, size_t size)
{
	struct bench b = {.arena = GP_ARENA_INIT(ARENA_MAX)};
	struct gp_dkim_keys *keys = gp_dkim_keys_new(KEYS, seed);
	int r = dkim_key_make(k->algorithm, k->bits, &b.key);
	if (r == 0)
		r = sign(&b, make_message(size, &b.arena));
	if (r == 0)
		r = publish(&b);
	if (r == 0 && keys)
		report(k->name, &b, keys);
	gp_dkim_keys_free(keys);
	dkim_key_free(&b.key);
	gp_answers_free(b.answers);
	gp_arena_free(&b.arena);
	return r;
}

int
main(int argc, char **argv)
{
	static const struct kind kinds[] = {
		{"rsa-1024", GP_DKIM_RSA_SHA256, 1024},
		{"rsa-2048", GP_DKIM_RSA_SHA256, 2048},
		{"ed25519", GP_DKIM_ED25519_SHA256, 0},
	};
	uint64_t size = 4096;
	if (argc > 3 || (argc > 1 && !gp_slice_u64(gp_slice_str(argv[1]), BODY_MAX, &size))) {
		fprintf(stderr, "usage: dkim_bench [SIZE [KEY]]\n");
		return 2;
	}
	int r = 0;
	for (size_t i = 0; i < GP_ARRAY_LEN(kinds) && r == 0; i++) {
		if (argc < 3 || strcmp(argv[2], kinds[i].name) == 0)
			r = measure(&kinds[i], size);
	}
	if (r != 0)
		fprintf(stderr, "dkim_bench: %s\n", r < 0 ? strerror(-r) : "cannot be signed");
	return r != 0;
}
