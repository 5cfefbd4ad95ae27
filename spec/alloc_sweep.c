/* dixis-sweep: runs each snippet of spec/alloc/ as a task again and again, and lets the first, the
 * second, the third ... allocation of the Lua state fail. Each time it must end with a result or an
 * error, leave no libuv handle open, and leak nothing (which the sanitizer build sees).
 *
 *   dixis-sweep spec/alloc/x.lua...            all N
 *   dixis-sweep -n N spec/alloc/x.lua          one N, with the stack of what failed
 */
#include "dixis.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef DIXIS_SANITIZE
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif

/* How long one round may take before it counts as hanging, and how long of it what was closed or
 * killed may take to be gone: a busy machine is slow to take a killed process apart. */
static const int round_seconds = 60;
static const int end_seconds = 30;

/* A snippet is given up after this many bad rounds: it would never get to its end. */
static const int most_bad = 20;

/* Allocation number fail_at fails, and so does Lua's second try after an emergency collection. */
struct scarcity {
  lua_Alloc alloc;
  void *ud;
  long count, fail_at;
  bool failed, retry;
  void *retry_block;
  size_t retry_size;
};

static char doing[PATH_MAX + 64]; /* what the watchdog reports */
static timer_t watchdog;
static bool verbose;

static void print_stack(void)
{
#ifdef DIXIS_SANITIZE
  __sanitizer_print_stack_trace();
#endif
}

static void *scarce_alloc(void *ud, void *block, size_t old_size, size_t new_size)
{
  struct scarcity *scarcity = ud;
  if (new_size == 0 || (block != NULL && new_size <= old_size)) {
    return scarcity->alloc(scarcity->ud, block, old_size, new_size);
  }
  bool second_try =
      scarcity->retry && scarcity->retry_block == block && scarcity->retry_size == new_size;
  scarcity->retry = false;
  if (second_try) return NULL;
  if (++scarcity->count == scarcity->fail_at) {
    scarcity->failed = scarcity->retry = true;
    scarcity->retry_block = block;
    scarcity->retry_size = new_size;
    if (verbose) print_stack();
    return NULL;
  }
  return scarcity->alloc(scarcity->ud, block, old_size, new_size);
}

static void round_hangs(int signo)
{
  (void)signo;
  static const char text[] = ": hangs\n";
  ssize_t ignored = write(STDERR_FILENO, doing, strlen(doing));
  ignored = write(STDERR_FILENO, text, sizeof text - 1);
  (void)ignored;
  abort();
}

static void watch(int seconds)
{
  timer_settime(watchdog, 0, &(struct itimerspec){.it_value.tv_sec = seconds}, NULL);
}

static int remove_entry(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
  (void)stat, (void)type;
  return ftw->level > 0 ? remove(path) : 0;
}

static void empty_folder(const char *path)
{
  nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void count_handle(uv_handle_t *handle, void *ud)
{
  int *count = ud;
  if (handle->type != UV_ASYNC) (*count)++; /* the loop's own one */
}

static void name_handle(uv_handle_t *handle, void *ud)
{
  (void)ud;
  if (handle->type == UV_ASYNC) return;
  fprintf(stderr, "  a %s handle is left %s\n", uv_handle_type_name(handle->type),
          uv_is_closing(handle) ? "closing" : "open");
}

/* Closed handles, killed children and jobs on the thread pool get time to end. */
static bool loop_empties(void)
{
  int handles = 0;
  uint64_t give_up = uv_hrtime() + (uint64_t)end_seconds * 1000000000;
  while (uv_hrtime() < give_up) {
    uv_run(dx_loop(), UV_RUN_NOWAIT);
    handles = 0;
    uv_walk(dx_loop(), count_handle, &handles);
    if (handles == 0 && dx_loop()->active_reqs.count == 0) return true;
    uv_sleep(1);
  }
  uv_walk(dx_loop(), name_handle, NULL);
  if (handles == 0) fputs("  a request is left\n", stderr);
  char list[64];
  snprintf(list, sizeof list, "ps -o pid,stat,wchan:32,args --ppid %d >&2", (int)getpid());
  if (system(list) != 0) fputs("  no process is left\n", stderr);
  return false;
}

static int run_snippet(lua_State *L)
{
  const char *path = lua_touserdata(L, 1);
  lua_pop(L, 1);
  if (luaL_loadfilex(L, path, "t") != LUA_OK) return lua_error(L);
  bool ok = dx_loop_run(L, 0);
  lua_pushboolean(L, ok);
  lua_insert(L, -2);
  return 2;
}

/* A failure is a table with kind and message, or Lua's own "not enough memory". */
static bool error_is_clean(lua_State *L)
{
  if (lua_type(L, -1) == LUA_TSTRING) return strstr(lua_tostring(L, -1), "memory") != NULL;
  if (!lua_istable(L, -1)) return false;
  lua_pushliteral(L, "kind");
  lua_rawget(L, -2);
  bool clean = lua_type(L, -1) == LUA_TSTRING;
  lua_pop(L, 1);
  return clean;
}

static void print_error(lua_State *L)
{
  if (lua_istable(L, -1)) {
    lua_getfield(L, -1, "message");
    lua_remove(L, -2);
  }
  fprintf(stderr, "  %s\n", luaL_tolstring(L, -1, NULL));
}

/* One round; *reached tells whether there was an allocation number n to fail. */
static bool play_round(const char *path, long n, bool *reached)
{
  snprintf(doing, sizeof doing, "%s: allocation %ld", path, n);
  watch(round_seconds);
  dx_loop_init();
  lua_State *L = dx_state_new(false);
  if (L == NULL) abort();
  struct scarcity scarcity = {.fail_at = n};
  scarcity.alloc = lua_getallocf(L, &scarcity.ud);
  lua_pushcfunction(L, run_snippet);
  lua_pushlightuserdata(L, (void *)path);
  lua_setallocf(L, scarce_alloc, &scarcity);
  bool ok = lua_pcall(L, 1, 2, 0) == LUA_OK && lua_toboolean(L, -2);
  lua_setallocf(L, scarcity.alloc, scarcity.ud);
  bool fair = ok || (scarcity.failed && error_is_clean(L));
  if (!fair) {
    fprintf(stderr, "%s: %s\n", doing, scarcity.failed ? "no proper error" : "does not work");
    print_error(L);
  }
  lua_close(L);
  if (!loop_empties()) {
    fprintf(stderr, "%s: the loop cannot be closed\n", doing);
    fair = false;
  }
  dx_loop_close();
  watch(0);
  *reached = scarcity.failed;
  return fair;
}

static bool leaks(void)
{
#ifdef DIXIS_SANITIZE
  return __lsan_do_recoverable_leak_check() != 0;
#else
  return false;
#endif
}

static bool sweep(const char *path, const char *folder, long only)
{
  int bad = 0;
  long n = only > 0 ? only : 1;
  for (bool reached = true; reached && bad < most_bad; n++) {
    if (!play_round(path, n, &reached)) bad++;
    empty_folder(folder);
    if (only > 0) break;
  }
  if (leaks()) {
    fprintf(stderr, "%s: leaks (see above)\n", path);
    bad++;
  }
  printf("%s: %s: %ld rounds\n", bad == 0 ? "ok" : "FAILED", strrchr(path, '/') + 1, n - 1);
  fflush(stdout);
  return bad == 0;
}

/* tty.ask must find nobody to ask. */
static void drop_terminal(void)
{
  int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  ioctl(fd, TIOCNOTTY);
  close(fd);
}

/* In a process of its own: a crash, a leak or a hang is that of one snippet. */
static bool sweep_apart(const char *path, const char *folder, long only)
{
  pid_t child = fork();
  if (child == 0) {
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    if (signal(SIGUSR1, round_hangs) == SIG_ERR) abort();
    if (timer_create(CLOCK_MONOTONIC, &event, &watchdog) != 0) abort();
    _exit(!sweep(path, folder, only));
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) < 0) abort();
  empty_folder(folder);
  if (WIFSIGNALED(status)) {
    printf("FAILED: %s: %s\n", strrchr(path, '/') + 1, strsignal(WTERMSIG(status)));
    fflush(stdout);
  }
  return status == 0;
}

/* Which allocation fails is the same each time, and what is wrong with that shows each time. What a
 * machine did that stood still for a while does not; it stays in the output. */
static bool passes_again(const char *path, const char *folder, long only)
{
  fprintf(stderr, "%s: once more, to see whether it fails again\n", path);
  return sweep_apart(path, folder, only);
}

int main(int argc, char **argv)
{
  long only = 0;
  for (int option; (option = getopt(argc, argv, "n:")) != -1;) {
    if (option == 'n') only = strtol(optarg, NULL, 10);
  }
  if (optind == argc) {
    fputs("usage: dixis-sweep [-n N] spec/alloc/x.lua...\n", stderr);
    return 2;
  }
  verbose = only > 0;
  drop_terminal();
  int from = open(".", O_PATH | O_CLOEXEC);
  char folder[] = "/tmp/dixis-sweep.XXXXXX";
  if (from < 0 || mkdtemp(folder) == NULL) {
    perror(folder);
    return 2;
  }
  int failed = 0;
  for (int i = optind; i < argc; i++) {
    char path[PATH_MAX];
    if (fchdir(from) != 0 || realpath(argv[i], path) == NULL || chdir(folder) != 0) {
      perror(argv[i]);
      failed++;
      continue;
    }
    if (!sweep_apart(path, folder, only) && !passes_again(path, folder, only)) failed++;
  }
  rmdir(folder);
  return failed > 0;
}
