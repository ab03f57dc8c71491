/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files on their way through a reader (reader.h), which is started when it is needed and replaced
 * when it has ended: many at a time, as to hand over one costs more than to read it. Small ones are
 * put into memory that the reader sees, and cannot write to: what one reader is taken over by is
 * not in the files that the next one is handed. What is heard of them goes to whoever listens.
 *
 * A reader that ends over several files has them read again one by one by the next; the one that it
 * ends over alone is the one to blame.
 */
#pragma once

#include <sys/types.h>

#include "cli/reports/reader.h"

enum {
	POOL_SILENT_MS = 60'000, /* a reader that is silent so long, beside its own time, hangs */
	POOL_IN_MAX = 4 * GP_TOLD_FRAME_MAX, /* octets heard, and not told yet */
};

/* What is heard. Its functions return 0, or -errno, which ends all. */
struct pool_listener {
	void *context;
	int (*begin)(void *context, const char *name); /* a report in that file */
	struct gp_ingest_listener told;                /* in between; 1: it has heard enough */
	int (*end)(void *context);
	int (*drop)(void *context); /* the report is told again */
	/* The file is done with; why: nothing of it could be read, or not all of it; NULL: it was.
	   A report that began has no end then. */
	int (*done)(void *context, const char *name, const char *why);
};

struct pool_file {
	int fd; /* -1: it is in the memory */
	struct reader_request request;
	char *name;
};

/* reader_run(), or what a test has in its place. */
typedef int
pool_run(int socket, const char *shared, const struct reader_limits *limits);

struct pool {
	pool_run *run;
	const struct reader_limits *limits;
	const struct pool_listener *listener;
	/* In their order, round and round: the one at `first` is being read. */
	struct pool_file files[READER_AHEAD];
	size_t first, len;
	/* Small files, one behind the other, round and round; NULL: not made yet. */
	char *shared;
	int shared_fd;
	size_t shared_at; /* where the next one goes */
	size_t alone;     /* so many of them go one by one */
	size_t handed;    /* so many of them a reader has */
	pid_t reader;     /* 0: none */
	int socket;
	bool solo;  /* the first one was handed over alone: its end is the reader's */
	bool spent; /* the reader has said that it ends */
	bool begun; /* a report of the first one */
	struct gp_buf in;
	struct gp_told_hearer hearer;
};

void
pool_init(struct pool *p, pool_run *run, const struct reader_limits *limits,
	  const struct pool_listener *listener);
/* A file, whose descriptor becomes the pool's; the name is copied. 0 or -errno. */
[[nodiscard]] int
pool_put(struct pool *p, int fd, const struct reader_request *request, const char *name);
/* The same of one whose octets are here: at most READER_SMALL, which are copied too. */
[[nodiscard]] int
pool_put_octets(struct pool *p, struct gp_slice octets, const char *name);
/* Waits until all files are done with. 0 or -errno. */
[[nodiscard]] int
pool_finish(struct pool *p);
/* Ends the reader; files that are not done with are forgotten. */
void
pool_free(struct pool *p);
