/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crc32c.h"

#include <string.h>

/* Nibble by nibble from a table of 16: small, and only the way of processors without the
 * instruction. */
static uint32_t
crc_by_table(uint32_t crc, struct gp_slice s)
{
	static const uint32_t table[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
		0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};
	for (size_t i = 0; i < s.len; i++) {
		crc ^= (unsigned char)s.ptr[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t
crc_by_instruction(uint32_t crc, struct gp_slice s)
{
	uint64_t wide = crc;
	size_t i = 0;
	for (; s.len - i >= 8; i += 8) {
		uint64_t word;
		memcpy(&word, s.ptr + i, 8);
		wide = __builtin_ia32_crc32di(wide, word);
	}
	crc = (uint32_t)wide;
	for (; i < s.len; i++)
		crc = __builtin_ia32_crc32qi(crc, (unsigned char)s.ptr[i]);
	return crc;
}

static bool
has_instruction(void)
{
	return __builtin_cpu_supports("sse4.2");
}
#else
static uint32_t
crc_by_instruction(uint32_t crc, struct gp_slice s)
{
	return crc_by_table(crc, s);
}

static bool
has_instruction(void)
{
	return false;
}
#endif

uint32_t
gp_crc32c(uint32_t crc, struct gp_slice s)
{
	return ~(has_instruction() ? crc_by_instruction(~crc, s) : crc_by_table(~crc, s));
}
