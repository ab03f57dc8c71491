/* SPDX-License-Identifier: Apache-2.0 */
#include "core/hello/hello.h"

static const struct {
	uint16_t id, bits;
	const char *name;
} groups[] = {
	{1, 163, "sect163k1"},
	{2, 163, "sect163r1"},
	{3, 163, "sect163r2"},
	{4, 193, "sect193r1"},
	{5, 193, "sect193r2"},
	{6, 233, "sect233k1"},
	{7, 233, "sect233r1"},
	{8, 239, "sect239k1"},
	{9, 283, "sect283k1"},
	{10, 283, "sect283r1"},
	{11, 409, "sect409k1"},
	{12, 409, "sect409r1"},
	{13, 571, "sect571k1"},
	{14, 571, "sect571r1"},
	{15, 160, "secp160k1"},
	{16, 160, "secp160r1"},
	{17, 160, "secp160r2"},
	{18, 192, "secp192k1"},
	{19, 192, "secp192r1"},
	{20, 224, "secp224k1"},
	{21, 224, "secp224r1"},
	{22, 256, "secp256k1"},
	{23, 256, "secp256r1"},
	{24, 384, "secp384r1"},
	{25, 521, "secp521r1"},
	{26, 256, "brainpoolP256r1"},
	{27, 384, "brainpoolP384r1"},
	{28, 512, "brainpoolP512r1"},
	{29, 255, "x25519"},
	{30, 448, "x448"},
	{31, 256, "brainpoolP256r1tls13"},
	{32, 384, "brainpoolP384r1tls13"},
	{33, 512, "brainpoolP512r1tls13"},
	{256, 2048, "ffdhe2048"},
	{257, 3072, "ffdhe3072"},
	{258, 4096, "ffdhe4096"},
	{259, 6144, "ffdhe6144"},
	{260, 8192, "ffdhe8192"},
	{0x11eb, 256, "SecP256r1MLKEM768"},
	{0x11ec, 255, "X25519MLKEM768"},
	{0x11ed, 384, "SecP384r1MLKEM1024"},
};

const char *
gp_tls_version_name(uint16_t version)
{
	switch (version) {
	case GP_SSL_2:
		return "SSLv2";
	case GP_SSL_3:
		return "SSLv3";
	case GP_TLS_1_0:
		return "TLS 1.0";
	case GP_TLS_1_1:
		return "TLS 1.1";
	case GP_TLS_1_2:
		return "TLS 1.2";
	case GP_TLS_1_3:
		return "TLS 1.3";
	default:
		return "?";
	}
}

const char *
gp_tls_group_name(uint16_t group)
{
	for (size_t i = 0; i < GP_ARRAY_LEN(groups); i++)
		if (groups[i].id == group)
			return groups[i].name;
	return NULL;
}

unsigned
gp_tls_group_bits(uint16_t group)
{
	for (size_t i = 0; i < GP_ARRAY_LEN(groups); i++)
		if (groups[i].id == group)
			return groups[i].bits;
	return 0;
}
