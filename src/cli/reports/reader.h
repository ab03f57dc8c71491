/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that reads what strangers sent. It has a socket, on which it is handed files, memory
 * that small ones are in, which it cannot write to, and tells what is in them as frames
 * (core/ingest/wire.h); nothing else (sandbox.h). Who hands it files is pool.h.
 *
 * One report has a second of the processor's time, and the reader 64 MiB of memory, for a size of
 * GP_ARCHIVE_STRANGERS_OCTETS; with a larger size both grow. A reader that takes more time is
 * ended by the kernel; one that has no memory left says so, and ends.
 */
#pragma once

#include "core/ingest/wire.h"

enum {
	READER_MEMORY = 64 << 20, /* octets, beside those of its beginning */
	READER_AHEAD = 256,       /* files that it may be handed before it is done with the first */
	READER_SHARED = 256 << 10, /* octets of small files that it has at a time */
	READER_SMALL = 64 << 10,   /* of one; a larger one goes along as a descriptor */
};

struct reader_limits {
	uint64_t size_max;    /* octets of a file, and of what is unpacked from it */
	uint64_t records_max; /* of a report */
};

/* Seconds of the processor's time for one file. */
uint64_t
reader_cpu_s(const struct reader_limits *limits);

/* A file, or a part of one. */
struct reader_request {
	uint64_t offset, length; /* octets */
};

/* One to be read: several may come together, of which the last alone may have a descriptor. */
struct reader_task {
	struct reader_request request;
	uint64_t shared; /* 1: of the memory; 0: of the descriptor that goes along */
};

/* Its own kinds of frames, around those of each report in a file. */
enum reader_frame {
	READER_BEGIN = GP_TOLD_OWN, /* a report; no fields */
	READER_END,                 /* of that report */
	READER_DONE, /* of the file: an octet, enum reader_done, and why; or what is odd, or "" */
};

enum reader_done {
	READER_WHOLE = 0, /* all of it was read */
	READER_FAILED,    /* nothing of it could be, or not the report that has begun */
	READER_ENDS,      /* the same, and the reader ends by it */
};

/* What becomes of a new process: reads what it is handed until nothing more comes. shared:
 * READER_SHARED octets; limits: the caller's. Returns its exit code. */
int
reader_run(int socket, const char *shared, const struct reader_limits *limits);
