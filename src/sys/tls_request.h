/* SPDX-License-Identifier: Apache-2.0 */
/* What a handshake asks of whoever holds the private key: to sign one of the two things that a TLS
 * server signs. */
#pragma once

#include "base/slice.h"

enum {
	GP_TLS_KEY_ID = 32,              /* SHA-256 of the SubjectPublicKeyInfo */
	GP_TLS_SIGNATURE_MAX = 8192 / 8, /* of the largest RSA key that is taken */
	GP_TLS_SIGN_INPUT_MAX = 256,     /* what TLS signs has 165 octets at most */
};

/* SignatureScheme of RFC 8446 section 4.2.3: those that our servers sign with. */
enum gp_tls_scheme {
	GP_TLS_RSA_PKCS1_SHA256 = 0x0401,
	GP_TLS_RSA_PKCS1_SHA384 = 0x0501,
	GP_TLS_RSA_PKCS1_SHA512 = 0x0601,
	GP_TLS_ECDSA_P256_SHA256 = 0x0403, /* in TLS 1.2: any curve's key */
	GP_TLS_ECDSA_P384_SHA384 = 0x0503,
	GP_TLS_RSA_PSS_SHA256 = 0x0804,
	GP_TLS_RSA_PSS_SHA384 = 0x0805,
	GP_TLS_RSA_PSS_SHA512 = 0x0806,
};

/* What is to be signed: by the key with this id, over the input itself, not its hash. */
struct gp_tls_request {
	uint8_t key_id[GP_TLS_KEY_ID];
	uint16_t scheme; /* enum gp_tls_scheme */
	uint8_t input[GP_TLS_SIGN_INPUT_MAX];
	size_t input_len;
	/* the answer */
	bool answered;
	uint8_t signature[GP_TLS_SIGNATURE_MAX];
	size_t signature_len; /* 0: refused */
};
