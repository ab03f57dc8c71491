/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has changed since the roles were started, and is told to them: the configuration,
 * certificates and keys, files that are watched. What a mistake spoils stays as it was, and is
 * logged.
 */
#pragma once

#include "procs/supervisor/supervisor.h"

/* Reads the configuration again, by SIGHUP. Roles whose sockets or folders are others now finish
   what is under way, end, and are started with the new ones. */
void
reload(struct supervisor *s);

/* Looks at the files of certificates, keys and secrets; what was read of them before is the
   configuration's. */
void
reload_certificates(struct supervisor *s);

/* Looks at the files that are watched (watched.c). */
void
reload_files(struct supervisor *s);
