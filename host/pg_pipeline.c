/* pipeline: many statements under way at once. Statements are handed to libpq only as fast as the
 * socket takes them (its buffer would be moved at every write), and results are taken meanwhile, so
 * that neither side can block the other. */
#include "dixis.h"

#include "pg.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { STATEMENTS = 2, ON_RESULT = 3, RESULTS = 4, PROGRESS = 5, FLUSH_EVERY = 65536 };

struct progress {
  int total;
  int sent;
  int received;
  uint64_t last; /* when the last result came, ns */
  bool plain;    /* the last result has a tag only */
};

/* Skips what may stand before the first keyword. */
static const char *skip_space(const char *sql)
{
  for (;;) {
    while (isspace((unsigned char)*sql) || *sql == ';')
      sql++;
    if (strncmp(sql, "--", 2) == 0) {
      sql += strcspn(sql, "\n");
    } else if (strncmp(sql, "/*", 2) == 0) {
      int depth = 1;
      for (sql += 2; *sql != '\0' && depth > 0; sql++) {
        if (strncmp(sql, "/*", 2) == 0)
          depth++, sql++;
        else if (strncmp(sql, "*/", 2) == 0)
          depth--, sql++;
      }
    } else {
      return sql;
    }
  }
}

/* COPY with the client cannot be ended in a pipeline: the server takes the Sync for copy data. A
 * false alarm needs a COPY with "stdin" or "stdout" in a name or literal. */
static bool is_client_copy(const char *sql)
{
  sql = skip_space(sql);
  return strncasecmp(sql, "copy", 4) == 0 && !isalnum((unsigned char)sql[4]) &&
         (strcasestr(sql, "stdin") != NULL || strcasestr(sql, "stdout") != NULL);
}

/* A flag of statement i: "flush", its answer is to come as soon as it is there, not with the last;
 * "prepared", it is the name of a prepared statement. */
static bool has_flag(lua_State *L, int i, const char *name)
{
  bool set = false;
  if (lua_rawgeti(L, STATEMENTS, i) == LUA_TTABLE) {
    lua_getfield(L, -1, name);
    set = lua_toboolean(L, -1);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return set;
}

/* Pushes the text of statement i and its parameters or nil. */
static void push_statement(lua_State *L, int i)
{
  if (lua_rawgeti(L, STATEMENTS, i) == LUA_TTABLE) {
    lua_rawgeti(L, -1, 1);
    lua_getfield(L, -2, "params");
    lua_remove(L, -3);
  } else {
    lua_pushnil(L);
  }
  if (lua_type(L, -2) != LUA_TSTRING) {
    luaL_argerror(L, STATEMENTS, lua_pushfstring(L, "statement %d is not a string", i));
  }
  if (!lua_isnil(L, -1) && !lua_istable(L, -1)) {
    luaL_argerror(L, STATEMENTS, lua_pushfstring(L, "parameters of statement %d are no table", i));
  }
}

static int fail_at(lua_State *L, int index)
{
  dx_field_int(L, "index", index);
  return 2;
}

/* Nothing is sent when one of the statements cannot be. */
static int check_statements(lua_State *L, int total)
{
  for (int i = 1; i <= total; i++) {
    int top = lua_gettop(L);
    struct pg_params params;
    push_statement(L, i);
    const char *sql = dx_pg_statement(L, top + 1);
    if (sql == NULL || !dx_pg_params(L, top + 2, &params)) return fail_at(L, i);
    if (is_client_copy(sql)) {
      dx_pg_fail_copy(L);
      return fail_at(L, i);
    }
    lua_settop(L, top);
  }
  return 0;
}

/* False: libpq took no more. */
static bool send_statements(lua_State *L, struct pg_conn *conn, struct progress *progress)
{
  PGconn *pg = conn->pg;
  size_t unflushed = 0;
  while (progress->sent < progress->total && !conn->flushing && !conn->lost) {
    int top = lua_gettop(L);
    struct pg_params params;
    push_statement(L, progress->sent + 1);
    const char *sql = dx_pg_statement(L, top + 1);
    if (sql == NULL || !dx_pg_params(L, top + 2, &params)) return false;
    int sent = has_flag(L, progress->sent + 1, "prepared")
                   ? dx_pq.PQsendQueryPrepared(pg, sql, params.n, params.values, NULL, NULL, 0)
                   : dx_pq.PQsendQueryParams(pg, sql, params.n, NULL, params.values, NULL, NULL, 0);
    if (!sent) return false;
    unflushed += lua_rawlen(L, top + 1);
    for (int i = 0; i < params.n; i++) {
      if (params.values[i] != NULL) unflushed += strlen(params.values[i]);
    }
    lua_settop(L, top);
    progress->sent++;
    if (has_flag(L, progress->sent, "flush") && !dx_pq.PQsendFlushRequest(pg)) return false;
    if (unflushed >= FLUSH_EVERY) {
      unflushed = 0;
      dx_pg_flush(conn);
    }
  }
  if (progress->sent == progress->total && !conn->synced) {
    if (!dx_pq.PQpipelineSync(pg)) return false;
    conn->synced = true;
    dx_pg_flush(conn);
  }
  return true;
}

/* Pushes conn->result; the one before when that says the same, as of thousands of INSERTs. */
static void push_result(lua_State *L, struct pg_conn *conn, struct progress *progress)
{
  bool before = progress->plain;
  progress->plain = dx_pq.PQresultStatus(conn->result) == PGRES_COMMAND_OK;
  if (before && progress->plain) {
    lua_rawgeti(L, RESULTS, progress->received);
    lua_getfield(L, -1, "tag");
    bool same = strcmp(lua_tostring(L, -1), dx_pq.PQcmdStatus(conn->result)) == 0;
    lua_pop(L, same ? 1 : 2);
    if (same) return;
  }
  dx_pg_push_result(L, conn->result);
}

/* Turns conn->result into Lua values. on_result is the caller's code: it may raise, or close the
 * connection. */
static void receive(lua_State *L, struct pg_conn *conn, struct progress *progress)
{
  uint64_t now = uv_hrtime();
  double seconds = (double)(now - progress->last) / 1e9;
  progress->last = now;
  push_result(L, conn, progress);
  int index = ++progress->received;
  lua_rawseti(L, RESULTS, index);
  dx_pq.PQclear(conn->result);
  conn->result = NULL;
  if (lua_isnil(L, ON_RESULT)) return;
  lua_pushvalue(L, ON_RESULT);
  lua_pushinteger(L, index);
  lua_pushnumber(L, seconds);
  lua_rawgeti(L, RESULTS, index);
  lua_call(L, 3, 0);
}

enum outcome { MORE, COMPLETE, CLOSED };

static enum outcome take_results(lua_State *L, struct pg_conn *conn, struct progress *progress)
{
  PGconn *pg = conn->pg;
  int empty = 0;
  while (conn->lost ? dx_pq.PQstatus(pg) == CONNECTION_BAD : !dx_pq.PQisBusy(pg)) {
    PGresult *result = dx_pq.PQgetResult(pg);
    if (result == NULL) {
      /* One ends each statement; a second one means that nothing is under way. */
      if (++empty > 1) break;
      continue;
    }
    empty = 0;
    ExecStatusType status = dx_pq.PQresultStatus(result);
    if (status == PGRES_PIPELINE_SYNC) {
      dx_pq.PQclear(result);
      dx_pg_pipeline_end(conn);
      return COMPLETE;
    }
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
      dx_pq.PQclear(result);
      dx_pg_end_copy(conn, status);
      return COMPLETE;
    }
    bool good =
        status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
    if (!good || conn->failure != NULL) {
      if (conn->failure == NULL) {
        conn->failure = result;
      } else {
        dx_pq.PQclear(result);
      }
      continue;
    }
    conn->result = result;
    receive(L, conn, progress);
    if (dx_pg_still(L) == NULL) return CLOSED;
  }
  dx_pg_check(conn);
  return conn->lost ? COMPLETE : MORE;
}

static int pipeline_step(lua_State *L, int status, lua_KContext context)
{
  (void)status;
  struct pg_conn *conn = dx_pg_still(L);
  struct progress *progress = lua_touserdata(L, PROGRESS);
  if (conn == NULL) return dx_pg_fail_lost(L, NULL);
  if (conn->cancelled) return 0;
  enum outcome outcome = take_results(L, conn, progress);
  if (outcome == CLOSED) return dx_pg_fail_lost(L, NULL);
  if (outcome == COMPLETE) {
    if (conn->failure == NULL && !conn->lost) {
      lua_pushvalue(L, RESULTS);
      return 1;
    }
    dx_pg_fail_result(L, conn, conn->failure);
    /* All gave results: then it was the commit at the Sync that failed (a deferred constraint). */
    return progress->received < progress->total ? fail_at(L, progress->received + 1) : 2;
  }
  if (!conn->flushing && !send_statements(L, conn, progress)) {
    return dx_fail(L, "os", "the statements could not be sent (no memory)");
  }
  return dx_wait(L, &conn->wait, dx_pg_cancel_wait, pipeline_step, context);
}

static int pipeline_start(lua_State *L, int status, lua_KContext context)
{
  (void)status;
  struct pg_conn *conn = dx_pg_still(L);
  struct progress *progress = lua_touserdata(L, PROGRESS);
  if (conn == NULL || conn->lost) return dx_pg_fail_lost(L, conn);
  if (conn->cancelled) return 0;
  if (!dx_pg_settled(conn)) {
    return dx_wait(L, &conn->wait, dx_pg_cancel_wait, pipeline_start, context);
  }
  if (!dx_pq.PQenterPipelineMode(conn->pg)) return dx_pg_fail_lost(L, conn);
  conn->pipeline = conn->sent = true;
  conn->synced = conn->copied = false;
  progress->last = uv_hrtime();
  return pipeline_step(L, LUA_OK, context);
}

int dx_pg_pipeline(lua_State *L)
{
  struct pg_conn *conn = dx_pg_ready(L);
  luaL_checktype(L, STATEMENTS, LUA_TTABLE);
  if (!lua_isnoneornil(L, ON_RESULT)) luaL_checktype(L, ON_RESULT, LUA_TFUNCTION);
  lua_settop(L, ON_RESULT);
  if (conn == NULL || conn->lost) return dx_pg_fail_lost(L, conn);
  int total = (int)lua_rawlen(L, STATEMENTS);
  int failed = check_statements(L, total);
  if (failed != 0) return failed;
  lua_createtable(L, total, 0);
  if (total == 0) return 1;
  struct progress *progress = lua_newuserdatauv(L, sizeof *progress, 0);
  *progress = (struct progress){.total = total};
  dx_pg_begin(L, conn);
  return pipeline_start(L, LUA_OK, 0);
}
