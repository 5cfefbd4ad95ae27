/* host.process: programs run beside us, and the process itself. Waits: run, Handle:wait,
 * Handle:read_line. Fails: "not_found", "os", "deadline". Raises: misuse. */
#include "process_child.h"

#include <errno.h>
#include <string.h>

int luaopen_host_process(lua_State *L);

#define CHILD_TYPE "dixis.process"

/* Where to find things on the Lua stack of a waiting function. */
enum { AT_HANDLE = 1, AT_ON_OUTPUT = 2 };

struct handle {
  struct child *child; /* NULL: closed */
  pid_t pid;
};

static int handle_close(lua_State *L)
{
  struct handle *handle = luaL_checkudata(L, 1, CHILD_TYPE);
  struct child *child = handle->child;
  handle->child = NULL;
  if (child != NULL) child_abandon(child);
  return 0;
}

/* ---- Starting ------------------------------------------------------------------------------ */

static int fail_start(lua_State *L, int error, const struct spawned *spawned, const char *program)
{
  if (error == -ENOENT && strcmp(spawned->failed, "execute the program") == 0) {
    return dx_fail(L, "not_found", "there is no program '%s'", program);
  }
  return dx_fail_os(L, error, lua_pushfstring(L, "%s: could not %s", program, spawned->failed));
}

/* Pushes the handle and returns true, or pushes nil and an error. Nothing in Lua may fail between
 * the child's birth and its place in the handle. */
static bool handle_start(lua_State *L)
{
  struct options options;
  if (!options_read(L, &options)) return false;
  struct handle *handle = lua_newuserdatauv(L, sizeof *handle, 1);
  handle->child = NULL;
  luaL_setmetatable(L, CHILD_TYPE);
  if (options.on_output) {
    lua_getfield(L, 2, "on_output");
    lua_setiuservalue(L, -2, 1);
  }
  struct child *child = child_new(&options);
  if (child == NULL) return luaL_error(L, "not enough memory");
  struct spawned spawned;
  int error = spawn_child(&options.spawn, &spawned);
  if (error != 0) {
    child_free(child);
    fail_start(L, error, &spawned, options.spawn.argv[0]);
    return false;
  }
  handle->child = child;
  handle->pid = spawned.pid;
  child_open(child, &spawned);
  return true;
}

/* ---- Waiting ------------------------------------------------------------------------------- */

static struct child *check_child(lua_State *L)
{
  struct handle *handle = luaL_checkudata(L, 1, CHILD_TYPE);
  if (handle->child == NULL) luaL_error(L, "the process handle is closed");
  return handle->child;
}

static void push_result(lua_State *L, const struct child *child)
{
  lua_createtable(L, 0, 6);
  if (child->status.si_code == CLD_EXITED) {
    lua_pushinteger(L, child->status.si_status);
    lua_setfield(L, -2, "code");
  } else {
    const char *name = sigabbrev_np(child->status.si_status);
    lua_pushfstring(L, "SIG%s", name != NULL ? name : "?");
    lua_setfield(L, -2, "signal");
  }
  stream_push(L, &child->out);
  lua_setfield(L, -2, "stdout");
  stream_push(L, &child->err);
  lua_setfield(L, -2, "stderr");
  lua_pushboolean(L, stream_truncated(&child->out) || stream_truncated(&child->err));
  lua_setfield(L, -2, "truncated");
  lua_pushnumber(L, (lua_Number)(child->ended_at - child->started) / 1e9);
  lua_setfield(L, -2, "seconds");
}

static int wait_result(lua_State *L, const struct child *child)
{
  if (!child->timed_out) {
    push_result(L, child);
    return 1;
  }
  dx_fail(L, "deadline", "not finished within %.3g s", child->timeout);
  push_result(L, child);
  lua_setfield(L, -2, "result");
  return 2;
}

/* Waiting for the end of one's own program: a cancelled task takes the program along. */
static void run_cancel(struct dx_wait *wait)
{
  struct child *child = (struct child *)((char *)wait - offsetof(struct child, wait));
  stream_let_go(&child->out);
  stream_let_go(&child->err);
  child_terminate(child);
}

static void simple_cancel(struct dx_wait *wait)
{
  dx_wake(wait);
}

/* context: whether a cancellation ends the program. */
static int wait_step(lua_State *L, int status, lua_KContext context)
{
  (void)status;
  struct child *child = check_child(L);
  lua_settop(L, AT_ON_OUTPUT);
  for (;;) {
    struct stream *stream = stream_pending(&child->out) ? &child->out : &child->err;
    if (!stream_pending(stream)) break;
    lua_pushvalue(L, AT_ON_OUTPUT);
    lua_pushstring(L, stream == &child->out ? "stdout" : "stderr");
    stream_take(L, stream);
    lua_callk(L, 2, 0, context, wait_step);
    child = check_child(L);
  }
  if (child->ended) return wait_result(L, child);
  dx_check_wait(L); /* woken by a cancellation */
  return dx_wait(L, &child->wait, context != 0 ? run_cancel : simple_cancel, wait_step, context);
}

static int process_run(lua_State *L)
{
  lua_settop(L, 2);
  dx_check_wait(L);
  if (!handle_start(L)) return 2;
  lua_replace(L, AT_HANDLE);
  lua_settop(L, 1);
  lua_getiuservalue(L, AT_HANDLE, 1);
  lua_toclose(L, AT_HANDLE); /* an error in on_output must not leave the program behind */
  return wait_step(L, LUA_OK, 1);
}

static int process_start(lua_State *L)
{
  lua_settop(L, 2);
  return handle_start(L) ? 1 : 2;
}

static int handle_wait(lua_State *L)
{
  struct child *child = check_child(L);
  lua_settop(L, 1);
  if (!child->ended || child->out.hold) dx_check_wait(L);
  if (!dx_wait_abandoned(&child->wait)) return luaL_error(L, "somebody else waits for it already");
  lua_getiuservalue(L, AT_HANDLE, 1);
  return wait_step(L, LUA_OK, 0);
}

static void line_too_late(uv_timer_t *timer)
{
  struct child *child = timer->data;
  child->line_late = true;
  dx_wake(&child->line);
}

static int line_step(lua_State *L, int status, lua_KContext context)
{
  (void)status;
  struct child *child = check_child(L);
  if (stream_line(L, &child->out)) {
    uv_timer_stop(&child->line_timer);
    return 1;
  }
  if (!child->out.open) {
    uv_timer_stop(&child->line_timer);
    lua_pushnil(L);
    return 1;
  }
  if (child->line_late) {
    child->line_late = false;
    return dx_fail(L, "deadline", "no line of output within %.3g s", luaL_optnumber(L, 2, 0));
  }
  dx_check_wait(L);
  return dx_wait(L, &child->line, simple_cancel, line_step, context);
}

static int handle_read_line(lua_State *L)
{
  struct child *child = check_child(L);
  lua_Number timeout = luaL_optnumber(L, 2, 0);
  luaL_argcheck(L, timeout >= 0 && timeout < 1e9, 2, "seconds out of range");
  dx_check_wait(L);
  if (!dx_wait_abandoned(&child->line)) return luaL_error(L, "somebody else reads lines already");
  child->line_late = false;
  if (timeout > 0) {
    uv_update_time(dx_loop());
    uv_timer_start(&child->line_timer, line_too_late, (uint64_t)(timeout * 1000), 0);
  } else {
    uv_timer_stop(&child->line_timer);
  }
  return line_step(L, LUA_OK, 0);
}

/* ---- The other methods --------------------------------------------------------------------- */

static int handle_kill(lua_State *L)
{
  struct child *child = check_child(L);
  int signo = process_signal(luaL_checkstring(L, 2));
  luaL_argcheck(L, signo != 0, 2, "no signal of that name");
  lua_pushboolean(L, !child->exited && kill(-child->pid, signo) == 0);
  return 1;
}

static int handle_running(lua_State *L)
{
  struct handle *handle = luaL_checkudata(L, 1, CHILD_TYPE);
  lua_pushboolean(L, handle->child != NULL && !handle->child->exited);
  return 1;
}

static int handle_close_stdin(lua_State *L)
{
  struct handle *handle = luaL_checkudata(L, 1, CHILD_TYPE);
  if (handle->child != NULL) child_close_in(handle->child);
  return 0;
}

/* The field pid; all else is a method (upvalue 1). */
static int handle_index(lua_State *L)
{
  const char *name = lua_tostring(L, 2);
  if (name != NULL && strcmp(name, "pid") == 0) {
    lua_pushinteger(L, ((struct handle *)luaL_checkudata(L, 1, CHILD_TYPE))->pid);
  } else {
    lua_pushvalue(L, 2);
    lua_gettable(L, lua_upvalueindex(1));
  }
  return 1;
}

int luaopen_host_process(lua_State *L)
{
  static const luaL_Reg methods[] = {
      {"wait", handle_wait},
      {"kill", handle_kill},
      {"running", handle_running},
      {"close", handle_close},
      {"close_stdin", handle_close_stdin},
      {"read_line", handle_read_line},
      {NULL, NULL},
  };
  static const luaL_Reg functions[] = {
      {"run", process_run}, {"start", process_start}, {NULL, NULL}};
  dx_handle_type(L, CHILD_TYPE, methods, handle_close);
  luaL_getmetatable(L, CHILD_TYPE);
  lua_getfield(L, -1, "__index");
  lua_pushcclosure(L, handle_index, 1);
  lua_setfield(L, -2, "__index");
  luaL_newlib(L, functions);
  process_add_self(L);
  return 1;
}
