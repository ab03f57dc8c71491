/* SPDX-License-Identifier: Apache-2.0 */
#include "core/tlsrpt/words.h"

const char *
gp_tlsrpt_policy_name(uint8_t policy)
{
	static const char *const names[GP_TLSRPT_POLICIES] = {
		[GP_TLSRPT_TLSA] = "tlsa",
		[GP_TLSRPT_STS] = "sts",
		[GP_TLSRPT_NO_POLICY] = "no-policy-found",
	};
	gp_assert(policy > 0 && policy < GP_TLSRPT_POLICIES);
	return names[policy];
}

const char *
gp_tlsrpt_result_name(uint8_t result)
{
	static const char *const names[GP_TLSRPT_RESULTS] = {
		[GP_TLSRPT_UNCOUNTED] = "uncounted",
		[GP_TLSRPT_SUCCESS] = "success",
		[GP_TLSRPT_STARTTLS_NOT_SUPPORTED] = "starttls-not-supported",
		[GP_TLSRPT_CERTIFICATE_HOST_MISMATCH] = "certificate-host-mismatch",
		[GP_TLSRPT_CERTIFICATE_EXPIRED] = "certificate-expired",
		[GP_TLSRPT_CERTIFICATE_NOT_TRUSTED] = "certificate-not-trusted",
		[GP_TLSRPT_VALIDATION_FAILURE] = "validation-failure",
		[GP_TLSRPT_TLSA_INVALID] = "tlsa-invalid",
		[GP_TLSRPT_DNSSEC_INVALID] = "dnssec-invalid",
		[GP_TLSRPT_DANE_REQUIRED] = "dane-required",
		[GP_TLSRPT_STS_POLICY_FETCH_ERROR] = "sts-policy-fetch-error",
		[GP_TLSRPT_STS_POLICY_INVALID] = "sts-policy-invalid",
		[GP_TLSRPT_STS_WEBPKI_INVALID] = "sts-webpki-invalid",
	};
	gp_assert(result < GP_TLSRPT_RESULTS);
	return names[result];
}
