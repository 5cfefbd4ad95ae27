/* What loop.c (running tasks) and task.c (the module host.task) share. */
#ifndef DIXIS_TASK_H
#define DIXIS_TASK_H

#include "dixis.h"

#define TASK_TYPE "dixis.task"

struct dx_task {
  lua_State *co;                 /* anchored by the userdata's user value */
  struct dx_task *next;          /* in the run queue */
  struct dx_task *older, *newer; /* among the live ones */
  struct dx_wait *waiting;       /* what it is parked on */
  struct dx_wait *joiners;
  uv_timer_t *deadline;
  int self_ref;  /* keeps the userdata while the task lives */
  int error_ref; /* what a cancelled task raises */
  int nargs;
  int shield;
  bool queued;
  bool done;
  bool failed;
  bool cancelled;      /* the hook is planted */
  bool cancel_pending; /* asked for while shielded */
};

/* The task that a coroutine belongs to; NULL outside any task. */
struct dx_task *dx_task_of(lua_State *L);

/* Makes a task of the function and its arguments, the top 1 + nargs values; leaves the userdata.
 * Raises when there is no memory. */
struct dx_task *dx_task_new(lua_State *L, int nargs);

/* Cancels with the error on top of L's stack, and takes it. Raises when there is no memory. */
void dx_task_cancel(lua_State *L, struct dx_task *task);

/* Cancels from a libuv callback, where nothing may raise: the error is made from kind and message,
 * and is Lua's own "not enough memory" when there is none for it. signal may be NULL. */
void dx_task_cancel_with(struct dx_task *task, const char *kind, const char *message,
                         const char *signal);

/* Plants the hook that raises the task's error at every instruction. */
void dx_task_stop(struct dx_task *task);

/* Makes it runnable; does nothing when it is queued or done. */
void dx_task_enqueue(struct dx_task *task);

/* Pushes why it was cancelled; for want of memory, that there is none. */
void dx_task_push_cause(lua_State *L, const struct dx_task *task);

void dx_task_stop_deadline(struct dx_task *task);

/* The function that signals are given to, in a task of its own; LUA_NOREF for none. */
void dx_loop_set_handler(lua_State *L, int ref);

#endif
