/* query, script and rows: what one operation does from sending to the last result. */
#include "dixis.h"

#include "pg.h"

#define PG_ROWS "dixis.pg.rows"

struct pg_rows {
  struct pg_handle *handle; /* the first user value keeps it */
  unsigned serial;
  bool typed; /* the second user value is the metatable of rows */
  bool done;
};

enum { HOW_QUERY, HOW_SCRIPT, HOW_ROWS };

static struct pg_handle *handle_check(lua_State *L)
{
  return luaL_checkudata(L, 1, PG_HANDLE);
}

struct pg_conn *dx_pg_ready(lua_State *L)
{
  struct pg_conn *conn = handle_check(L)->conn;
  if (conn == NULL) return NULL;
  if (conn->busy || conn->wait.task != NULL) {
    luaL_error(L, "the connection is busy with another statement");
  }
  dx_check_wait(L);
  return conn;
}

struct pg_conn *dx_pg_still(lua_State *L)
{
  struct pg_handle *handle = lua_touserdata(L, 1);
  return handle->conn;
}

/* The answer to an earlier operation may still be draining: leave alone what that needs. */
static void begin(struct pg_conn *conn)
{
  conn->serial++;
  conn->busy = true;
  conn->cancelled = false;
}

void dx_pg_begin(lua_State *L, struct pg_conn *conn)
{
  lua_getiuservalue(L, 1, 1);
  lua_toclose(L, -1);
  begin(conn);
}

/* The guard is one userdata for each connection: one operation runs at a time. */
static int guard_close(lua_State *L)
{
  struct pg_handle **guard = lua_touserdata(L, 1);
  struct pg_conn *conn = *guard == NULL ? NULL : (*guard)->conn;
  if (conn != NULL) dx_pg_release(conn, true);
  return 0;
}

static int fail_send(lua_State *L, struct pg_conn *conn)
{
  dx_pg_check(conn);
  if (conn->lost) return dx_pg_fail_lost(L, conn);
  return dx_fail(L, "os", "the statement could not be sent (no memory)");
}

/* Sends the statement at 2 with the parameters at 3. 0: it is on its way; else the number of
 * results of a failure. */
static int send_statement(lua_State *L, struct pg_conn *conn, int how)
{
  const char *sql = dx_pg_statement(L, 2);
  if (sql == NULL) return 2;
  PGconn *pg = conn->pg;
  conn->in_transaction = dx_pq.PQtransactionStatus(pg) == PQTRANS_INTRANS;
  conn->copied = false;
  conn->statements = 0;
  int ok;
  if (how == HOW_SCRIPT) {
    ok = dx_pq.PQsendQuery(pg, sql);
  } else {
    struct pg_params params;
    if (!dx_pg_params(L, 3, &params)) return 2;
    ok = dx_pq.PQsendQueryParams(pg, sql, params.n, NULL, params.values, NULL, NULL, 0);
    lua_pop(L, 1);
  }
  if (!ok) return fail_send(L, conn);
  if (how == HOW_ROWS) dx_pq.PQsetSingleRowMode(pg);
  conn->sent = true;
  dx_pg_flush(conn);
  return 0;
}

/* The next result that is there. NULL with *complete: there is none any more; NULL without: wait.
 */
static PGresult *next_result(struct pg_conn *conn, bool *complete)
{
  PGconn *pg = conn->pg;
  *complete = false;
  for (;;) {
    /* After the end of the connection libpq still has a last error to give, if it knows of the end.
     */
    if (conn->lost ? dx_pq.PQstatus(pg) != CONNECTION_BAD : dx_pq.PQisBusy(pg)) break;
    PGresult *result = dx_pq.PQgetResult(pg);
    if (result == NULL) {
      *complete = true;
      conn->sent = false;
      dx_pg_check(conn);
      return NULL;
    }
    switch (dx_pq.PQresultStatus(result)) {
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH: {
      ExecStatusType status = dx_pq.PQresultStatus(result);
      dx_pq.PQclear(result);
      if (!dx_pg_end_copy(conn, status)) return NULL;
      break;
    }
    default:
      return result;
    }
  }
  if (conn->lost) {
    /* A statement whose end did not come may have failed at its commit, whatever it said before. */
    dx_pq.PQclear(conn->result);
    conn->result = NULL;
    *complete = true;
  }
  return NULL;
}

static bool is_failure(const PGresult *result)
{
  ExecStatusType status = dx_pq.PQresultStatus(result);
  return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE;
}

/* The connection owns the results: the last one before a failure, and the first failure. */
static void keep_result(struct pg_conn *conn, PGresult *result)
{
  if (conn->failure != NULL) {
    dx_pq.PQclear(result);
  } else if (is_failure(result)) {
    conn->failure = result;
  } else {
    dx_pq.PQclear(conn->result);
    conn->result = result;
    if (!conn->copied) conn->statements++;
  }
}

/* ---- query, script -------------------------------------------------------------------------- */

static int query_answer(lua_State *L, int status, lua_KContext how)
{
  (void)status;
  struct pg_conn *conn = dx_pg_still(L);
  if (conn == NULL) return dx_pg_fail_lost(L, NULL);
  if (conn->cancelled) return 0;
  bool complete;
  PGresult *result;
  while ((result = next_result(conn, &complete)) != NULL)
    keep_result(conn, result);
  if (!complete) return dx_wait(L, &conn->wait, dx_pg_cancel_wait, query_answer, how);
  if (conn->failure == NULL && !conn->copied && conn->result != NULL) {
    dx_pg_push_result(L, conn->result);
    return 1;
  }
  dx_pg_fail_result(L, conn, conn->failure);
  if (how == HOW_SCRIPT) dx_field_int(L, "statement", conn->statements + 1);
  return 2;
}

static int query_start(lua_State *L, int status, lua_KContext how)
{
  (void)status;
  struct pg_conn *conn = dx_pg_still(L);
  if (conn == NULL || conn->lost) return dx_pg_fail_lost(L, conn);
  if (conn->cancelled) return 0;
  if (!dx_pg_settled(conn)) {
    return dx_wait(L, &conn->wait, dx_pg_cancel_wait, query_start, how);
  }
  int failed = send_statement(L, conn, (int)how);
  if (failed != 0) return failed;
  return dx_wait(L, &conn->wait, dx_pg_cancel_wait, query_answer, how);
}

static int query(lua_State *L, int how)
{
  struct pg_conn *conn = dx_pg_ready(L);
  luaL_checkstring(L, 2);
  if (!lua_isnoneornil(L, 3)) luaL_checktype(L, 3, LUA_TTABLE);
  lua_settop(L, 3);
  if (conn == NULL || conn->lost) return dx_pg_fail_lost(L, conn);
  dx_pg_begin(L, conn);
  return query_start(L, LUA_OK, how);
}

int dx_pg_query(lua_State *L)
{
  return query(L, HOW_QUERY);
}

int dx_pg_script(lua_State *L)
{
  lua_settop(L, 2);
  return query(L, HOW_SCRIPT);
}

/* ---- rows ----------------------------------------------------------------------------------- */

static int rows_close(lua_State *L)
{
  struct pg_rows *rows = lua_touserdata(L, 1);
  if (rows->done) return 0;
  rows->done = true;
  struct pg_conn *conn = rows->handle->conn;
  if (conn == NULL || !conn->busy || conn->serial != rows->serial) return 0;
  /* A cancelled statement would abort the transaction of whoever only wanted the first rows. */
  bool cancel = !conn->in_transaction || !lua_isnoneornil(L, 2);
  dx_pg_release(conn, cancel);
  return 0;
}

/* With the rows userdata at 1. */
static int rows_next_step(lua_State *L, int status, lua_KContext context)
{
  (void)status;
  struct pg_rows *rows = lua_touserdata(L, 1);
  struct pg_conn *conn = rows->handle->conn;
  if (conn == NULL) {
    dx_pg_fail_lost(L, NULL);
    return lua_error(L);
  }
  if (conn->cancelled || rows->done) return 0;
  bool complete;
  PGresult *result;
  while ((result = next_result(conn, &complete)) != NULL) {
    keep_result(conn, result);
    if (dx_pq.PQresultStatus(result) != PGRES_SINGLE_TUPLE) continue;
    if (!rows->typed) {
      dx_pg_push_row_type(L, result);
      lua_setiuservalue(L, 1, 2);
      rows->typed = true;
    }
    lua_getiuservalue(L, 1, 2);
    dx_pg_push_row(L, result, 0, -1);
    return 1;
  }
  if (!complete) return dx_wait(L, &conn->wait, dx_pg_cancel_wait, rows_next_step, context);
  bool failed = conn->failure != NULL || conn->copied || conn->lost;
  if (failed) dx_pg_fail_result(L, conn, conn->failure);
  rows->done = true;
  dx_pg_release(conn, false);
  if (failed) return lua_error(L);
  lua_pushnil(L);
  return 1;
}

static int rows_next(lua_State *L)
{
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(1));
  struct pg_rows *rows = lua_touserdata(L, 1);
  struct pg_conn *conn = rows->handle->conn;
  if (rows->done) {
    lua_pushnil(L);
    return 1;
  }
  if (conn != NULL && conn->wait.task != NULL) {
    return luaL_error(L, "another task waits for the next row");
  }
  dx_check_wait(L);
  return rows_next_step(L, LUA_OK, 0);
}

/* 1 handle, 2 statement, 3 parameters, 4 rows, 5 iterator. All that could fail for want of memory
 * is done before the connection is taken. */
static int rows_start(lua_State *L, int status, lua_KContext context)
{
  (void)status;
  struct pg_conn *conn = dx_pg_still(L);
  struct pg_rows *rows = lua_touserdata(L, 4);
  if (conn == NULL) {
    dx_pg_fail_lost(L, NULL);
    return lua_error(L);
  }
  if (!conn->cancelled && !dx_pg_settled(conn)) {
    return dx_wait(L, &conn->wait, dx_pg_cancel_wait, rows_start, context);
  }
  int failed = 0;
  if (conn->lost) {
    failed = dx_pg_fail_lost(L, conn);
  } else if (!conn->cancelled) {
    failed = send_statement(L, conn, HOW_ROWS);
  }
  if (failed != 0 || conn->cancelled) {
    /* Nobody gets the rows to close them. */
    rows->done = true;
    dx_pg_release(conn, true);
    return failed != 0 ? lua_error(L) : 0;
  }
  lua_pushvalue(L, 5);
  lua_pushnil(L);
  lua_pushnil(L);
  lua_pushvalue(L, 4);
  return 4;
}

int dx_pg_rows(lua_State *L)
{
  struct pg_conn *conn = dx_pg_ready(L);
  luaL_checkstring(L, 2);
  lua_settop(L, 3);
  if (conn == NULL || conn->lost) {
    dx_pg_fail_lost(L, conn);
    return lua_error(L);
  }
  /* Misuse shows before the connection is taken. */
  struct pg_params params;
  if (!dx_pg_params(L, 3, &params)) return lua_error(L);
  lua_settop(L, 3);
  struct pg_rows *rows = lua_newuserdatauv(L, sizeof *rows, 2);
  rows->handle = lua_touserdata(L, 1);
  rows->typed = false;
  rows->done = true;
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  luaL_setmetatable(L, PG_ROWS);
  lua_pushvalue(L, 4);
  lua_pushcclosure(L, rows_next, 1);
  luaL_checkstack(L, 10, "rows");
  begin(conn);
  rows->serial = conn->serial;
  rows->done = false;
  return rows_start(L, LUA_OK, 0);
}

void dx_pg_query_types(lua_State *L)
{
  static const luaL_Reg none[] = {{NULL, NULL}};
  dx_handle_type(L, PG_GUARD, none, guard_close);
  dx_handle_type(L, PG_ROWS, none, rows_close);
}
