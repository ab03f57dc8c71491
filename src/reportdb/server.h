/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A database that is a server's: PostgreSQL, named by a URL as libpq has it, postgresql://..., in
 * place of a file. Several nodes may write to one: each waits for the others as SQLite's writers
 * do, for GP_REPORTDB_WAIT_MS unless the URL's options say lock_timeout.
 *
 * A password may not stand in the URL, as others can see the arguments of a command and a
 * configuration: it stands in the file that `passfile` or PGPASSFILE names, or the server knows by
 * itself who asks (peer, a certificate). Over a network it proves who it is, by TLS (sslmode is
 * verify-full where the URL does not say). Its encoding is UTF8; what is no UTF-8 is kept as
 * question marks.
 *
 * A server that does not answer is not waited for without end (pglink.h has the times): what was
 * told since the last sync is told again, as after any other failure, and it may be there already.
 *
 * A connection that was lost is made anew, between documents, by the next who needs it; what was
 * told since the last sync is told again, as after any other failure.
 */
#pragma once

#include "reportdb/reportdb.h"

/* Whether that is one, and no file. */
bool
gp_reportdb_is_server(const char *path);
/* From now on a connection that is lost stays so: in a sandbox nobody connects. */
void
gp_reportdb_stay(struct gp_reportdb *db);
/* Whether it is lost. A file never is. */
bool
gp_reportdb_lost(const struct gp_reportdb *db);
