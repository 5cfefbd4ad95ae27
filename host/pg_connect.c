/* pg.connect: an attempt on the thread pool. libpq may resolve names, try several addresses and
 * talk TLS in there, all of which can block. The attempt outlives a caller who has lost patience.
 */
#include "dixis.h"

#include "pg.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PG_ATTEMPT "dixis.pg.attempt"

enum { LOOK_UP_MS = 50, DEFAULT_TIMEOUT = 10 };

/* What the caller did not say. Files of the home folder must not decide where or how we connect,
 * and libpq takes "no such file" as "none". */
static const struct {
  const char *name, *value;
} defaults[] = {
    {"fallback_application_name", "dixis"},
    {"passfile", "/dev/null/none"},
    {"sslcert", "/dev/null/none"},
    {"sslrootcert", "/dev/null/none"},
    {"sslcrl", "/dev/null/none"},
    {"gssencmode", "disable"},
    {"keepalives_idle", "30"},
    {"keepalives_interval", "10"},
    {"keepalives_count", "3"},
    {"tcp_user_timeout", "60000"},
};
enum { DEFAULTS = sizeof defaults / sizeof *defaults };

struct attempt {
  uv_work_t work;
  uv_timer_t timer;
  struct dx_wait wait;
  PGconn *pg;
  char **names,
      **values; /* NULL-terminated, own copies; the values are wiped once libpq has them */
  char target[640];
  double timeout;
  int refs; /* the userdata, the work, the timer */
  bool timed_out;
  atomic_bool given_up; /* the worker shall stop */
};

static void values_wipe(struct attempt *attempt)
{
  for (char **value = attempt->values; value != NULL && *value != NULL; value++) {
    explicit_bzero(*value, strlen(*value));
  }
}

static void strings_free(char **strings)
{
  for (char **string = strings; string != NULL && *string != NULL; string++)
    free(*string);
  free(strings);
}

static void attempt_unref(struct attempt *attempt)
{
  if (--attempt->refs > 0) return;
  dx_pq.PQfinish(attempt->pg);
  values_wipe(attempt);
  strings_free(attempt->names);
  strings_free(attempt->values);
  free(attempt);
}

/* ---- The parameters ------------------------------------------------------------------------- */

/* Asked beforehand, because libpq's own complaint may repeat a value. */
static bool keyword_known(const char *name)
{
  static PQconninfoOption *options; /* the list of this libpq; lives as long as the library */
  if (options == NULL) options = dx_pq.PQconndefaults();
  for (PQconninfoOption *option = options; option != NULL && option->keyword != NULL; option++) {
    if (strcmp(option->keyword, name) == 0) return true;
  }
  return false;
}

static int fail_parameter(lua_State *L, const char *name, const char *what)
{
  return dx_fail(L, "usage", "the connection parameter \"%.60s\" %s", name, what);
}

/* 0, or the number of results of a failure. Counts what connect will pass on. */
static int check_params(lua_State *L, int *count)
{
  static const char *const required[] = {"dbname", "user"};
  *count = 0;
  lua_pushnil(L);
  while (lua_next(L, 1)) {
    luaL_argcheck(L, lua_type(L, -2) == LUA_TSTRING, 1, "parameters must have names");
    const char *name = lua_tostring(L, -2);
    if (lua_type(L, -1) != LUA_TSTRING && !lua_isinteger(L, -1)) {
      luaL_argerror(L, 1, lua_pushfstring(L, "\"%s\" must be a string or an integer", name));
    }
    size_t size;
    lua_pushvalue(L, -1); /* tolstring changes a number in place */
    const char *value = lua_tolstring(L, -1, &size);
    if (strlen(value) != size) return fail_parameter(L, name, "holds a zero byte");
    lua_pop(L, 1);
    if (!keyword_known(name)) return fail_parameter(L, name, "is not known");
    if (strcmp(name, "service") == 0) {
      return fail_parameter(L, name, "is not used: give host, port, dbname and user");
    }
    ++*count;
    lua_pop(L, 1);
  }
  /* The port is shown in messages; a URL cut in the wrong place may have put a password there. */
  if (lua_getfield(L, 1, "port") == LUA_TSTRING &&
      lua_tostring(L, -1)[strspn(lua_tostring(L, -1), "0123456789,")] != '\0') {
    return fail_parameter(L, "port", "is not a number");
  }
  lua_pop(L, 1);
  for (size_t i = 0; i < sizeof required / sizeof *required; i++) {
    if (lua_getfield(L, 1, required[i]) == LUA_TNIL) {
      return fail_parameter(L, required[i], "is missing");
    }
    lua_pop(L, 1);
  }
  if (lua_getfield(L, 1, "host") == LUA_TNIL && lua_getfield(L, 1, "hostaddr") == LUA_TNIL) {
    return fail_parameter(L, "host", "is missing");
  }
  lua_settop(L, 2);
  return 0;
}

static double read_timeout(lua_State *L)
{
  lua_getfield(L, 1, "connect_timeout");
  lua_Number asked = lua_tonumber(L, -1);
  lua_pop(L, 1);
  lua_Number timeout = luaL_optnumber(L, 2, asked > 0 ? asked : DEFAULT_TIMEOUT);
  luaL_argcheck(L, timeout > 0 && timeout < 1e6, 2, "seconds out of range");
  return timeout;
}

static void add(lua_State *L, struct attempt *attempt, int *at, const char *name, const char *value)
{
  char *own_name = strdup(name), *own_value = strdup(value);
  if (own_name == NULL || own_value == NULL) {
    free(own_name);
    free(own_value);
    luaL_error(L, "not enough memory");
  }
  attempt->names[*at] = own_name;
  attempt->values[(*at)++] = own_value;
}

static void copy_params(lua_State *L, struct attempt *attempt, int count)
{
  attempt->names = calloc((size_t)count + DEFAULTS + 2, sizeof *attempt->names);
  attempt->values = calloc((size_t)count + DEFAULTS + 2, sizeof *attempt->values);
  if (attempt->names == NULL || attempt->values == NULL) luaL_error(L, "not enough memory");
  int at = 0;
  lua_pushnil(L);
  while (lua_next(L, 1)) {
    add(L, attempt, &at, lua_tostring(L, -2), lua_tostring(L, -1));
    lua_pop(L, 1);
  }
  for (int i = 0; i < DEFAULTS; i++) {
    if (lua_getfield(L, 1, defaults[i].name) == LUA_TNIL) {
      add(L, attempt, &at, defaults[i].name, defaults[i].value);
    }
    lua_pop(L, 1);
  }
  add(L, attempt, &at, "client_encoding", "UTF8");
}

/* Leaves the strings on the stack, which holds them for a moment. */
static const char *text_of(lua_State *L, const char *name, const char *fallback)
{
  return lua_getfield(L, 1, name) == LUA_TNIL ? fallback : lua_tostring(L, -1);
}

static void describe_target(lua_State *L, struct attempt *attempt)
{
  int top = lua_gettop(L);
  const char *host = text_of(L, "host", NULL), *port = text_of(L, "port", "5432");
  if (host == NULL || host[0] == '\0') host = text_of(L, "hostaddr", "localhost");
  snprintf(attempt->target, sizeof attempt->target,
           "database \"%.128s\" at %.255s%s%.32s as user \"%.128s\"", text_of(L, "dbname", ""),
           host, host[0] == '/' ? "/.s.PGSQL." : ":", port, text_of(L, "user", ""));
  lua_settop(L, top);
}

/* ---- The attempt ---------------------------------------------------------------------------- */

static void ignore_notice(void *data, const PGresult *result)
{
  (void)data, (void)result;
}

static void attempt_make(struct attempt *attempt)
{
  if (atomic_load(&attempt->given_up)) return;
  PGconn *pg = dx_pq.PQconnectStartParams((const char *const *)attempt->names,
                                          (const char *const *)attempt->values, 0);
  values_wipe(attempt);
  attempt->pg = pg;
  if (pg == NULL || dx_pq.PQstatus(pg) == CONNECTION_BAD) return;
  dx_pq.PQsetNoticeReceiver(pg, ignore_notice, NULL);
  dx_pq.PQsetErrorVerbosity(pg, PQERRORS_VERBOSE); /* puts the SQLSTATE into the text */
  PostgresPollingStatusType want = PGRES_POLLING_WRITING;
  while (want != PGRES_POLLING_OK && want != PGRES_POLLING_FAILED) {
    struct pollfd fd = {dx_pq.PQsocket(pg), want == PGRES_POLLING_READING ? POLLIN : POLLOUT, 0};
    int ready = poll(&fd, 1, LOOK_UP_MS);
    if (atomic_load(&attempt->given_up)) return;
    if (ready < 0 && errno != EINTR) return;
    if (ready > 0) want = dx_pq.PQconnectPoll(pg);
  }
}

/* On the thread pool. */
static void attempt_work(uv_work_t *work)
{
  attempt_make(work->data);
  dx_libpq_thread_end();
}

static void timer_closed(uv_handle_t *handle)
{
  attempt_unref(handle->data);
}

static void attempt_end(struct attempt *attempt)
{
  uv_timer_stop(&attempt->timer);
  dx_wake(&attempt->wait);
}

static void attempt_done(uv_work_t *work, int status)
{
  (void)status;
  struct attempt *attempt = work->data;
  uv_close((uv_handle_t *)&attempt->timer, timer_closed);
  attempt_end(attempt);
  attempt_unref(attempt);
}

static void attempt_timed_out(uv_timer_t *timer)
{
  struct attempt *attempt = timer->data;
  attempt->timed_out = true;
  atomic_store(&attempt->given_up, true);
  attempt_end(attempt);
}

static void attempt_cancel(struct dx_wait *wait)
{
  struct attempt *attempt = (struct attempt *)((char *)wait - offsetof(struct attempt, wait));
  atomic_store(&attempt->given_up, true);
  attempt_end(attempt);
}

static int attempt_gc(lua_State *L)
{
  struct attempt **holder = lua_touserdata(L, 1);
  if (*holder == NULL) return 0;
  atomic_store(&(*holder)->given_up, true);
  attempt_unref(*holder);
  *holder = NULL;
  return 0;
}

/* 1 params, 2 timeout, 3 attempt, 4 handle. */
static int connected(lua_State *L, int status, lua_KContext context)
{
  (void)status, (void)context;
  struct attempt *attempt = *(struct attempt **)lua_touserdata(L, 3);
  struct pg_handle *handle = lua_touserdata(L, 4);
  if (attempt->timed_out) {
    return dx_fail(L, "unreachable", "cannot connect to %s: no answer within %.3g s",
                   attempt->target, attempt->timeout);
  }
  if (atomic_load(&attempt->given_up)) return 0;
  if (attempt->pg == NULL) return dx_fail(L, "os", "cannot connect: no memory");
  if (dx_pq.PQstatus(attempt->pg) != CONNECTION_OK) {
    return dx_pg_fail_connect(L, dx_pq.PQerrorMessage(attempt->pg), attempt->target,
                              attempt->names);
  }
  handle->conn = dx_pg_conn_new(attempt->pg);
  if (handle->conn == NULL) return dx_fail(L, "os", "cannot connect: no memory");
  attempt->pg = NULL;
  lua_pushvalue(L, 4);
  return 1;
}

/* Pushes a closed handle with its guard. */
static void push_handle(lua_State *L)
{
  struct pg_handle *handle = lua_newuserdatauv(L, sizeof *handle, 1);
  handle->conn = NULL;
  luaL_setmetatable(L, PG_HANDLE);
  struct pg_handle **guard = lua_newuserdatauv(L, sizeof *guard, 1);
  *guard = handle;
  lua_pushvalue(L, -2);
  lua_setiuservalue(L, -2, 1);
  luaL_setmetatable(L, PG_GUARD);
  lua_setiuservalue(L, -2, 1);
}

int dx_pg_connect(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 2);
  dx_check_wait(L);
  double timeout = read_timeout(L);
  const char *problem = dx_libpq_load();
  if (problem != NULL) {
    dx_fail(L, "os", "%s", problem);
    dx_field(L, "hint", "apt-get install libpq5");
    return 2;
  }
  int count;
  int failed = check_params(L, &count);
  if (failed != 0) return failed;

  struct attempt **holder = lua_newuserdatauv(L, sizeof *holder, 0);
  *holder = NULL;
  luaL_setmetatable(L, PG_ATTEMPT);
  push_handle(L);
  struct attempt *attempt = *holder = calloc(1, sizeof *attempt);
  if (attempt == NULL) return luaL_error(L, "not enough memory");
  attempt->refs = 1;
  attempt->timeout = timeout;
  copy_params(L, attempt, count);
  describe_target(L, attempt);
  attempt->work.data = attempt->timer.data = attempt;
  int code = uv_queue_work(dx_loop(), &attempt->work, attempt_work, attempt_done);
  if (code != 0) return dx_fail_os(L, code, "connect");
  uv_timer_init(dx_loop(), &attempt->timer);
  attempt->refs += 2;
  uv_update_time(dx_loop());
  uv_timer_start(&attempt->timer, attempt_timed_out, (uint64_t)(timeout * 1000), 0);
  return dx_wait(L, &attempt->wait, attempt_cancel, connected, 0);
}

void dx_pg_connect_types(lua_State *L)
{
  static const luaL_Reg none[] = {{NULL, NULL}};
  dx_handle_type(L, PG_ATTEMPT, none, attempt_gc);
}
