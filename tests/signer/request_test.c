/* SPDX-License-Identifier: Apache-2.0 */
/* What signer signs, and what it must not. */
#include "../unit.h"

#include "base/buf.h"
#include "procs/signer/request.h"

#define SPACES_16 "                "
#define SPACES SPACES_16 SPACES_16 SPACES_16 SPACES_16
#define OCTETS_16 "0123456789abcdef"
#define OCTETS_32 OCTETS_16 OCTETS_16
#define OCTETS_48 OCTETS_32 OCTETS_16
#define OCTETS_64 OCTETS_32 OCTETS_32
#define OCTETS_96 OCTETS_64 OCTETS_32

static void
forms(void **state)
{
	static const struct {
		struct gp_slice input;
		uint16_t scheme;
		enum request_kind kind;
	} rows[] = {
#define ROW(input_, scheme_, kind_) {GP_SLICE(input_), GP_TLS_##scheme_, REQUEST_##kind_}
		/* RFC 8446 section 4.4.3 */
		ROW(SPACES "TLS 1.3, server CertificateVerify\0" OCTETS_32, RSA_PSS_SHA256, TLS13),
		ROW(SPACES "TLS 1.3, server CertificateVerify\0" OCTETS_48, ECDSA_P384_SHA384,
		    TLS13),
		ROW(SPACES "TLS 1.3, server CertificateVerify\0" OCTETS_48, RSA_PKCS1_SHA256, BAD),
		ROW(SPACES "TLS 1.3, server CertificateVerify\0" OCTETS_16, RSA_PSS_SHA256, BAD),
		ROW(SPACES "TLS 1.3, server CertificateVerify\0" OCTETS_64, RSA_PSS_SHA256, BAD),
		ROW(SPACES "TLS 1.3, server CertificateVerify\0", RSA_PSS_SHA256, BAD),
		ROW(SPACES "TLS 1.3, server CertificateVerify", RSA_PSS_SHA256, BAD),
		ROW(SPACES "TLS 1.3, server CertificateVerify " OCTETS_32, RSA_PSS_SHA256, BAD),
		ROW(SPACES "TLS 1.3, client CertificateVerify\0" OCTETS_32, RSA_PSS_SHA256, BAD),
		ROW(SPACES "TLS 1.3, exported authenticator\0" OCTETS_32, RSA_PSS_SHA256, BAD),
		ROW(" " SPACES "TLS 1.3, server CertificateVerify\0" OCTETS_32, RSA_PSS_SHA256,
		    BAD),
		ROW(SPACES_16 SPACES_16 SPACES_16 "TLS 1.3, server CertificateVerify\0" OCTETS_32,
		    RSA_PSS_SHA256, BAD),
		/* RFC 8422 section 5.4: X25519, P-256, P-384 */
		ROW(OCTETS_64 "\x03\x00\x1d\x20" OCTETS_32, RSA_PKCS1_SHA256, TLS12),
		ROW(OCTETS_64 "\x03\x00\x17\x41\x04" OCTETS_64, ECDSA_P256_SHA256, TLS12),
		ROW(OCTETS_64 "\x03\x00\x18\x61\x04" OCTETS_96, RSA_PSS_SHA512, TLS12),
		/* randoms that look like the other form */
		ROW(SPACES "\x03\x00\x1d\x20" OCTETS_32, RSA_PKCS1_SHA256, TLS12),
		ROW(OCTETS_64 "\x03\x00\x1d\x20" OCTETS_32 "x", RSA_PKCS1_SHA256, BAD),
		ROW(OCTETS_64 "\x03\x00\x1d\x20" OCTETS_16, RSA_PKCS1_SHA256, BAD),
		ROW(OCTETS_64 "\x03\x00\x1d\x21" OCTETS_32 "x", RSA_PKCS1_SHA256, BAD),
		ROW(OCTETS_64 "\x03\x00\x17\x41\x02" OCTETS_64, ECDSA_P256_SHA256, BAD),
		ROW(OCTETS_64 "\x03\x00\x17\x20" OCTETS_32, ECDSA_P256_SHA256, BAD),
		ROW(OCTETS_64 "\x03\x00\x19\x20" OCTETS_32, ECDSA_P256_SHA256, BAD),
		ROW(OCTETS_64 "\x03\x1d\x00\x20" OCTETS_32, ECDSA_P256_SHA256, BAD),
		/* explicit curves, and finite fields (RFC 5246 section 7.4.3) */
		ROW(OCTETS_64 "\x01\x00\x1d\x20" OCTETS_32, ECDSA_P256_SHA256, BAD),
		ROW(OCTETS_64 "\x00\x20" OCTETS_32 "\x00\x01\x02\x00\x20" OCTETS_32,
		    RSA_PKCS1_SHA256, BAD),
		/* a digest, a certificate, a mail, nothing */
		ROW(OCTETS_32, ECDSA_P256_SHA256, BAD),
		ROW("\x30\x82\x01\x0a\x02\x82\x01\x01" OCTETS_96, RSA_PKCS1_SHA256, BAD),
		ROW("From: a@example.org\r\nSubject: sign this\r\n\r\n", RSA_PKCS1_SHA256, BAD),
		ROW("", RSA_PSS_SHA256, BAD),
		ROW(SPACES, RSA_PSS_SHA256, BAD),
		ROW(OCTETS_64, RSA_PSS_SHA256, BAD),
		ROW(OCTETS_64 "\x03", RSA_PSS_SHA256, BAD),
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(rows); i++) {
		if (request_check(rows[i].scheme, rows[i].input) != rows[i].kind)
			fail_msg("row %zu", i);
	}
}

/* No prefix and no longer form of what is signed is signed too. */
static void
each_length_counts(void **state)
{
	static const struct gp_slice whole[] = {
		GP_SLICE(SPACES "TLS 1.3, server CertificateVerify\0" OCTETS_32 OCTETS_96),
		GP_SLICE(OCTETS_64 "\x03\x00\x1d\x20" OCTETS_32 OCTETS_96),
		GP_SLICE(OCTETS_64 "\x03\x00\x18\x61\x04" OCTETS_96 OCTETS_96),
	};
	static const size_t good[][2] = {{130, 146}, {100, 100}, {165, 165}};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(whole); i++) {
		for (size_t len = 0; len <= whole[i].len; len++) {
			bool signed_ = request_check(GP_TLS_RSA_PSS_SHA256,
						     gp_slice_take(whole[i], len)) != REQUEST_BAD;
			bool wanted = len == good[i][0] || len == good[i][1];
			if (signed_ != wanted)
				fail_msg("form %zu, %zu octets", i, len);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms),
		cmocka_unit_test(each_length_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
