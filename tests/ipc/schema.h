/* SPDX-License-Identifier: Apache-2.0 */
/* The schema of messages as a table, which tools/ipcgen.py --table writes beside its codec. */
#pragma once

enum schema_kind {
	FIELD_U8,
	FIELD_U16,
	FIELD_U32,
	FIELD_U64,
	FIELD_BOOL,
	FIELD_BYTES,
	FIELD_ONE,
	FIELD_LIST,
};

enum schema_fd { FD_NONE, FD_OPTIONAL, FD_REQUIRED };

struct schema_record;

struct schema_field {
	const char *name;
	enum schema_kind kind;
	size_t cap;
	const struct schema_record *of;
};

struct schema_record {
	const char *name;
	size_t cap;
	enum schema_fd fd;
	const struct schema_field *fields;
	size_t fields_len;
};

#include "ipc_table.h"
