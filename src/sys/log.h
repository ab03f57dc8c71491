/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: one event, one line, to standard error, as text or as JSON. An event has a fixed name
 * and named fields; whatever stands in a field is escaped here, so no outside byte can forge a line
 * or reach a terminal. A line has a cap; where it is reached every text is cut short.
 *
 * Lines of level info and debug are collected and written by gp_log_flush, which the loop calls
 * once a turn; a warning or an error is written at once, with all before it.
 */
#pragma once

#include "base/id.h"

enum gp_log_level {
	GP_LOG_ERROR,
	GP_LOG_WARNING,
	GP_LOG_INFO,
	GP_LOG_DEBUG,
};

struct gp_log_field {
	const char *key;
	struct gp_slice text;
	uint64_t number;
	bool is_number;
};

/* Fields for the macros below: text, C string, number, queue id. */
#define GP_F(key_, slice_) ((struct gp_log_field){.key = (key_), .text = (slice_)})
#define GP_FS(key_, str_) GP_F(key_, gp_slice_str(str_))
#define GP_FN(key_, n_) ((struct gp_log_field){.key = (key_), .number = (n_), .is_number = true})
#define GP_FID(key_, id_) GP_FS(key_, gp_id_text(id_).s)

#define gp_log(level, event, ...)                                        \
	gp_log_event(level, event, (struct gp_log_field[]){__VA_ARGS__}, \
		     sizeof((struct gp_log_field[]){__VA_ARGS__}) / sizeof(struct gp_log_field))
#define gp_error(event, ...) gp_log(GP_LOG_ERROR, event, __VA_ARGS__)
#define gp_warning(event, ...) gp_log(GP_LOG_WARNING, event, __VA_ARGS__)
#define gp_info(event, ...) gp_log(GP_LOG_INFO, event, __VA_ARGS__)
#define gp_debug(event, ...) gp_log(GP_LOG_DEBUG, event, __VA_ARGS__)

/* who: the role's name, static. Before this call, text at level info. */
void
gp_log_setup(const char *who, bool json, enum gp_log_level level);

void
gp_log_event(enum gp_log_level level, const char *event, const struct gp_log_field *fields,
	     size_t fields_len);

void
gp_log_flush(void);
