/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSA keys in DER (ITU-T X.690), read strictly: shortest lengths, whole numbers without superfluous
 * zeros that are above zero, nothing behind.
 */
#pragma once

#include "base/slice.h"

/*
 * A SubjectPublicKeyInfo with rsaEncryption (RFC 5280 section 4.1), or the RSAPublicKey in it alone
 * (RFC 8017 appendix A.1.1): RFC 6376 section 3.6.1 names the second, and shows the first, which
 * everybody writes. The parts come without leading zeros. False: it is neither.
 */
[[nodiscard]] bool
gp_dkim_der_rsa(struct gp_slice der, struct gp_slice *ret_modulus, struct gp_slice *ret_exponent);
