/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shared library that few starts of a program need. Linked, it would cost each start its
 * loading, and that of all the libraries that it needs itself. So it is not linked but loaded by
 * dlopen(3), by whoever is about to use it; no sandbox lets it, so that is done before.
 *
 * Who binds one has a table of pointers to its functions, each of the type that the library's
 * header gives it, typeof(&f), which is filled as a whole, and cannot be written to from then on,
 * as what a linker fills. One is procs/fetch/curl_library.h.
 */
#pragma once

#include <stddef.h>

enum { GP_LIBRARY_WHY_MAX = 512 };

/* Of a table: it has a page to itself. Where pages are larger, it stays as it is. */
#define GP_LIBRARY_TABLE gnu::aligned(4096)

struct gp_library_symbol {
	const char *name;
	void *pointer; /* to a pointer to a function, where it goes */
};

struct gp_library {
	const char *file;    /* as programs that are linked with it name it: "libz.so.1" */
	const char *package; /* of Debian's, that has it */
	const struct gp_library_symbol *symbols;
	size_t symbols_len;
	void *table; /* with all of the pointers, a GP_LIBRARY_TABLE */
	size_t table_size;

	bool loaded;
	char why[GP_LIBRARY_WHY_MAX]; /* of the last failure, for people; names the package */
};

/*
 * Loads it where that was not done, with all that it needs, and fills the pointers. It stays as
 * long as the process, and its children have it.
 *
 * 0; -ELIBACC: there is none that can be loaded; -ELIBBAD: it lacks a function; -errno. None of
 * the pointers may be used then.
 */
[[nodiscard]] int
gp_library_load(struct gp_library *l);
