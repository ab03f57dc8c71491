/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/library.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int
fail(struct gp_library *l, int error)
{
	snprintf(l->why, sizeof(l->why), "%s cannot be loaded: %s; Debian's package %s has it",
		 l->file, dlerror(), l->package);
	return error;
}

int
gp_library_load(struct gp_library *l)
{
	if (l->loaded)
		return 0;
	/* All that it refers to is found now: in a sandbox it could not be later. */
	void *library = dlopen(l->file, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return fail(l, -ELIBACC);
	for (size_t i = 0; i < l->symbols_len; i++) {
		void *found = dlsym(library, l->symbols[i].name);
		if (!found)
			return fail(l, -ELIBBAD);
		/* ISO C has no such conversion; POSIX says that both look the same. */
		memcpy(l->symbols[i].pointer, &found, sizeof(found));
	}
	bool own_page = (uintptr_t)l->table % (uintptr_t)sysconf(_SC_PAGESIZE) == 0;
	if (own_page && mprotect(l->table, l->table_size, PROT_READ) < 0) {
		int error = errno;
		snprintf(l->why, sizeof(l->why), "%s: %s", l->file, strerror(error));
		return -error;
	}
	l->loaded = true;
	return 0;
}
