/* SPDX-License-Identifier: Apache-2.0 */
/* The words of TLS reports: RFC 8460 sections 4.2 (policies) and 4.3 (results). */
#pragma once

enum gp_tlsrpt_policy {
	GP_TLSRPT_TLSA = 1,  /* "tlsa" */
	GP_TLSRPT_STS,       /* "sts" */
	GP_TLSRPT_NO_POLICY, /* "no-policy-found" */
	GP_TLSRPT_POLICIES,
};

/* Result types. What is to be counted otherwise is 0 and 1. */
enum gp_tlsrpt_result {
	GP_TLSRPT_UNCOUNTED = 0, /* no TLS was tried, or nobody looked */
	GP_TLSRPT_SUCCESS,       /* the session counts as successful */
	GP_TLSRPT_STARTTLS_NOT_SUPPORTED,
	GP_TLSRPT_CERTIFICATE_HOST_MISMATCH,
	GP_TLSRPT_CERTIFICATE_EXPIRED,
	GP_TLSRPT_CERTIFICATE_NOT_TRUSTED,
	GP_TLSRPT_VALIDATION_FAILURE, /* any other; its reason code says what */
	GP_TLSRPT_TLSA_INVALID,       /* no record matches, or none is usable */
	GP_TLSRPT_DNSSEC_INVALID,     /* the DNS gave no answer that could be believed */
	GP_TLSRPT_DANE_REQUIRED,      /* we insist on DANE, and there is none */
	GP_TLSRPT_STS_POLICY_FETCH_ERROR,
	GP_TLSRPT_STS_POLICY_INVALID,
	GP_TLSRPT_STS_WEBPKI_INVALID,
	GP_TLSRPT_RESULTS,
};

/* "tlsa"; policy is one of the enum. */
const char *
gp_tlsrpt_policy_name(uint8_t policy);

/* "starttls-not-supported"; "success" and "uncounted" are words of our own, and in no report. */
const char *
gp_tlsrpt_result_name(uint8_t result);
