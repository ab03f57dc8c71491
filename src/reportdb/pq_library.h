/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libpq, loaded when a database is PostgreSQL's: see sys/library.h. What its header calls PQclear()
 * is gp_pq.clear() here, once gp_library_load(&gp_pq_library) has returned 0.
 */
#pragma once

#include <libpq-fe.h>

#include "sys/library.h"

#define GP_PQ_CALLS(X)        \
	X(clear)              \
	X(cmdStatus)          \
	X(connectdbParams)    \
	X(conninfoFree)       \
	X(conninfoParse)      \
	X(consumeInput)       \
	X(enterPipelineMode)  \
	X(errorMessage)       \
	X(exitPipelineMode)   \
	X(finish)             \
	X(flush)              \
	X(freemem)            \
	X(getResult)          \
	X(getisnull)          \
	X(getlength)          \
	X(getvalue)           \
	X(isBusy)             \
	X(ntuples)            \
	X(parameterStatus)    \
	X(pipelineSync)       \
	X(reset)              \
	X(resultErrorField)   \
	X(resultErrorMessage) \
	X(resultStatus)       \
	X(sendPrepare)        \
	X(sendQuery)          \
	X(sendQueryParams)    \
	X(sendQueryPrepared)  \
	X(setNoticeProcessor) \
	X(setnonblocking)     \
	X(socket)             \
	X(status)

#define GP_PQ_POINTER(name) typeof(&PQ##name) name;
struct [[GP_LIBRARY_TABLE]] gp_pq_calls {
	GP_PQ_CALLS(GP_PQ_POINTER)
};
#undef GP_PQ_POINTER

extern struct gp_library gp_pq_library;
extern struct gp_pq_calls gp_pq;
