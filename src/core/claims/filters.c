/* SPDX-License-Identifier: Apache-2.0 */
/* What spam filters write, in words. */
#include <stdio.h>

#include "core/claims/parts.h"

static bool
is_yes(struct gp_slice word)
{
	return gp_slice_eq_nocase(word, GP_SLICE("yes")) ||
	       gp_slice_eq_nocase(word, GP_SLICE("true")) ||
	       gp_slice_eq_nocase(word, GP_SLICE("spam"));
}

static struct gp_slice
first_word(struct gp_slice value)
{
	struct gp_slice rest = gp_slice_trim(value), word = gp_slice_cut(&rest, ' ');
	while (word.len > 0 && (word.ptr[word.len - 1] == ',' || word.ptr[word.len - 1] == ';'))
		word.len--;
	return word;
}

uint8_t
gp_claim_yes_no(struct gp_slice value, struct gp_buf *out)
{
	struct gp_slice word = first_word(value);
	gp_claim_put(out, "%.*s", GP_SLICE_FMT(word));
	return is_yes(word) ? GP_CLAIM_SPAM : GP_CLAIM_NEUTRAL;
}

/* "No, score=-2.6 required=5.0 tests=A,B autolearn=ham": SpamAssassin's, and Barracuda's. */
uint8_t
gp_claim_spam_status(struct gp_slice value, struct gp_buf *out)
{
	struct gp_slice word = first_word(value);
	struct gp_slice score = gp_claim_pair(value, ' ', GP_SLICE("score"), '=');
	struct gp_slice required = gp_claim_pair(value, ' ', GP_SLICE("required"), '=');
	struct gp_slice tests = gp_claim_pair(value, ' ', GP_SLICE("tests"), '=');
	if (score.len == 0) /* before version 3 */
		score = gp_claim_pair(value, ' ', GP_SLICE("hits"), '=');
	gp_claim_put(out, "%s", is_yes(word) ? "spam" : "not spam");
	if (score.len > 0)
		gp_claim_put(out, "%.*s of %.*s points", GP_SLICE_FMT(score),
			     GP_SLICE_FMT(required.len > 0 ? required : GP_SLICE("?")));
	if (tests.len > 0)
		gp_claim_put(out, "by %.*s", GP_SLICE_FMT(tests));
	return is_yes(word) ? GP_CLAIM_SPAM : GP_CLAIM_HAM;
}

/* "default: False [1.20 / 15.00]; SYMBOL_A(1.00)[x]; SYMBOL_B(0.20)[]" */
uint8_t
gp_claim_rspamd(struct gp_slice value, struct gp_buf *out)
{
	enum { SYMBOLS_SHOWN = 6 };
	struct gp_slice rest = value, head = gp_slice_cut(&rest, ';');
	gp_slice_cut(&head, ':');
	struct gp_slice word = first_word(head);
	ptrdiff_t open = gp_slice_find(head, '[');
	gp_claim_put(out, "%s", is_yes(word) ? "spam" : "not spam");
	if (open >= 0) {
		struct gp_slice points = gp_slice_drop(head, (size_t)open + 1);
		points = gp_slice_cut(&points, ']');
		struct gp_slice score = gp_slice_trim(gp_slice_cut(&points, '/'));
		gp_claim_put(out, "%.*s of %.*s points", GP_SLICE_FMT(score),
			     GP_SLICE_FMT(gp_slice_trim(points)));
	}
	for (size_t i = 0; i < SYMBOLS_SHOWN && rest.len > 0; i++) {
		struct gp_slice symbol = gp_slice_trim(gp_slice_cut(&rest, ';'));
		symbol = gp_slice_cut(&symbol, '[');
		if (symbol.len > 0)
			gp_buf_printf(out, "%s%.*s", i == 0 ? "; " : " ", GP_SLICE_FMT(symbol));
	}
	return is_yes(word) ? GP_CLAIM_SPAM : GP_CLAIM_HAM;
}

/* "rule=notspam policy=default score=0 phishscore=0 ..." */
uint8_t
gp_claim_proofpoint(struct gp_slice value, struct gp_buf *out)
{
	struct gp_slice rule = gp_claim_pair(value, ' ', GP_SLICE("rule"), '=');
	struct gp_slice score = gp_claim_pair(value, ' ', GP_SLICE("score"), '=');
	struct gp_slice phish = gp_claim_pair(value, ' ', GP_SLICE("phishscore"), '=');
	gp_claim_put(out, "rule %.*s", GP_SLICE_FMT(rule));
	if (score.len > 0)
		gp_claim_put(out, "%.*s points", GP_SLICE_FMT(score));
	if (phish.len > 0)
		gp_claim_put(out, "%.*s for phishing", GP_SLICE_FMT(phish));
	bool good = rule.len == 0 || gp_slice_starts_nocase(rule, GP_SLICE("notspam")) ||
		    gp_slice_starts_nocase(rule, GP_SLICE("outbound"));
	return good ? GP_CLAIM_NEUTRAL : GP_CLAIM_SPAM;
}

uint8_t
gp_claim_text(struct gp_slice value, struct gp_buf *out)
{
	gp_claim_put(out, "%.*s", GP_SLICE_FMT(gp_slice_trim(value)));
	return GP_CLAIM_NEUTRAL;
}
