/* SPDX-License-Identifier: Apache-2.0 */
#include "reportdb/pglink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

enum { SENT_MAX = 200 }; /* until they are waited for */

/* Who waits for another waits as long as with SQLite, where the URL's options do not say how long.
   Rows are few, and a compiler's work is not worth it. */
static const char session[] =
	"SELECT set_config('lock_timeout', '10000', false)"
	" WHERE current_setting('lock_timeout') = '0';"
	" SET jit = off; SET bytea_output = hex; SET client_min_messages = error;"
	" SET cursor_tuple_fraction = 1";

/* --- what goes wrong --- */

/* The first line of what libpq or the server says. */
static void
keep_why(struct gp_pglink *l, const char *text)
{
	struct gp_slice rest = gp_slice_str(text), line = gp_slice_cut(&rest, '\n');
	size_t len = 0;
	while (line.len > 0 && len + 4 < sizeof(l->why)) {
		uint32_t c = gp_utf8_take(&line);
		len += gp_utf8_write(c < 0x20 || c == GP_UTF8_INVALID ? '?' : c, l->why + len);
	}
	l->why[len] = '\0';
}

int
gp_pglink_fail(struct gp_pglink *l, int error, const char *why)
{
	if (l->failed < 0)
		return l->failed;
	keep_why(l, why);
	if (l->in_transaction)
		l->failed = error;
	return error;
}

static int
lose(struct gp_pglink *l)
{
	bool gone = PQstatus(l->connection) == CONNECTION_BAD;
	l->sent = 0;
	l->generation++;
	return gp_pglink_fail(l, gone ? -ENOTCONN : -EIO, PQerrorMessage(l->connection));
}

/* By the SQLSTATE, or the class of it. */
static int
error_of(const struct gp_pglink *l, const PGresult *result)
{
	static const struct {
		const char *state;
		int error;
	} errors[] = {
		{"55P03", -EBUSY},  {"40", -EBUSY},    {"53100", -ENOSPC}, {"53200", -ENOMEM},
		{"42501", -EACCES}, {"25006", -EROFS}, {"08", -ENOTCONN},  {"57P", -ENOTCONN},
	};
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	if (PQstatus(l->connection) == CONNECTION_BAD)
		return -ENOTCONN;
	for (size_t i = 0; state && i < GP_ARRAY_LEN(errors); i++) {
		if (strncmp(state, errors[i].state, strlen(errors[i].state)) == 0)
			return errors[i].error;
	}
	return -EIO;
}

/* --- the pipeline --- */

int
gp_pglink_settle(struct gp_pglink *l, PGresult **ret_last)
{
	PGresult *last = NULL;
	int r = 0, nothing = 0;
	bool over = false;
	if (ret_last)
		*ret_last = NULL;
	if (!PQpipelineSync(l->connection))
		return lose(l);
	while (!over) {
		PGresult *result = PQgetResult(l->connection);
		ExecStatusType status = result ? PQresultStatus(result) : PGRES_EMPTY_QUERY;
		/* Each command ends with nothing; twice nothing is the end of the connection. */
		nothing = result ? 0 : nothing + 1;
		over = status == PGRES_PIPELINE_SYNC || nothing == 2;
		if (status == PGRES_FATAL_ERROR && r == 0)
			r = gp_pglink_fail(l, error_of(l, result), PQresultErrorMessage(result));
		if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
			PQclear(last);
			last = result;
		} else {
			PQclear(result);
		}
	}
	l->sent = 0;
	if (r == 0 && PQstatus(l->connection) == CONNECTION_BAD)
		r = lose(l);
	/* What was to be prepared after what failed was not. */
	if (r < 0)
		l->generation++;
	if (r == 0 && ret_last)
		*ret_last = last;
	else
		PQclear(last);
	return r;
}

int
gp_pglink_sent(struct gp_pglink *l, int good)
{
	if (!good)
		return lose(l);
	return ++l->sent < SENT_MAX ? 0 : gp_pglink_settle(l, NULL);
}

/* Past what has failed: as gp_pglink_send(). */
static int
send_anyway(struct gp_pglink *l, const char *text)
{
	return gp_pglink_sent(l,
			      PQsendQueryParams(l->connection, text, 0, NULL, NULL, NULL, NULL, 0));
}

int
gp_pglink_send(struct gp_pglink *l, const char *text)
{
	return l->failed < 0 ? l->failed : send_anyway(l, text);
}

void
gp_pglink_rollback(struct gp_pglink *l)
{
	/* Behind what fails nothing is done until it was waited for. */
	int r = l->sent > 0 ? gp_pglink_settle(l, NULL) : 0;
	/* Statements get new names, so the server need not keep the old ones. */
	if (r != -ENOTCONN && send_anyway(l, "ROLLBACK") == 0 &&
	    send_anyway(l, "DEALLOCATE ALL") == 0)
		(void)gp_pglink_settle(l, NULL);
	l->generation++;
	l->in_transaction = false;
	l->failed = 0;
}

int
gp_pglink_execute(struct gp_pglink *l, const char *text, PGresult **ret)
{
	if (!PQexitPipelineMode(l->connection))
		return lose(l);
	PGresult *result = PQexec(l->connection, text);
	ExecStatusType status = PQresultStatus(result);
	int r = 0;
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		r = gp_pglink_fail(l, result ? error_of(l, result) : -ENOMEM,
				   PQerrorMessage(l->connection));
	if (!PQenterPipelineMode(l->connection) && r == 0)
		r = lose(l);
	if (r == 0 && ret)
		*ret = result;
	else
		PQclear(result);
	return r;
}

/* --- the connection --- */

static void
say_nothing(void *context, const char *text)
{
	(void)context, (void)text;
}

static int
begin_session(struct gp_pglink *l)
{
	if (PQstatus(l->connection) != CONNECTION_OK)
		return gp_pglink_fail(l, -ENOTCONN, PQerrorMessage(l->connection));
	PQsetNoticeProcessor(l->connection, say_nothing, NULL);
	l->sent = 0;
	l->generation++;
	const char *encoding = PQparameterStatus(l->connection, "server_encoding");
	if (!encoding || strcmp(encoding, "UTF8") != 0)
		return gp_pglink_fail(l, -EADDRNOTAVAIL, "the database's encoding is not UTF8");
	int r = gp_pglink_execute(l, session, NULL);
	if (r == 0 && !l->writes)
		r = gp_pglink_execute(l, "SET default_transaction_read_only = on", NULL);
	return r;
}

static int
refuse_password(struct gp_pglink *l, const char *where)
{
	char *why = NULL;
	PQconninfoOption *options = PQconninfoParse(where, &why);
	int r = 0;
	if (!options)
		r = gp_pglink_fail(l, -EADDRNOTAVAIL, why ? why : "it cannot be read");
	for (PQconninfoOption *o = options; r == 0 && o && o->keyword; o++) {
		/* As libpq marks what nobody should see: that of a key is one, too. */
		if (o->dispchar[0] == '*' && o->val)
			r = gp_pglink_fail(l, -EADDRNOTAVAIL,
					   "a password may not stand there: it belongs into the "
					   "file that PGPASSFILE or passfile= names");
	}
	PQfreemem(why);
	PQconninfoFree(options);
	return r;
}

int
gp_pglink_open(struct gp_pglink *l, const char *where, bool writes)
{
	/* What stands in `where` is stronger than what stands before it. Of itself libpq would go
	   on without TLS where a server, or who stands before it, says that there is none. */
	static const char *const keys[] = {"sslmode",
					   "connect_timeout",
					   "keepalives_idle",
					   "keepalives_interval",
					   "keepalives_count",
					   "tcp_user_timeout",
					   "dbname",
					   "client_encoding",
					   "fallback_application_name",
					   NULL};
	const char *const values[] = {"verify-full", "10",  "30",   "10",       "3",
				      "30000",       where, "UTF8", "gatepost", NULL};
	*l = (struct gp_pglink){.writes = writes};
	int r = refuse_password(l, where);
	if (r < 0)
		return r;
	l->connection = PQconnectdbParams(keys, values, 1);
	return l->connection ? begin_session(l) : -ENOMEM;
}

void
gp_pglink_close(struct gp_pglink *l)
{
	PQfinish(l->connection);
	l->connection = NULL;
}

int
gp_pglink_mend(struct gp_pglink *l)
{
	if (PQstatus(l->connection) == CONNECTION_OK)
		return 0;
	if (l->stays)
		return gp_pglink_fail(l, -ENOTCONN, "the connection is lost");
	PQreset(l->connection);
	return begin_session(l);
}
