/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What signer signs: the two inputs that a TLS server has to sign, and nothing that could mean
 * something else to somebody else. Which of them is told by the input itself; no octets are both.
 */
#pragma once

#include "sys/tls_request.h"

enum request_kind {
	REQUEST_BAD,
	REQUEST_TLS12, /* randoms and ECDHE parameters: RFC 8422 section 5.4 */
	REQUEST_TLS13, /* a server's CertificateVerify: RFC 8446 section 4.4.3 */
};

/* Whether the input is one of the two, and may be signed with the scheme (enum gp_tls_scheme). */
enum request_kind
request_check(uint16_t scheme, struct gp_slice input);
