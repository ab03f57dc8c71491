/* SPDX-License-Identifier: Apache-2.0 */
#include "core/identity/skeleton.h"

#include "base/utf8.h"

/* U+00C0 to U+00FF and U+0100 to U+017F without their marks; '.' stands for none. */
static const char latin_1[] = "aaaaaaaceeeeiiiidnooooo.ouuuuy.s"
			      "aaaaaaaceeeeiiiidnooooo.ouuuuy.y";
static const char latin_a[] = "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiijjjjkkk"
			      "llllllllllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuu"
			      "wwyyyzzzzzzs";

static const struct {
	uint16_t character;
	char looks;
} others[] = {
	/* Cyrillic */
	{0x0430, 'a'},
	{0x0432, 'b'},
	{0x0433, 'r'},
	{0x0435, 'e'},
	{0x043A, 'k'},
	{0x043C, 'm'},
	{0x043D, 'h'},
	{0x043E, 'o'},
	{0x043F, 'n'},
	{0x0440, 'p'},
	{0x0441, 'c'},
	{0x0442, 't'},
	{0x0443, 'y'},
	{0x0445, 'x'},
	{0x0451, 'e'},
	{0x0454, 'e'},
	{0x0455, 's'},
	{0x0456, 'i'},
	{0x0457, 'i'},
	{0x0458, 'j'},
	{0x04BB, 'h'},
	{0x04CF, 'l'},
	{0x0501, 'd'},
	{0x051B, 'q'},
	{0x051D, 'w'},
	/* Greek */
	{0x03AC, 'a'},
	{0x03AF, 'i'},
	{0x03B1, 'a'},
	{0x03B2, 'b'},
	{0x03B3, 'y'},
	{0x03B5, 'e'},
	{0x03B7, 'n'},
	{0x03B9, 'i'},
	{0x03BA, 'k'},
	{0x03BD, 'v'},
	{0x03BF, 'o'},
	{0x03C1, 'p'},
	{0x03C3, 'o'},
	{0x03C4, 't'},
	{0x03C5, 'u'},
	{0x03C7, 'x'},
	{0x03C9, 'w'},
	{0x03CC, 'o'},
	/* Armenian */
	{0x0561, 'w'},
	{0x0566, 'q'},
	{0x0570, 'h'},
	{0x0578, 'n'},
	{0x057D, 'u'},
	{0x0581, 'g'},
	{0x0585, 'o'},
	/* phonetic, and digits that are letters at a glance */
	{0x0251, 'a'},
	{0x0261, 'g'},
	{0x0269, 'i'},
	{0x026A, 'i'},
	{'0', 'o'},
	{'1', 'l'},
};

static uint32_t
looks_like(uint32_t c)
{
	if (c >= 0xFF01 && c <= 0xFF5E) /* full width */
		c -= 0xFEE0;
	if (c >= 'A' && c <= 'Z')
		return c + ('a' - 'A');
	if (c >= 0xC0 && c <= 0xFF && latin_1[c - 0xC0] != '.')
		return (uint8_t)latin_1[c - 0xC0];
	if (c >= 0x100 && c <= 0x17F)
		return (uint8_t)latin_a[c - 0x100];
	if (c == 0x3002 || c == 0xFF0E || c == 0xFF61) /* dots of IDNA2003 */
		return '.';
	for (size_t i = 0; i < GP_ARRAY_LEN(others); i++) {
		if (others[i].character == c)
			return (uint8_t)others[i].looks;
	}
	return c;
}

/* "rn" looks like "m", "vv" like "w": the pair's second letter changes the first one written. */
static char
joined(char before, char c)
{
	return before == 'r' && c == 'n' ? 'm' : before == 'v' && c == 'v' ? 'w' : '\0';
}

void
gp_skeleton_put(struct gp_buf *out, struct gp_slice name)
{
	static_assert(sizeof(latin_1) == 64 + 1 && sizeof(latin_a) == 128 + 1);
	char before = '\0', text[4];
	while (name.len > 0) {
		struct gp_slice rest = name;
		uint32_t c = gp_utf8_take(&name);
		if (c == GP_UTF8_INVALID) {
			gp_buf_put_char(out, rest.ptr[0]);
			before = '\0';
			continue;
		}
		c = looks_like(c);
		char pair = c < 128 ? joined(before, (char)c) : '\0';
		if (pair != '\0')
			gp_buf_truncate(out, out->len - 1);
		before = pair != '\0' ? pair : c < 128 ? (char)c : '\0';
		gp_buf_put(out, pair != '\0' ? gp_slice(&pair, 1)
					     : gp_slice(text, gp_utf8_write(c, text)));
	}
}

enum gp_script
gp_script_of(uint32_t c)
{
	bool ascii = c < 128 && gp_ascii_is_alpha((char)c);
	if (ascii || (c >= 0xC0 && c <= 0x24F) || (c >= 0x1E00 && c <= 0x1EFF))
		return GP_SCRIPT_LATIN;
	if ((c >= 0x370 && c <= 0x3FF) || (c >= 0x1F00 && c <= 0x1FFF))
		return GP_SCRIPT_GREEK;
	if (c >= 0x400 && c <= 0x52F)
		return GP_SCRIPT_CYRILLIC;
	return c >= 0x530 && c <= 0x58F ? GP_SCRIPT_ARMENIAN : GP_SCRIPT_OTHER;
}
