/* SPDX-License-Identifier: Apache-2.0 */
/* Display names that say something else than the address beside them. */
#include "core/identity/parts.h"

static bool
is_domain_char(char c)
{
	return gp_ascii_is_alnum(c) || c == '.' || c == '-' || (unsigned char)c > 127;
}

static bool
is_local_char(char c)
{
	return is_domain_char(c) || c == '_' || c == '+' || c == '=';
}

/* The address around the at sign at `at`; empty when there is none. */
static struct gp_slice
address_around(struct gp_slice text, size_t at, struct gp_slice *ret_domain)
{
	size_t from = at, end = at + 1;
	while (from > 0 && is_local_char(text.ptr[from - 1]))
		from--;
	while (end < text.len && is_domain_char(text.ptr[end]))
		end++;
	struct gp_slice domain = gp_slice_take(gp_slice_drop(text, at + 1), end - at - 1);
	while (domain.len > 0 && domain.ptr[domain.len - 1] == '.')
		domain.len--;
	*ret_domain = domain;
	bool good = from < at && gp_slice_find(domain, '.') > 0;
	return good ? gp_slice_take(gp_slice_drop(text, from), end - from) : gp_slice("", 0);
}

struct gp_slice
gp_identity_other_address(struct gp_slice text, struct gp_slice domain)
{
	for (size_t i = 0; domain.len > 0 && i < text.len; i++) {
		struct gp_slice other;
		if (text.ptr[i] != '@')
			continue;
		struct gp_slice address = address_around(text, i, &other);
		bool same =
			gp_slice_eq_nocase(other, domain) || gp_organisation_same(other, domain);
		/* Domains in U-labels are compared elsewhere. */
		if (address.len > 0 && !same && !gp_slice_has_8bit(other))
			return address;
	}
	return gp_slice("", 0);
}

/* As a word: no letter or digit at its sides, in either case. */
static bool
has_word(struct gp_slice text, struct gp_slice word)
{
	for (size_t i = 0; i + word.len <= text.len; i++) {
		size_t end = i + word.len;
		if (gp_slice_starts_nocase(gp_slice_drop(text, i), word) &&
		    (i == 0 || !gp_ascii_is_alnum(text.ptr[i - 1])) &&
		    (end == text.len || !gp_ascii_is_alnum(text.ptr[end])))
			return true;
	}
	return false;
}

struct gp_slice
gp_identity_brand(struct gp_slice name, struct gp_slice domain)
{
	/* The first label of the owner's organisation is the word, in whatever country. */
	static const struct gp_slice brands[] = {
		GP_SLICE("paypal"),     GP_SLICE("microsoft"), GP_SLICE("apple"),
		GP_SLICE("amazon"),     GP_SLICE("google"),    GP_SLICE("netflix"),
		GP_SLICE("docusign"),   GP_SLICE("dhl"),       GP_SLICE("fedex"),
		GP_SLICE("ups"),        GP_SLICE("usps"),      GP_SLICE("facebook"),
		GP_SLICE("instagram"),  GP_SLICE("whatsapp"),  GP_SLICE("linkedin"),
		GP_SLICE("dropbox"),    GP_SLICE("adobe"),     GP_SLICE("coinbase"),
		GP_SLICE("mastercard"), GP_SLICE("visa"),      GP_SLICE("hsbc"),
	};
	struct gp_slice organisation = gp_organisation_of(domain);
	struct gp_slice owner = gp_slice_cut(&organisation, '.');
	for (size_t i = 0; domain.len > 0 && i < GP_ARRAY_LEN(brands); i++) {
		if (has_word(name, brands[i]) && !gp_slice_eq_nocase(owner, brands[i]))
			return brands[i];
	}
	return gp_slice("", 0);
}

bool
gp_identity_names(struct gp_slice name, struct gp_slice own)
{
	enum { LABEL_MIN = 4 }; /* shorter ones are words of every language */
	struct gp_slice label = gp_organisation_of(own);
	label = gp_slice_cut(&label, '.');
	return has_word(name, own) || (label.len >= LABEL_MIN && has_word(name, label));
}
