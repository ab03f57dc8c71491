/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outline of DER (ITU-T X.690) as far as a TLSA record's data is checked by it: whether it can
 * be a certificate or a public key at all. Nothing inside is believed, or used.
 */
#pragma once

#include "base/slice.h"

/* A SEQUENCE of a SEQUENCE, a SEQUENCE and a BIT STRING, all of s (RFC 5280 section 4.1). */
bool
gp_der_is_certificate(struct gp_slice s);

/* SubjectPublicKeyInfo: a SEQUENCE of a SEQUENCE and a BIT STRING, all of s (section 4.1). */
bool
gp_der_is_key(struct gp_slice s);
