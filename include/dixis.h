/* The contract between the host and its primitives.
 *
 * A primitive is one file host/prim_<x>.c with one luaopen_host_<x>, listed in host/modules.c.
 * Misuse by the programmer raises (luaL_argerror and friends); a failure of the outside world
 * returns nil, err where err is made by dx_fail. A primitive that must wait starts its work,
 * then does `return dx_wait(...)`: the loop runs other tasks until somebody calls dx_wake.
 */
#ifndef DIXIS_H
#define DIXIS_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#ifndef DIXIS_VERSION
#define DIXIS_VERSION "0.0.0"
#endif

/* ---- Errors ------------------------------------------------------------------------------- */

/* Pushes nil and an error table { kind, message } (metatable with __tostring) and returns 2, so
 * that a primitive ends with `return dx_fail(...)`. The table is on top of the stack: dx_field
 * and dx_field_int add to it. The message never holds a secret; the caller sees to that. */
int dx_fail(lua_State *L, const char *kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Pushes only the error table; for errors that are raised or stored. */
void dx_push_error(lua_State *L, const char *kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* dx_fail for a libuv or errno code (negative, as libuv reports it): kind "os", with err.code set
 * to the symbolic name ("ENOENT"). what says what was being done, e.g. "open spec/x". */
int dx_fail_os(lua_State *L, int uv_code, const char *what);

/* Set a field of the error table on top of the stack. A NULL value is left out. */
void dx_field(lua_State *L, const char *name, const char *value);
void dx_field_int(lua_State *L, const char *name, lua_Integer value);

/* ---- Waiting ------------------------------------------------------------------------------ */

struct dx_task;

/* One pending wait, embedded in the operation that is waited for. The operation must stay in
 * memory until dx_wake was called for it or dx_wait_abandoned(wait) is true: anchor it in a
 * userdata on the waiting function's stack, or let the completion callback free it. */
struct dx_wait {
  struct dx_task *task;                 /* who waits; NULL when nobody does (any more) */
  void (*cancel)(struct dx_wait *wait); /* told to finish early; NULL: cannot be hurried */
  struct dx_wait *next;                 /* belongs to the loop */
};

/* Raises if the running coroutine cannot wait (not a task, a C call in between, cancelled).
 * Call it before acquiring anything, so that a wait that is started can always be finished. */
void dx_check_wait(lua_State *L);

/* Suspends the running task until dx_wake(wait); then `done` is called with `context` on the same
 * stack and returns the results. Use only as `return dx_wait(...)`. `cancel` may be called once,
 * from the loop, when the task is cancelled; it must lead to dx_wake now or later, and what the
 * continuation then returns is discarded. */
int dx_wait(lua_State *L, struct dx_wait *wait, void (*cancel)(struct dx_wait *),
            lua_KFunction done, lua_KContext context);

/* Makes the waiting task runnable. Does nothing when nobody waits. Never resumes by itself, so it
 * is safe in any libuv callback. */
void dx_wake(struct dx_wait *wait);

/* True when nobody waits for it any more (the task was closed): the operation is the callback's
 * to free. */
bool dx_wait_abandoned(const struct dx_wait *wait);

/* The one loop. Handles live in malloc'd memory that their close callback frees: userdata may be
 * collected while libuv still closes the handle. */
uv_loop_t *dx_loop(void);

/* ---- Handles ------------------------------------------------------------------------------ */

/* Creates the metatable `name` with `methods` as __index, and __gc and __close both `close`
 * (idempotent, never waits). Leaves nothing on the stack. */
void dx_handle_type(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction close);

/* ---- Reading options from a table argument ------------------------------------------------- */

/* Field `name` of the table at `arg`, or the given default when it is nil; a wrong type raises an
 * argument error that names the field. The string is owned by the table. */
const char *dx_opt_string(lua_State *L, int arg, const char *name, const char *fallback);
lua_Number dx_opt_number(lua_State *L, int arg, const char *name, lua_Number fallback);
bool dx_opt_boolean(lua_State *L, int arg, const char *name, bool fallback);

/* ---- The host ------------------------------------------------------------------------------ */

/* A Lua state with libraries, strict globals and a memory cap; `full` opens io, os, package paths
 * and debug too (for `dixis spec`). NULL when there is no memory. Freed with lua_close. */
lua_State *dx_state_new(bool full);

/* Call dx_loop_init before the state is made and dx_loop_close after lua_close: handles that Lua
 * collects last are closed in between. */
void dx_loop_init(void);
void dx_loop_close(void);

/* Runs function + nargs on top of L's stack as the main task until it ends; tasks that are left
 * over are cancelled. True: its first result is on the stack; false: its error is. The only place
 * that calls lua_resume is below it. */
bool dx_loop_run(lua_State *L, int nargs);

/* The first signal that came to end the run (SIGINT, SIGTERM), or 0. */
int dx_loop_signal(void);

int luaopen_host_task(lua_State *L);

/* Registers every primitive in package.preload (host/modules.c). */
void dx_modules_preload(lua_State *L);

/* Adds the searcher of the embedded Lua library (host/embed.c). */
void dx_embed_searcher(lua_State *L);

#endif
