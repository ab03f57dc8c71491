/* SPDX-License-Identifier: Apache-2.0 */
/* What Exchange Online and its filters write, in words. */
#include <stdio.h>

#include "core/claims/parts.h"

struct meaning {
	struct gp_slice code;
	const char *words;
	uint8_t leaning;
};

static const struct meaning *
find(const struct meaning *all, size_t len, struct gp_slice code)
{
	for (size_t i = 0; i < len; i++) {
		if (gp_slice_eq_nocase(all[i].code, code))
			return &all[i];
	}
	return NULL;
}

static uint8_t
stronger(uint8_t a, uint8_t b)
{
	return GP_MAX(a, b);
}

static uint8_t
put_meaning(struct gp_buf *out, const char *key, struct gp_slice code, const struct meaning *all,
	    size_t len)
{
	const struct meaning *m = find(all, len, code);
	if (code.len == 0)
		return GP_CLAIM_NEUTRAL;
	if (m)
		gp_claim_put(out, "%s %.*s: %s", key, GP_SLICE_FMT(code), m->words);
	else
		gp_claim_put(out, "%s %.*s", key, GP_SLICE_FMT(code));
	return m ? m->leaning : GP_CLAIM_NEUTRAL;
}

static const struct meaning levels[] = {
	{GP_SLICE("-1"), "from a safe sender or an exception, not filtered", GP_CLAIM_NEUTRAL},
	{GP_SLICE("0"), "not spam", GP_CLAIM_HAM},
	{GP_SLICE("1"), "not spam", GP_CLAIM_HAM},
	{GP_SLICE("5"), "spam", GP_CLAIM_SPAM},
	{GP_SLICE("6"), "spam", GP_CLAIM_SPAM},
	{GP_SLICE("7"), "spam with high confidence", GP_CLAIM_SPAM},
	{GP_SLICE("8"), "spam with high confidence", GP_CLAIM_SPAM},
	{GP_SLICE("9"), "spam with high confidence", GP_CLAIM_SPAM},
};

static const struct meaning verdicts[] = {
	{GP_SLICE("NSPM"), "not spam", GP_CLAIM_HAM},
	{GP_SLICE("SPM"), "spam", GP_CLAIM_SPAM},
	{GP_SLICE("BLK"), "blocked by the recipient", GP_CLAIM_SPAM},
	{GP_SLICE("SFE"), "let through by the recipient's list", GP_CLAIM_NEUTRAL},
	{GP_SLICE("SKA"), "let through by an allow list", GP_CLAIM_NEUTRAL},
	{GP_SLICE("SKB"), "spam by a block list", GP_CLAIM_SPAM},
	{GP_SLICE("SKI"), "not filtered: within the organisation", GP_CLAIM_NEUTRAL},
	{GP_SLICE("SKN"), "marked as no spam before filtering", GP_CLAIM_NEUTRAL},
	{GP_SLICE("SKQ"), "released from quarantine", GP_CLAIM_NEUTRAL},
	{GP_SLICE("SKS"), "marked as spam before filtering", GP_CLAIM_SPAM},
};

static const struct meaning categories[] = {
	{GP_SLICE("NONE"), "none", GP_CLAIM_NEUTRAL},
	{GP_SLICE("BULK"), "bulk", GP_CLAIM_NEUTRAL},
	{GP_SLICE("SPM"), "spam", GP_CLAIM_SPAM},
	{GP_SLICE("HSPM"), "spam with high confidence", GP_CLAIM_SPAM},
	{GP_SLICE("PHSH"), "phishing", GP_CLAIM_SPAM},
	{GP_SLICE("HPHSH"), "phishing with high confidence", GP_CLAIM_SPAM},
	{GP_SLICE("HPHISH"), "phishing with high confidence", GP_CLAIM_SPAM},
	{GP_SLICE("SPOOF"), "a forged sender", GP_CLAIM_SPAM},
	{GP_SLICE("INTOS"), "a forged sender of the own organisation", GP_CLAIM_SPAM},
	{GP_SLICE("MALW"), "malware", GP_CLAIM_SPAM},
	{GP_SLICE("UIMP"), "somebody's name is imitated", GP_CLAIM_SPAM},
	{GP_SLICE("DIMP"), "a domain is imitated", GP_CLAIM_SPAM},
	{GP_SLICE("GIMP"), "a known correspondent is imitated", GP_CLAIM_SPAM},
	{GP_SLICE("BIMP"), "a brand is imitated", GP_CLAIM_SPAM},
	{GP_SLICE("OSPM"), "spam going out", GP_CLAIM_SPAM},
};

static void
put_plain(struct gp_buf *out, const char *words, struct gp_slice value)
{
	if (value.len > 0)
		gp_claim_put(out, "%s %.*s", words, GP_SLICE_FMT(value));
}

uint8_t
gp_claim_forefront(struct gp_slice value, struct gp_buf *out)
{
	struct gp_slice scl = gp_claim_pair(value, ';', GP_SLICE("SCL"), ':');
	struct gp_slice sfv = gp_claim_pair(value, ';', GP_SLICE("SFV"), ':');
	struct gp_slice cat = gp_claim_pair(value, ';', GP_SLICE("CAT"), ':');
	uint8_t leaning = put_meaning(out, "SCL", scl, levels, GP_ARRAY_LEN(levels));
	leaning = stronger(leaning, put_meaning(out, "SFV", sfv, verdicts, GP_ARRAY_LEN(verdicts)));
	leaning = stronger(leaning,
			   put_meaning(out, "CAT", cat, categories, GP_ARRAY_LEN(categories)));
	put_plain(out, "client", gp_claim_pair(value, ';', GP_SLICE("CIP"), ':'));
	put_plain(out, "its HELO", gp_claim_pair(value, ';', GP_SLICE("H"), ':'));
	put_plain(out, "its name", gp_claim_pair(value, ';', GP_SLICE("PTR"), ':'));
	put_plain(out, "country", gp_claim_pair(value, ';', GP_SLICE("CTRY"), ':'));
	return leaning;
}

uint8_t
gp_claim_bulk(struct gp_slice value, struct gp_buf *out)
{
	struct gp_slice bcl = gp_claim_pair(value, ';', GP_SLICE("BCL"), ':');
	uint64_t level;
	if (!gp_slice_u64(bcl, 9, &level))
		return GP_CLAIM_NEUTRAL;
	gp_claim_put(out, "BCL %u: %s", (unsigned)level,
		     level == 0   ? "no bulk sender"
		     : level <= 3 ? "a bulk sender with few complaints"
		     : level <= 7 ? "a bulk sender with some complaints"
				  : "a bulk sender with many complaints");
	return level >= 8 ? GP_CLAIM_SPAM : GP_CLAIM_NEUTRAL;
}

uint8_t
gp_claim_scl(struct gp_slice value, struct gp_buf *out)
{
	return put_meaning(out, "SCL", gp_slice_trim(value), levels, GP_ARRAY_LEN(levels));
}

uint8_t
gp_claim_auth_as(struct gp_slice value, struct gp_buf *out)
{
	static const struct meaning known[] = {
		{GP_SLICE("Anonymous"), "came from outside, unauthenticated", GP_CLAIM_NEUTRAL},
		{GP_SLICE("Internal"), "came from within the organisation", GP_CLAIM_NEUTRAL},
		{GP_SLICE("External"), "came from outside, authenticated", GP_CLAIM_NEUTRAL},
		{GP_SLICE("Partner"), "came from a partner", GP_CLAIM_NEUTRAL},
	};
	return put_meaning(out, "AuthAs", gp_slice_trim(value), known, GP_ARRAY_LEN(known));
}

const char *
gp_claim_compauth(struct gp_slice reason)
{
	static const struct meaning codes[] = {
		{GP_SLICE("000"), "failed by what the domain publishes", 0},
		{GP_SLICE("001"), "failed, though the domain publishes nothing strict", 0},
		{GP_SLICE("002"), "a sender that may not be imitated here", 0},
		{GP_SLICE("010"), "failed by DMARC of the recipient's own domain", 0},
	};
	static const char *const classes[10] = {
		[1] = "passed",   [2] = "passed by weaker signs", [3] = "not checked",
		[4] = "bypassed", [6] = "failed by weaker signs", [7] = "passed by weaker signs",
		[9] = "bypassed"};
	const struct meaning *m = find(codes, GP_ARRAY_LEN(codes), reason);
	if (m)
		return m->words;
	bool digit = reason.len == 3 && gp_ascii_is_digit(reason.ptr[0]);
	return digit ? classes[reason.ptr[0] - '0'] : NULL;
}
