/* host.journal: the append-only, hash-chained event file. Waits: sync. Fails: kind "journal" with
 * code and path. Raises: misuse only. Reading it is in host/journal_read.c.
 *
 * A line is hashed as it is written, so the chain never depends on reading the file back. When
 * fdatasync has failed once, the kernel may have dropped the pages it could not write and report
 * success the next time: from then on every call fails.
 */
#include "dixis.h"

#include "digest.h"
#include "fs.h"
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JOURNAL_TYPE "dixis.journal"
#define WAIT_TYPE    "dixis.journal.wait"

int luaopen_host_journal(lua_State *L);

struct sync_wait {
  struct dx_wait wait;
  struct journal *journal; /* NULL once it is out of the list */
  struct sync_wait *next;
  lua_Integer until; /* the line that must be on disk */
};

struct journal {
  uv_work_t work;
  char *path;
  int fd;
  int failed; /* errno that made the file untrustworthy */
  int sync_code;
  lua_Integer seq, synced, syncing; /* last line; on disk; on its way there (0: none) */
  bool sync_again;
  bool closed; /* by its owner; a running sync still needs the rest */
  off_t size;
  char hash[dx_journal_hash_size + 1];
  char *line;
  size_t line_capacity;
  struct sync_wait *waiting;
};

int dx_fail_journal(lua_State *L, int code, const char *action, const char *path)
{
  dx_fail(L, "journal", "%s journal %s: %s", action, path, uv_strerror(-code));
  dx_field(L, "code", uv_err_name(-code));
  dx_field(L, "path", path);
  return 2;
}

static void journal_free(struct journal *journal)
{
  if (journal->fd >= 0) close(journal->fd);
  free(journal->path);
  free(journal->line);
  free(journal);
}

static struct journal *check_journal(lua_State *L)
{
  struct journal **box = luaL_checkudata(L, 1, JOURNAL_TYPE);
  if (*box == NULL) luaL_error(L, "the journal is closed");
  return *box;
}

/* ---- Appending ----------------------------------------------------------------------------- */

static bool line_reserve(struct journal *journal, size_t size)
{
  if (size <= journal->line_capacity) return true;
  char *line = realloc(journal->line, size * 2);
  if (line == NULL) return false;
  journal->line = line;
  journal->line_capacity = size * 2;
  return true;
}

static int write_all(int fd, const char *data, size_t size)
{
  for (size_t done = 0; done < size;) {
    ssize_t written = write(fd, data + done, size - done);
    if (written == 0) return EIO;
    if (written < 0 && errno != EINTR) return errno;
    if (written > 0) done += (size_t)written;
  }
  return 0;
}

/* A line that does not fit is taken back: the file ends in a whole line, and the caller knows. */
static int line_write(struct journal *journal, size_t size)
{
  int code = write_all(journal->fd, journal->line, size);
  if (code != 0 && ftruncate(journal->fd, journal->size) != 0) journal->failed = code;
  if (code == 0) journal->size += (off_t)size;
  return code;
}

static int journal_append(lua_State *L)
{
  struct journal *journal = check_journal(L);
  size_t body_size;
  const char *body = luaL_checklstring(L, 2, &body_size);
  luaL_argcheck(L, body_size > 0 && body_size < dx_journal_line_max - 256, 2, "size out of range");
  luaL_argcheck(L, memchr(body, '\n', body_size) == NULL, 2, "newline in a journal line");
  if (journal->failed != 0) return dx_fail_journal(L, journal->failed, "write", journal->path);
  if (!line_reserve(journal, body_size + 256)) return luaL_error(L, "not enough memory");
  int start = snprintf(journal->line, journal->line_capacity, "{\"seq\":%lld,\"prev\":\"%s\",",
                       (long long)journal->seq + 1, journal->hash);
  size_t size = (size_t)start + body_size;
  memcpy(journal->line + start, body, body_size);
  memcpy(journal->line + size, "}\n", 2);
  int code = line_write(journal, size + 2);
  if (code != 0) return dx_fail_journal(L, code, "write", journal->path);
  journal->seq++;
  dx_sha256_hex(journal->line, size + 1, journal->hash);
  lua_pushinteger(L, journal->seq);
  lua_pushlstring(L, journal->hash, dx_journal_hash_size);
  return 2;
}

static int journal_head(lua_State *L)
{
  struct journal *journal = check_journal(L);
  lua_pushlstring(L, journal->hash, dx_journal_hash_size);
  lua_pushinteger(L, journal->seq);
  return 2;
}

/* ---- Syncing ------------------------------------------------------------------------------- */

static void sync_begin(struct journal *journal);

static void wait_unlink(struct sync_wait *waiting)
{
  if (waiting->journal == NULL) return;
  struct sync_wait **link = &waiting->journal->waiting;
  while (*link != waiting)
    link = &(*link)->next;
  *link = waiting->next;
  waiting->journal = NULL;
}

static void wake_waiting(struct journal *journal)
{
  bool all = journal->failed != 0 || journal->closed;
  for (struct sync_wait *waiting = journal->waiting, *next; waiting != NULL; waiting = next) {
    next = waiting->next;
    if (!all && waiting->until > journal->synced) continue;
    wait_unlink(waiting);
    dx_wake(&waiting->wait);
  }
}

/* On the thread pool. */
static void sync_work(uv_work_t *work)
{
  struct journal *journal = work->data;
  journal->sync_code = fdatasync(journal->fd) != 0 ? errno : 0;
}

static void sync_done(uv_work_t *work, int status)
{
  struct journal *journal = work->data;
  int code = status != 0 ? -status : journal->sync_code;
  if (code == 0) {
    journal->synced = journal->syncing;
  } else if (journal->failed == 0) {
    journal->failed = code;
  }
  journal->syncing = 0;
  if (journal->closed) {
    journal_free(journal);
    return;
  }
  wake_waiting(journal);
  if (journal->sync_again && journal->failed == 0) sync_begin(journal);
}

static void sync_begin(struct journal *journal)
{
  journal->sync_again = journal->syncing != 0;
  if (journal->syncing != 0 || journal->synced == journal->seq) return;
  journal->syncing = journal->seq;
  journal->work.data = journal;
  uv_queue_work(dx_loop(), &journal->work, sync_work, sync_done);
}

static int sync_results(lua_State *L, int status, lua_KContext context)
{
  (void)status, (void)context;
  struct journal *journal = *(struct journal **)lua_touserdata(L, 1);
  if (journal == NULL) return dx_fail(L, "journal", "the journal was closed meanwhile");
  if (journal->failed != 0) return dx_fail_journal(L, journal->failed, "sync", journal->path);
  lua_pushboolean(L, 1);
  return 1;
}

static void sync_cancel(struct dx_wait *wait)
{
  wait_unlink((struct sync_wait *)wait);
  dx_wake(wait);
}

static int wait_gc(lua_State *L)
{
  wait_unlink(luaL_checkudata(L, 1, WAIT_TYPE));
  return 0;
}

static int journal_sync(lua_State *L)
{
  struct journal *journal = check_journal(L);
  if (journal->failed != 0 || journal->synced == journal->seq) return sync_results(L, LUA_OK, 0);
  dx_check_wait(L);
  lua_settop(L, 1);
  struct sync_wait *waiting = lua_newuserdatauv(L, sizeof *waiting, 0);
  *waiting = (struct sync_wait){0};
  luaL_setmetatable(L, WAIT_TYPE);
  waiting->until = journal->seq;
  waiting->journal = journal;
  waiting->next = journal->waiting;
  journal->waiting = waiting;
  if (journal->syncing < journal->seq) sync_begin(journal);
  return dx_wait(L, &waiting->wait, sync_cancel, sync_results, 0);
}

static int journal_sync_start(lua_State *L)
{
  struct journal *journal = check_journal(L);
  if (journal->failed == 0 && journal->syncing < journal->seq) sync_begin(journal);
  return 0;
}

/* ---- Opening and closing ------------------------------------------------------------------- */

static int journal_close(lua_State *L)
{
  struct journal **box = luaL_checkudata(L, 1, JOURNAL_TYPE);
  struct journal *journal = *box;
  *box = NULL;
  if (journal == NULL) return 0;
  journal->closed = true;
  wake_waiting(journal);
  if (journal->syncing == 0) journal_free(journal);
  return 0;
}

/* A full disk is found now, with nothing done yet, and not by the first line. */
static int space_probe(int fd)
{
  static const char zeros[4096];
  int code = write_all(fd, zeros, sizeof zeros);
  if (code == 0 && fdatasync(fd) != 0) code = errno;
  if (ftruncate(fd, 0) != 0 && code == 0) code = errno;
  return code;
}

static int file_create(struct journal *journal)
{
  int flags = O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC;
  journal->fd = open(journal->path, flags, 0600);
  if (journal->fd < 0) return errno;
  int code = space_probe(journal->fd);
  if (code == 0) code = dx_sync_parent(journal->path);
  if (code != 0) unlink(journal->path);
  return code;
}

static int journal_create(lua_State *L)
{
  const char *path = dx_check_path(L, 1);
  struct journal **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  luaL_setmetatable(L, JOURNAL_TYPE);
  struct journal *journal = calloc(1, sizeof *journal);
  if (journal == NULL) return luaL_error(L, "not enough memory");
  *box = journal;
  journal->fd = -1;
  journal->path = strdup(path);
  if (journal->path == NULL) return luaL_error(L, "not enough memory");
  memset(journal->hash, '0', dx_journal_hash_size);
  int code = file_create(journal);
  if (code == 0) return 1;
  *box = NULL;
  journal_free(journal);
  return dx_fail_journal(L, code, "create", path);
}

int luaopen_host_journal(lua_State *L)
{
  static const luaL_Reg methods[] = {
      {"append", journal_append}, {"sync", journal_sync},   {"sync_start", journal_sync_start},
      {"head", journal_head},     {"close", journal_close}, {NULL, NULL},
  };
  static const luaL_Reg none[] = {{NULL, NULL}};
  dx_handle_type(L, JOURNAL_TYPE, methods, journal_close);
  dx_handle_type(L, WAIT_TYPE, none, wait_gc);
  dx_journal_open_reader(L);
  signal(SIGXFSZ, SIG_IGN); /* a file size limit is an error to report, not an end */
  static const luaL_Reg functions[] = {
      {"create", journal_create},
      {"lines", dx_journal_lines},
      {"verify", dx_journal_verify},
      {NULL, NULL},
  };
  luaL_newlib(L, functions);
  return 1;
}
