/* What the files of host.pg share. The life of a connection:
 *
 *   pg_connect.c   makes it, on the thread pool
 *   pg_conn.c      the connection as the loop sees it: reading, writing, cancelling, giving up; no
 * Lua pg_query.c     query, script and rows; pg_pipeline.c: pipeline pg_result.c    a PGresult as
 * Lua values, Lua values as parameters pg_error.c     failures in our own words prim_pg.c      the
 * handle, its small methods, the module
 *
 * One operation runs at a time. Its Lua function sends, waits, and is resumed whenever something
 * has come; it takes what is there and waits again, until libpq says that the answer is complete.
 * Whoever leaves before that (an error, a cancelled task) gives the rest to the loop: `draining`.
 */
#ifndef DIXIS_PG_H
#define DIXIS_PG_H

#include "dixis.h"
#include "libpq.h"

#define PG_HANDLE "dixis.pg"
#define PG_GUARD  "dixis.pg.guard"

struct pg_notice {
  struct pg_notice *next;
  char sqlstate[6];
  char severity[16];
  char message[];
};

struct pg_conn {
  uv_poll_t poll;
  uv_timer_t timer;           /* repeats a cancel request that the server has not heeded */
  struct dx_wait wait;        /* of the operation */
  struct dx_wait cancel_wait; /* of Connection:cancel */
  PGconn *pg;
  PGresult *result, *failure; /* the operation's; kept here so that a Lua error leaks nothing */
  int refs;                   /* the handle, poll, timer, each cancel request under way */
  int cancels;                /* cancel requests under way */
  unsigned serial;            /* number of the operation */
  int statements;             /* results of the operation so far */
  bool busy;                  /* an operation owns the connection */
  bool sent;                  /* the server owes an answer */
  bool draining;              /* nobody wants that answer: the loop throws it away */
  bool cancelled;             /* the task that waited was */
  bool cancel_failed;
  bool flushing; /* output is waiting for room in the socket */
  bool pipeline, synced;
  bool in_transaction; /* when the operation began */
  bool copied;         /* a COPY with the client was met and ended */
  bool lost;
  int notice_count;
  struct pg_notice *notices, **notices_end;
  char fatal_state[6]; /* why the server ended the connection, when it said so */
  char fatal_message[200];
  char where[400]; /* database "x" at host:port */
};

struct pg_handle {
  struct pg_conn *conn; /* NULL when closed */
};

/* ---- pg_conn.c ------------------------------------------------------------------------------ */

/* Takes over an established PGconn; NULL when there is no memory (then it is still the caller's).
 */
struct pg_conn *dx_pg_conn_new(PGconn *pg);

void dx_pg_notices_clear(struct pg_conn *conn);

/* Closes; never waits. */
void dx_pg_conn_close(struct pg_conn *conn);

/* Writes what is buffered, as far as it goes; the loop does the rest. */
void dx_pg_flush(struct pg_conn *conn);

/* Call it when libpq may have met the end of the connection. */
void dx_pg_check(struct pg_conn *conn);

/* The connection is of no use any more. */
void dx_pg_lost(struct pg_conn *conn);

/* Ends the operation. What the server still sends is thrown away; `cancel`: it is told to stop. */
void dx_pg_release(struct pg_conn *conn, bool cancel);

/* True when no answer is owed to anybody and no cancel request could hit the next statement. */
bool dx_pg_settled(const struct pg_conn *conn);

/* For dx_wait: gives up the answer and wakes when the server has answered. */
void dx_pg_cancel_wait(struct dx_wait *wait);

/* Tells the server, on the thread pool, to stop the running statement. */
void dx_pg_request_cancel(struct pg_conn *conn);

/* Call it when the result of the Sync has come. */
void dx_pg_pipeline_end(struct pg_conn *conn);

/* Ends a COPY that a result announced: input is refused, output thrown away. False: more output is
 * to come, wait. */
bool dx_pg_end_copy(struct pg_conn *conn, ExecStatusType status);

/* ---- pg_error.c ----------------------------------------------------------------------------- */

/* nil and the error for COPY with the client, which has no data to give and nowhere to put any. */
int dx_pg_fail_copy(lua_State *L);

/* nil and the error of a failed result. */
int dx_pg_fail_result(lua_State *L, struct pg_conn *conn, const PGresult *failure);

/* nil and "connection_lost"; conn is NULL when it was closed. */
int dx_pg_fail_lost(lua_State *L, struct pg_conn *conn);

/* nil and the error for a failed attempt; raw is libpq's text, used only to tell what happened.
 * target says where and as whom, names are the parameters that were given. */
int dx_pg_fail_connect(lua_State *L, const char *raw, const char *target, char *const *names);

/* ---- pg_result.c ---------------------------------------------------------------------------- */

/* Pushes the result table. */
void dx_pg_push_result(lua_State *L, const PGresult *result);

/* Pushes the metatable that lets rows of this shape be indexed by name. */
void dx_pg_push_row_type(lua_State *L, const PGresult *result);

/* Pushes one row; the metatable is at `type`. */
void dx_pg_push_row(lua_State *L, const PGresult *result, int row, int type);

struct pg_params {
  int n;
  const char *const *values;
};

/* Reads the parameters at `arg` (a table or nil); pushes one value that owns their memory. The
 * strings are those of the table. False: nil and an error are pushed instead. */
bool dx_pg_params(lua_State *L, int arg, struct pg_params *params);

/* The statement at `arg` without zero bytes; NULL: nil and an error are pushed. */
const char *dx_pg_statement(lua_State *L, int arg);

/* ---- pg_query.c ----------------------------------------------------------------------------- */

/* The open connection of argument 1, or NULL when it is closed or lost. Raises when it is busy with
 * another operation, and where a task cannot wait. */
struct pg_conn *dx_pg_ready(lua_State *L);

/* The connection of argument 1 after a wait; NULL when it was closed meanwhile. */
struct pg_conn *dx_pg_still(lua_State *L);

/* Makes the running function own the connection; pushes a guard that releases it however the
 * function is left. */
void dx_pg_begin(lua_State *L, struct pg_conn *conn);

int dx_pg_query(lua_State *L);
int dx_pg_script(lua_State *L);
int dx_pg_rows(lua_State *L);
int dx_pg_pipeline(lua_State *L);
void dx_pg_query_types(lua_State *L);

/* ---- pg_connect.c --------------------------------------------------------------------------- */

int dx_pg_connect(lua_State *L);
void dx_pg_connect_types(lua_State *L);

#endif
