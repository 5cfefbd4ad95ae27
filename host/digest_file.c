/* digest.sha256_file: the file is read on the thread pool, for a backup may be large: deadlines,
 * Ctrl-C and the live line go on meanwhile. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "dixis.h"

#include "digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READING_TYPE "dixis.sha256.file"

enum { hex_size = 64, block_size = 1 << 18 };

struct reading {
  uv_work_t work;
  struct dx_wait wait;
  int refs; /* the userdata, the work */
  int code; /* errno */
  atomic_bool given_up;
  char hex[hex_size];
  char path[];
};

static void reading_unref(struct reading *reading)
{
  if (--reading->refs == 0) free(reading);
}

static int hash_blocks(struct reading *reading, int fd, unsigned char *block)
{
  SHA256_CTX context;
  SHA256_Init(&context);
  while (!atomic_load(&reading->given_up)) {
    ssize_t got = read(fd, block, block_size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) break;
    SHA256_Update(&context, block, (size_t)got);
  }
  dx_sha256_end(&context, reading->hex);
  return 0;
}

/* On the thread pool. */
static void reading_work(uv_work_t *work)
{
  struct reading *reading = work->data;
  int fd = open(reading->path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) {
    reading->code = errno;
    return;
  }
  unsigned char *block = malloc(block_size);
  reading->code = block == NULL ? ENOMEM : hash_blocks(reading, fd, block);
  free(block);
  close(fd);
}

static void reading_done(uv_work_t *work, int status)
{
  (void)status;
  struct reading *reading = work->data;
  dx_wake(&reading->wait);
  reading_unref(reading);
}

/* The work ends by itself, at its next block. */
static void reading_cancel(struct dx_wait *wait)
{
  struct reading *reading = (struct reading *)((char *)wait - offsetof(struct reading, wait));
  atomic_store(&reading->given_up, true);
  dx_wake(wait);
}

static int reading_gc(lua_State *L)
{
  struct reading **holder = lua_touserdata(L, 1);
  if (*holder == NULL) return 0;
  atomic_store(&(*holder)->given_up, true);
  reading_unref(*holder);
  *holder = NULL;
  return 0;
}

/* 1 path, 2 reading. */
static int reading_results(lua_State *L, int status, lua_KContext context)
{
  (void)status, (void)context;
  struct reading *reading = *(struct reading **)lua_touserdata(L, 2);
  if (atomic_load(&reading->given_up)) return 0; /* the worker may still write to it */
  if (reading->code != 0) {
    dx_fail(L, "os", "read %s: %s", reading->path, uv_strerror(-reading->code));
    dx_field(L, "code", uv_err_name(-reading->code));
    dx_field(L, "path", reading->path);
    return 2;
  }
  lua_pushlstring(L, reading->hex, hex_size);
  return 1;
}

int dx_sha256_file(lua_State *L)
{
  size_t size;
  const char *path = luaL_checklstring(L, 1, &size);
  luaL_argcheck(L, strlen(path) == size, 1, "the path has a zero byte");
  lua_settop(L, 1);
  dx_check_wait(L);
  struct reading **holder = lua_newuserdatauv(L, sizeof *holder, 0);
  *holder = NULL;
  luaL_setmetatable(L, READING_TYPE);
  struct reading *reading = *holder = calloc(1, sizeof *reading + size + 1);
  if (reading == NULL) return luaL_error(L, "not enough memory");
  reading->refs = 1;
  memcpy(reading->path, path, size);
  reading->work.data = reading;
  int code = uv_queue_work(dx_loop(), &reading->work, reading_work, reading_done);
  if (code != 0) return dx_fail_os(L, code, "read a file");
  reading->refs++;
  return dx_wait(L, &reading->wait, reading_cancel, reading_results, 0);
}

void dx_sha256_file_types(lua_State *L)
{
  static const luaL_Reg none[] = {{NULL, NULL}};
  dx_handle_type(L, READING_TYPE, none, reading_gc);
}
