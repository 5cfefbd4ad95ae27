/* host.pg: PostgreSQL by libpq. Waits: connect, query, script, pipeline, rows and their iterator,
 * cancel. Raises: misuse, and rows its failures. pg.h tells how the files fit together. */
#include "dixis.h"

#include "pg.h"

int luaopen_host_pg(lua_State *L);

static struct pg_handle *handle_check(lua_State *L)
{
  return luaL_checkudata(L, 1, PG_HANDLE);
}

/* What libpq remembers of a connection can be asked until it is closed. */
static struct pg_conn *open_check(lua_State *L)
{
  struct pg_conn *conn = handle_check(L)->conn;
  if (conn == NULL) luaL_argerror(L, 1, "the connection is closed");
  return conn;
}

static int conn_close(lua_State *L)
{
  struct pg_handle *handle = lua_touserdata(L, 1);
  struct pg_conn *conn = handle->conn;
  handle->conn = NULL;
  if (conn != NULL) dx_pg_conn_close(conn);
  return 0;
}

static int conn_close_method(lua_State *L)
{
  handle_check(L);
  return conn_close(L);
}

static const char *status_name(const struct pg_conn *conn)
{
  if (conn == NULL || conn->lost) return "closed";
  if (conn->busy || conn->draining) return "active";
  switch (dx_pq.PQtransactionStatus(conn->pg)) {
  case PQTRANS_IDLE:
    return "idle";
  case PQTRANS_ACTIVE:
    return "active";
  case PQTRANS_INTRANS:
    return "transaction";
  case PQTRANS_INERROR:
    return "failed";
  default:
    return "closed";
  }
}

static int conn_status(lua_State *L)
{
  lua_pushstring(L, status_name(handle_check(L)->conn));
  return 1;
}

static int cancel_told(lua_State *L, int status, lua_KContext context)
{
  (void)status, (void)context;
  struct pg_conn *conn = dx_pg_still(L);
  if (conn == NULL) return dx_pg_fail_lost(L, NULL);
  if (conn->cancel_failed) {
    return dx_fail(L, "unreachable", "the request to cancel did not reach %s", conn->where);
  }
  lua_pushboolean(L, true);
  return 1;
}

static void cancel_wait_cancel(struct dx_wait *wait)
{
  dx_wake(wait);
}

static int conn_cancel(lua_State *L)
{
  struct pg_conn *conn = handle_check(L)->conn;
  if (conn == NULL || conn->lost) return dx_pg_fail_lost(L, conn);
  if (conn->cancel_wait.task != NULL) {
    return luaL_error(L, "another task is cancelling the statement");
  }
  dx_check_wait(L);
  lua_settop(L, 1);
  if (conn->sent && conn->cancels == 0) dx_pg_request_cancel(conn);
  if (conn->cancels == 0) {
    lua_pushboolean(L, true); /* nothing runs */
    return 1;
  }
  return dx_wait(L, &conn->cancel_wait, cancel_wait_cancel, cancel_told, 0);
}

static int conn_notices(lua_State *L)
{
  struct pg_conn *conn = handle_check(L)->conn;
  lua_newtable(L);
  if (conn == NULL) return 1;
  int n = 0;
  for (const struct pg_notice *notice = conn->notices; notice != NULL; notice = notice->next) {
    lua_createtable(L, 0, 3);
    dx_field(L, "severity", notice->severity);
    dx_field(L, "sqlstate", notice->sqlstate);
    dx_field(L, "message", notice->message);
    lua_rawseti(L, -2, ++n);
  }
  dx_pg_notices_clear(conn);
  return 1;
}

static int conn_parameter(lua_State *L)
{
  struct pg_conn *conn = open_check(L);
  lua_pushstring(L, dx_pq.PQparameterStatus(conn->pg, luaL_checkstring(L, 2)));
  return 1;
}

static int conn_server_version(lua_State *L)
{
  lua_pushinteger(L, dx_pq.PQserverVersion(open_check(L)->pg));
  return 1;
}

static int conn_backend_pid(lua_State *L)
{
  lua_pushinteger(L, dx_pq.PQbackendPID(open_check(L)->pg));
  return 1;
}

static int conn_info(lua_State *L)
{
  PGconn *pg = open_check(L)->pg;
  bool tls = dx_pq.PQsslInUse(pg) != 0;
  lua_createtable(L, 0, 6);
  dx_field(L, "host", dx_pq.PQhost(pg));
  dx_field(L, "port", dx_pq.PQport(pg));
  dx_field(L, "database", dx_pq.PQdb(pg));
  dx_field(L, "user", dx_pq.PQuser(pg));
  dx_field(L, "tls_version", tls ? dx_pq.PQsslAttribute(pg, "protocol") : NULL);
  lua_pushboolean(L, tls);
  lua_setfield(L, -2, "tls");
  return 1;
}

int luaopen_host_pg(lua_State *L)
{
  static const luaL_Reg methods[] = {
      {"query", dx_pg_query},
      {"script", dx_pg_script},
      {"pipeline", dx_pg_pipeline},
      {"rows", dx_pg_rows},
      {"status", conn_status},
      {"cancel", conn_cancel},
      {"notices", conn_notices},
      {"parameter", conn_parameter},
      {"server_version", conn_server_version},
      {"backend_pid", conn_backend_pid},
      {"info", conn_info},
      {"close", conn_close_method},
      {NULL, NULL},
  };
  dx_handle_type(L, PG_HANDLE, methods, conn_close);
  dx_pg_query_types(L);
  dx_pg_connect_types(L);
  static const luaL_Reg functions[] = {{"connect", dx_pg_connect}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
