/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost dkim keygen: a private key for a file, and its record for the DNS. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/proof/dkim.h"
#include "cli/proof/dkim_key.h"
#include "cli/traffic/tool_report.h"
#include "core/dkim/key.h"
#include "core/dns/idn.h"
#include "core/smtp/address.h"

enum {
	PEM_MAX = 64 * 1024,
	RSA_BITS = 2048, /* RFC 8301 section 3.2 */
	TTL_S = 3600,
	STRING_MAX = 255, /* octets of a character-string (RFC 1035 section 3.3) */
};

/* Never over a file that is there. 0 or -errno. */
static int
write_key(const char *path, struct gp_slice pem)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int r = 0;
	while (pem.len > 0 && r == 0) {
		ssize_t n = write(fd, pem.ptr, pem.len);
		if (n < 0 && errno != EINTR)
			r = -errno;
		pem = gp_slice_drop(pem, n > 0 ? (size_t)n : 0);
	}
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

static int
keep_key(const struct gp_signing *s, const struct dkim_key *key)
{
	struct gp_buf pem = GP_BUF_INIT(PEM_MAX);
	int r = dkim_key_write(key, &pem);
	if (r == 0)
		r = write_key(s->output, gp_buf_slice(&pem));
	if (pem.ptr)
		OPENSSL_cleanse(pem.ptr, pem.cap);
	gp_buf_free(&pem);
	if (r == -EEXIST)
		return gp_signing_wrong(s, s->output, "is there already");
	return r < 0 ? gp_signing_fail(s, s->output, r) : GP_EXIT_OK;
}

/* As a line of a master file (RFC 1035 section 5.1). */
static int
print_text(const struct gp_signing *s, struct gp_slice name, struct gp_slice record)
{
	printf("%.*s. %d IN TXT", GP_SLICE_FMT(name), TTL_S);
	for (; record.len > 0; record = gp_slice_drop(record, STRING_MAX))
		printf(" \"%.*s\"", GP_SLICE_FMT(gp_slice_take(record, STRING_MAX)));
	return putchar('\n') != EOF && fflush(stdout) == 0
		       ? GP_EXIT_OK
		       : gp_signing_fail(s, "standard output", -errno);
}

static int
print_json(const struct gp_signing *s, const struct dkim_key *key, struct gp_slice name,
	   struct gp_slice record)
{
	json_t *out =
		json_pack("{s:s%, s:s, s:i, s:s%, s:s, s:i}", "name", name.ptr, name.len, "type",
			  "TXT", "ttl", TTL_S, "value", record.ptr, record.len, "algorithm",
			  gp_dkim_algorithm_name(key->algorithm), "key_bits", (int)key->bits);
	return gp_tool_json_print(out) ? GP_EXIT_OK : gp_signing_fail(s, "standard output", -EIO);
}

/* The names as the DNS has them. */
static bool
read_names(struct dkim_run *run, struct gp_dkim_signature *ret)
{
	struct gp_slice domain = gp_slice_str(run->signing.domain);
	struct gp_slice selector = gp_slice_str(run->signing.selector);
	return gp_domain_valid(domain) && gp_domain_valid(selector) &&
	       gp_idn_to_ascii(domain, &run->arena, &ret->domain) == 0 &&
	       gp_idn_to_ascii(selector, &run->arena, &ret->selector) == 0;
}

static int
keep_and_print(struct dkim_run *run, const struct dkim_key *key, struct gp_slice name)
{
	const struct gp_signing *s = &run->signing;
	struct gp_slice record;
	int r = dkim_key_record(key, &run->arena, &record);
	if (r < 0)
		return gp_signing_fail(s, s->output, r);
	int code = keep_key(s, key);
	if (code != GP_EXIT_OK)
		return code;
	return s->json ? print_json(s, key, name, record) : print_text(s, name, record);
}

int
dkim_keygen(struct dkim_run *run)
{
	const struct gp_signing *s = &run->signing;
	struct dkim_key key;
	struct gp_dkim_signature names = {};
	const char *algorithm = run->algorithm ? run->algorithm : "rsa-sha256";
	uint8_t number = gp_dkim_algorithm_number(gp_slice_str(algorithm));
	if (!s->domain || !s->selector || !s->output)
		return gp_signing_wrong(s, "keygen", "wants --domain, --selector and -o");
	if (number == GP_DKIM_UNKNOWN)
		return gp_signing_wrong(s, "--algorithm", "takes rsa-sha256 or ed25519-sha256");
	if (number != GP_DKIM_RSA_SHA256 && run->bits > 0)
		return gp_signing_wrong(s, "--bits", "is for RSA");
	if (!read_names(run, &names))
		return gp_signing_wrong(s, "--domain, --selector", "they are no name of the DNS");
	struct gp_slice name = gp_dkim_question(&names, &run->arena).name;
	int r = dkim_key_make(number, run->bits ? (unsigned)run->bits : RSA_BITS, &key);
	if (r < 0 || !name.ptr)
		return gp_signing_fail(s, "keygen", -ENOMEM);
	int code = keep_and_print(run, &key, name);
	dkim_key_free(&key);
	return code;
}
