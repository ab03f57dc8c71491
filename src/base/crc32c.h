/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRC-32C (Castagnoli, as in RFC 3720 B.4), with the processor's instruction where it has one.
 * Start with 0 and pass the last result on: crc(crc(0, a), b) == crc(0, ab).
 */
#pragma once

#include "base/slice.h"

uint32_t
gp_crc32c(uint32_t crc, struct gp_slice s);
