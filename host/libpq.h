/* libpq, loaded when the first connection is made: relocating it and what it needs (TLS, Kerberos,
 * LDAP) costs several milliseconds that commands without a database should not pay. */
#ifndef DIXIS_LIBPQ_H
#define DIXIS_LIBPQ_H

#include <libpq-fe.h>

#define DX_LIBPQ_FUNCTIONS(X)                                                                      \
  X(PQbackendPID)                                                                                  \
  X(PQcancel)                                                                                      \
  X(PQclear)                                                                                       \
  X(PQcmdStatus)                                                                                   \
  X(PQcmdTuples)                                                                                   \
  X(PQconndefaults)                                                                                \
  X(PQconnectPoll)                                                                                 \
  X(PQconnectStartParams)                                                                          \
  X(PQconsumeInput)                                                                                \
  X(PQdb)                                                                                          \
  X(PQenterPipelineMode)                                                                           \
  X(PQerrorMessage)                                                                                \
  X(PQexitPipelineMode)                                                                            \
  X(PQfinish)                                                                                      \
  X(PQflush)                                                                                       \
  X(PQfname)                                                                                       \
  X(PQfreeCancel)                                                                                  \
  X(PQfreemem)                                                                                     \
  X(PQftype)                                                                                       \
  X(PQgetCancel)                                                                                   \
  X(PQgetCopyData)                                                                                 \
  X(PQgetisnull)                                                                                   \
  X(PQgetlength)                                                                                   \
  X(PQgetResult)                                                                                   \
  X(PQgetvalue)                                                                                    \
  X(PQhost)                                                                                        \
  X(PQisBusy)                                                                                      \
  X(PQnfields)                                                                                     \
  X(PQntuples)                                                                                     \
  X(PQparameterStatus)                                                                             \
  X(PQpipelineSync)                                                                                \
  X(PQport)                                                                                        \
  X(PQputCopyEnd)                                                                                  \
  X(PQresultErrorField)                                                                            \
  X(PQresultStatus)                                                                                \
  X(PQsendFlushRequest)                                                                            \
  X(PQsendQuery)                                                                                   \
  X(PQsendQueryParams)                                                                             \
  X(PQsendQueryPrepared)                                                                           \
  X(PQserverVersion)                                                                               \
  X(PQsetErrorVerbosity)                                                                           \
  X(PQsetnonblocking)                                                                              \
  X(PQsetNoticeReceiver)                                                                           \
  X(PQsetSingleRowMode)                                                                            \
  X(PQsocket)                                                                                      \
  X(PQsslAttribute)                                                                                \
  X(PQsslInUse)                                                                                    \
  X(PQstatus)                                                                                      \
  X(PQtransactionStatus)                                                                           \
  X(PQuser)

struct dx_libpq {
#define DX_LIBPQ_MEMBER(name) __typeof__(&name) name;
  DX_LIBPQ_FUNCTIONS(DX_LIBPQ_MEMBER)
#undef DX_LIBPQ_MEMBER
};

/* Usable once dx_libpq_load() has returned NULL. */
extern struct dx_libpq dx_pq;

/* Loads the library (once) and wipes all PG* variables from the environment. Returns NULL, or one
 * sentence that says what is wrong. */
const char *dx_libpq_load(void);

/* Call it at the end of work on the thread pool: libpq's OpenSSL (not ours) keeps memory for each
 * thread, and the pool's threads end after OpenSSL has cleaned up. */
void dx_libpq_thread_end(void);

#endif
