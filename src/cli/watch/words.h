/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is news, for people as text and for programs as JSON. So many are told of one domain and
 * kind, and so many of all; what is beyond is counted. The database's texts have no controls in
 * them: core/ingest has seen to that; they are cut where they are long.
 */
#pragma once

#include "base/buf.h"
#include "cli/watch/news.h"

enum {
	WATCH_TOLD_MAX = 500,
	WATCH_TOLD_ALIKE_MAX = 10, /* of one domain and kind */
	WATCH_TEXT_MAX = 4 << 20,  /* octets, which so many cannot reach */
};

/* One line of printable ASCII. Appends, as the next one does. */
void
watch_words_subject(const struct watch_news *news, struct gp_buf *out);
/* Lines of UTF-8. */
void
watch_words_text(const struct watch_news *news, int64_t today, struct gp_buf *out);
/* One object, without the end of a line. channel: empty, or whom it is for. 0 or -ENOMEM. */
[[nodiscard]] int
watch_words_json(const struct watch_news *news, int64_t today, struct gp_slice channel,
		 struct gp_buf *out);
