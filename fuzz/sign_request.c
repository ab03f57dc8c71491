/* SPDX-License-Identifier: Apache-2.0 */
/* What signer is asked to sign: for a handshake, the first two octets are the scheme, the rest is
 * the input; for a mail, lines of domain and selector, then the digest. */
#include "procs/signer/dkim.h"
#include "procs/signer/request.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
sign_handshake(const uint8_t *data, size_t size)
{
	struct gp_slice input = gp_slice((const char *)data + 2, size - 2);
	uint16_t scheme = (uint16_t)(data[0] << 8 | data[1]);
	switch (request_check(scheme, input)) {
	case REQUEST_TLS13:
		gp_assert(input.len == 64 + 34 + 32 || input.len == 64 + 34 + 48);
		gp_assert(input.ptr[0] == ' ' && input.ptr[97] == '\0');
		gp_assert(data[0] != 4 || data[1] != 1);
		break;
	case REQUEST_TLS12:
		gp_assert(input.len >= 64 + 4 + 32 && input.len <= 64 + 4 + 97);
		gp_assert(input.ptr[64] == 3);
		break;
	case REQUEST_BAD:
		break;
	}
}

/* One key, of RFC 8463 appendix A.2. */
static const struct gp_slice file =
	GP_SLICE("gatepost-dkim 1\ndomain a.test\n"
		 "key s ed25519-sha256 active 1 1 11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo= "
		 "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n");

static void
sign_mail(struct gp_slice text)
{
	static const struct keys none;
	static struct dkim_keys keys;
	uint8_t signature[DKIM_SIGNATURE_MAX];
	if (keys.len == 0)
		gp_assert(dkim_add(&keys, &keys, GP_SLICE("a.test"), file) == 0);
	struct gp_msg_dkim_sign m = {.domain = gp_slice_cut(&text, '\n')};
	m.selector = gp_slice_cut(&text, '\n');
	m.digest = text;
	if (dkim_sign(&keys, &none, &m, signature) > 0)
		gp_assert(m.digest.len == DKIM_DIGEST &&
			  gp_slice_eq(m.domain, GP_SLICE("a.test")) &&
			  gp_slice_eq(m.selector, GP_SLICE("s")));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size >= 2)
		sign_handshake(data, size);
	sign_mail(gp_slice((const char *)data, size));
	return 0;
}
