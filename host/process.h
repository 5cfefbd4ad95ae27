/* What the files of host.process share: reading the options (process_options.c), starting a child
 * (process_spawn.c, knows no Lua) and what a process knows of itself (process_self.c). */
#ifndef DIXIS_PROCESS_H
#define DIXIS_PROCESS_H

#include "dixis.h"

#include <sys/types.h>

enum { SPAWN_MAX_GROUPS = 64 };

/* How a child is to be started. All pointers belong to the caller. */
struct spawn {
  const char *file;
  char *const *argv;
  char *const *envp;
  const char *cwd;
  const char *stdout_path; /* stdout and stderr are appended to it; NULL: two pipes */
  const char *secret;      /* becomes fd 3 of the child; NULL: none */
  size_t secret_size;
  bool stdin_pipe;  /* otherwise /dev/null */
  int death_signal; /* sent when this process is gone; 0: none */
  bool change_user;
  uid_t uid;
  gid_t gid;
  gid_t groups[SPAWN_MAX_GROUPS];
  int ngroups;
};

/* What became of it. The descriptors are ours, close-on-exec; -1 where there is no pipe. */
struct spawned {
  pid_t pid;
  int in, out, err;
  const char *failed; /* what could not be done, when spawn_child gave an error */
};

/* Starts the child in a session of its own: it has no controlling terminal, so Ctrl-C does not
 * reach it and it cannot ask there. Returns 0 or a negative errno; also when exec itself failed. */
int spawn_child(const struct spawn *spawn, struct spawned *child);

/* The arguments of run and start. */
struct options {
  struct spawn spawn;
  const char *input;
  size_t input_size;
  size_t max_output;
  double timeout; /* seconds; 0: none */
  bool keep_stdin;
  bool leave_running; /* closing the handle does not kill */
  bool on_output;     /* field on_output of the table is a function */
};

/* Reads the argument list at 1 and the options at 2. What it points to stays on Lua's stack above
 * them. Misuse raises; false: nil and an error are on top. */
bool options_read(lua_State *L, struct options *options);

/* The number of "TERM" or "SIGTERM"; 0 when there is none of that name. */
int process_signal(const char *name);

/* Pushes the absolute path of the program found in `path` (a PATH), or of one with a slash;
 * returns NULL and pushes nothing when there is none that can be executed. */
const char *process_find(lua_State *L, const char *program, const char *path);

/* Absolute path of this binary, or "" when the system does not tell. */
const char *process_executable(void);

/* which, getenv, user, ... into the table on top of the stack. */
void process_add_self(lua_State *L);

#endif
