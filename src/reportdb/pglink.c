/* SPDX-License-Identifier: Apache-2.0 */
#include "reportdb/pglink.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "sys/clock.h"

enum {
	SENT_MAX = 200,   /* until they are waited for */
	FLUSH_EVERY = 16, /* of them: what the server does not take is in memory until then */
	BEGIN_MS = 10'000,
	STATEMENT_MS = 60'000, /* as `session` has it */
	STAYING_MS = 15'000,
	LONG_MS = 600'000,
	MARGIN_MS = 5'000, /* for the server's own word that a statement took too long */
};

/* How long who waits for another waits (as with SQLite), a statement may take, and who is stopped
   in the middle of a transaction may hold up all others, where the URL's options do not say; of a
   host that has lost its power TCP knows. Rows are few, and a compiler's work is not worth it. The
   last one is asked for. */
static const char session[] =
	"SELECT set_config(name, ms, false) FROM (VALUES ('lock_timeout', '10000'),"
	" ('statement_timeout', '60000'), ('idle_in_transaction_session_timeout', '300000'))"
	" AS given (name, ms) WHERE current_setting(name) = '0';"
	" SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10;"
	" SET tcp_keepalives_count = 3;"
	" SET jit = off; SET bytea_output = hex; SET client_min_messages = error;"
	" SET cursor_tuple_fraction = 1;"
	" SELECT setting FROM pg_settings WHERE name = 'statement_timeout'";

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

bool
gp_pglink_lost(const struct gp_pglink *l)
{
	return l->silent || gp_pq.status(l->connection) != CONNECTION_OK;
}

static int
lose(struct gp_pglink *l)
{
	bool gone = gp_pglink_lost(l);
	l->sent = 0;
	l->generation++;
	return gp_pglink_fail(l, gone ? -ENOTCONN : -EIO,
			      l->silent ? "the server did not answer any more"
					: gp_pq.errorMessage(l->connection));
}

/* By the SQLSTATE, or the class of it. */
static int
error_of(const struct gp_pglink *l, const PGresult *result)
{
	static const struct {
		const char *state;
		int error;
	} errors[] = {
		{"55P03", -EBUSY},  {"40", -EBUSY},     {"53100", -ENOSPC},    {"53200", -ENOMEM},
		{"42501", -EACCES}, {"25006", -EROFS},  {"57014", -ETIMEDOUT}, {"25P03", -ENOTCONN},
		{"08", -ENOTCONN},  {"57P", -ENOTCONN},
	};
	const char *state = gp_pq.resultErrorField(result, PG_DIAG_SQLSTATE);
	if (gp_pq.status(l->connection) == CONNECTION_BAD)
		return -ENOTCONN;
	for (size_t i = 0; state && i < GP_ARRAY_LEN(errors); i++) {
		if (strncmp(state, errors[i].state, strlen(errors[i].state)) == 0)
			return errors[i].error;
	}
	return -EIO;
}

/* --- waiting --- */

/* libpq itself waits for ever: a server that is stopped, or behind it a disk, keeps its connection
   well. */
static int
go_silent(struct gp_pglink *l)
{
	char why[64];
	snprintf(why, sizeof(why), "the server has not answered for %" PRIu64 " s",
		 l->patience_ms / 1000);
	l->silent = true;
	l->sent = 0;
	l->generation++;
	return gp_pglink_fail(l, -ETIMEDOUT, why);
}

/* Until there is something to read, or to be sent where some of it waits. 0 or -errno. */
static int
wait_for_server(struct gp_pglink *l, bool sends)
{
	struct pollfd p = {gp_pq.socket(l->connection), POLLIN, 0};
	uint64_t now_ms = gp_clock_monotonic_ms(), until_ms = now_ms + l->patience_ms;
	int n;
	if (sends)
		p.events |= POLLOUT;
	do {
		n = poll(&p, 1, (int)GP_MIN(until_ms - now_ms, (uint64_t)INT32_MAX));
		now_ms = gp_clock_monotonic_ms();
	} while (n < 0 && errno == EINTR && now_ms < until_ms);
	if (n <= 0)
		return go_silent(l);
	return gp_pq.consumeInput(l->connection) ? 0 : lose(l);
}

/* All that was sent is the server's, or the kernel's. */
static int
flush(struct gp_pglink *l)
{
	int r = 0, left;
	while ((left = gp_pq.flush(l->connection)) > 0 && r == 0)
		r = wait_for_server(l, true);
	return r < 0 ? r : left < 0 ? lose(l) : 0;
}

/* The next result, which may be NULL as PQgetResult() has it. */
static int
next_result(struct gp_pglink *l, PGresult **ret)
{
	*ret = NULL;
	while (gp_pq.isBusy(l->connection)) {
		int r = wait_for_server(l, false);
		if (r < 0)
			return r;
	}
	*ret = gp_pq.getResult(l->connection);
	return 0;
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
	if (l->silent || !gp_pq.pipelineSync(l->connection))
		return lose(l);
	int waited = flush(l);
	while (!over && waited == 0) {
		PGresult *result;
		waited = next_result(l, &result);
		ExecStatusType status = result ? gp_pq.resultStatus(result) : PGRES_EMPTY_QUERY;
		/* Each command ends with nothing; twice nothing is the end of the connection. */
		nothing = result ? 0 : nothing + 1;
		over = status == PGRES_PIPELINE_SYNC || nothing == 2;
		if (status == PGRES_FATAL_ERROR && r == 0)
			r = gp_pglink_fail(l, error_of(l, result),
					   gp_pq.resultErrorMessage(result));
		if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
			gp_pq.clear(last);
			last = result;
		} else {
			gp_pq.clear(result);
		}
	}
	l->sent = 0;
	if (r == 0)
		r = waited;
	if (r == 0 && gp_pglink_lost(l))
		r = lose(l);
	/* What was to be prepared after what failed was not. */
	if (r < 0)
		l->generation++;
	if (r == 0 && ret_last)
		*ret_last = last;
	else
		gp_pq.clear(last);
	return r;
}

int
gp_pglink_sent(struct gp_pglink *l, int good)
{
	if (!good || l->silent)
		return lose(l);
	l->sent++;
	if (l->sent == SENT_MAX)
		return gp_pglink_settle(l, NULL);
	return l->sent % FLUSH_EVERY == 0 ? flush(l) : 0;
}

/* Past what has failed: as gp_pglink_send(). */
static int
send_anyway(struct gp_pglink *l, const char *text)
{
	return gp_pglink_sent(
		l, gp_pq.sendQueryParams(l->connection, text, 0, NULL, NULL, NULL, NULL, 0));
}

int
gp_pglink_send(struct gp_pglink *l, const char *text)
{
	return l->failed < 0 ? l->failed : send_anyway(l, text);
}

int
gp_pglink_take_time(struct gp_pglink *l)
{
	if (l->statement_ms >= LONG_MS)
		return 0;
	l->patience_ms = LONG_MS + MARGIN_MS;
	return gp_pglink_send(l, "SET LOCAL statement_timeout = 600000");
}

void
gp_pglink_end(struct gp_pglink *l)
{
	l->in_transaction = false;
	l->patience_ms = l->statement_ms + MARGIN_MS;
}

void
gp_pglink_rollback(struct gp_pglink *l)
{
	/* Behind what fails nothing is done until it was waited for. */
	if (l->sent > 0)
		(void)gp_pglink_settle(l, NULL);
	/* Statements get new names, so the server need not keep the old ones. */
	if (!gp_pglink_lost(l) && send_anyway(l, "ROLLBACK") == 0 &&
	    send_anyway(l, "DEALLOCATE ALL") == 0)
		(void)gp_pglink_settle(l, NULL);
	l->generation++;
	gp_pglink_end(l);
	l->failed = 0;
}

/* Its statements' results, of which the last one that is good is *ret's. */
static int
take_results(struct gp_pglink *l, PGresult **ret)
{
	PGresult *result;
	int r = 0, waited = next_result(l, &result);
	for (; waited == 0 && result; waited = next_result(l, &result)) {
		ExecStatusType status = gp_pq.resultStatus(result);
		if (r == 0 && status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
			r = gp_pglink_fail(l, error_of(l, result),
					   gp_pq.resultErrorMessage(result));
		gp_pq.clear(*ret);
		*ret = result;
	}
	return r == 0 ? waited : r;
}

int
gp_pglink_execute(struct gp_pglink *l, const char *text, PGresult **ret)
{
	PGresult *last = NULL;
	if (l->silent || !gp_pq.exitPipelineMode(l->connection) ||
	    !gp_pq.sendQuery(l->connection, text))
		return lose(l);
	int r = flush(l);
	if (r == 0)
		r = take_results(l, &last);
	if (!gp_pglink_lost(l) && !gp_pq.enterPipelineMode(l->connection) && r == 0)
		r = lose(l);
	if (r == 0 && ret)
		*ret = last;
	else
		gp_pq.clear(last);
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
	if (gp_pq.status(l->connection) != CONNECTION_OK)
		return gp_pglink_fail(l, -ENOTCONN, gp_pq.errorMessage(l->connection));
	gp_pq.setNoticeProcessor(l->connection, say_nothing, NULL);
	l->sent = 0;
	l->generation++;
	l->silent = false;
	l->patience_ms = BEGIN_MS;
	if (gp_pq.setnonblocking(l->connection, 1) < 0)
		return lose(l);
	const char *encoding = gp_pq.parameterStatus(l->connection, "server_encoding");
	if (!encoding || strcmp(encoding, "UTF8") != 0)
		return gp_pglink_fail(l, -EADDRNOTAVAIL, "the database's encoding is not UTF8");
	PGresult *result = NULL;
	int r = gp_pglink_execute(l, session, &result);
	if (r < 0)
		return r;
	l->statement_ms = strtoull(gp_pq.getvalue(result, 0, 0), NULL, 10);
	gp_pq.clear(result);
	gp_pglink_end(l);
	return l->writes ? 0 : gp_pglink_execute(l, "SET default_transaction_read_only = on", NULL);
}

static int
refuse_password(struct gp_pglink *l, const char *where)
{
	char *why = NULL;
	PQconninfoOption *options = gp_pq.conninfoParse(where, &why);
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
	gp_pq.freemem(why);
	gp_pq.conninfoFree(options);
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
	int r = gp_library_load(&gp_pq_library);
	if (r < 0)
		return gp_pglink_fail(l, r, gp_pq_library.why);
	r = refuse_password(l, where);
	if (r < 0)
		return r;
	l->connection = gp_pq.connectdbParams(keys, values, 1);
	return l->connection ? begin_session(l) : -ENOMEM;
}

void
gp_pglink_close(struct gp_pglink *l)
{
	if (l->connection)
		gp_pq.finish(l->connection);
	l->connection = NULL;
}

int
gp_pglink_stay(struct gp_pglink *l)
{
	l->stays = true;
	if (l->statement_ms != STATEMENT_MS)
		return 0;
	l->statement_ms = STAYING_MS;
	gp_pglink_end(l);
	return gp_pglink_execute(l, "SET statement_timeout = 15000", NULL);
}

int
gp_pglink_mend(struct gp_pglink *l)
{
	if (!gp_pglink_lost(l))
		return 0;
	if (l->stays)
		return gp_pglink_fail(l, -ENOTCONN, "the connection is lost");
	gp_pq.reset(l->connection);
	return begin_session(l);
}
