/* journal.lines and journal.verify: what is in a journal, and whether its chain holds. */
#include "dixis.h"

#include "digest.h"
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READER_TYPE "dixis.journal.reader"

struct reader {
  int fd;
  char *block;
  size_t capacity, begin, end; /* what was read and not yet given is block[begin..end) */
  bool at_end;
};

enum found { found_none, found_line, found_torn, found_failure };

static int reader_close(lua_State *L)
{
  struct reader *reader = luaL_checkudata(L, 1, READER_TYPE);
  if (reader->fd >= 0) close(reader->fd);
  free(reader->block);
  *reader = (struct reader){.fd = -1, .at_end = true};
  return 0;
}

/* Leaves the reader on the stack; 0 or an errno. */
static int reader_open(lua_State *L, const char *path, struct reader **result)
{
  struct reader *reader = lua_newuserdatauv(L, sizeof *reader, 0);
  *reader = (struct reader){.fd = -1};
  luaL_setmetatable(L, READER_TYPE);
  *result = reader;
  struct stat info;
  reader->fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (reader->fd < 0 || fstat(reader->fd, &info) != 0) return errno;
  if (S_ISDIR(info.st_mode)) return EISDIR;
  return S_ISREG(info.st_mode) ? 0 : EINVAL;
}

/* Reads more behind what is there; 0, or an errno. */
static int reader_fill(struct reader *reader)
{
  if (reader->begin > 0) {
    memmove(reader->block, reader->block + reader->begin, reader->end - reader->begin);
    reader->end -= reader->begin;
    reader->begin = 0;
  }
  if (reader->end == reader->capacity) {
    size_t capacity = reader->capacity > 0 ? reader->capacity * 2 : 65536;
    if (reader->end > dx_journal_line_max) return EFBIG;
    char *block = realloc(reader->block, capacity);
    if (block == NULL) return ENOMEM;
    reader->block = block;
    reader->capacity = capacity;
  }
  ssize_t got;
  do {
    got = read(reader->fd, reader->block + reader->end, reader->capacity - reader->end);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return errno;
  reader->at_end = got == 0;
  reader->end += (size_t)got;
  return 0;
}

/* The line stays valid until the next call; on a failure errno is set. */
static enum found reader_next(struct reader *reader, const char **line, size_t *size)
{
  size_t searched = 0;
  for (;;) {
    char *start = reader->block + reader->begin;
    size_t held = reader->end - reader->begin;
    char *newline = held > searched ? memchr(start + searched, '\n', held - searched) : NULL;
    if (newline == NULL && !reader->at_end) {
      searched = held;
      int code = reader_fill(reader);
      if (code == 0) continue;
      errno = code;
      return found_failure;
    }
    *line = start;
    *size = newline != NULL ? (size_t)(newline - start) : held;
    reader->begin += *size + (newline != NULL);
    if (newline != NULL) return found_line;
    return held > 0 ? found_torn : found_none;
  }
}

static int lines_next(lua_State *L)
{
  struct reader *reader = lua_touserdata(L, lua_upvalueindex(1));
  const char *line;
  size_t size;
  if (reader->fd < 0) return 0;
  switch (reader_next(reader, &line, &size)) {
  case found_failure:
    dx_fail_journal(L, errno, "read", lua_tostring(L, lua_upvalueindex(2)));
    return lua_error(L);
  case found_none:
    lua_settop(L, 0);
    lua_pushvalue(L, lua_upvalueindex(1));
    return reader_close(L);
  case found_torn:
    lua_pushlstring(L, line, size);
    lua_pushboolean(L, 0);
    return 2;
  default:
    lua_pushlstring(L, line, size);
    lua_pushboolean(L, 1);
    return 2;
  }
}

/* The reader is also the generic for's closing value: leaving the loop early closes the file. */
int dx_journal_lines(lua_State *L)
{
  const char *path = luaL_checkstring(L, 1);
  struct reader *reader;
  int code = reader_open(L, path, &reader);
  if (code != 0) return dx_fail_journal(L, code, "read", path);
  lua_pushvalue(L, -1);
  lua_pushvalue(L, 1);
  lua_pushcclosure(L, lines_next, 2);
  lua_insert(L, -2);
  lua_pushnil(L);
  lua_insert(L, -2);
  lua_pushnil(L);
  lua_insert(L, -2);
  return 4;
}

/* ---- The chain ----------------------------------------------------------------------------- */

/* What a line of ours begins with, byte for byte: {"seq":N,"prev":"<64 hex>", */
static const char *line_fault(const char *line, size_t size, lua_Integer seq, const char *prev)
{
  static const char first[] = "{\"seq\":", second[] = ",\"prev\":\"";
  const char *at = line, *end = line + size;
  if (size < sizeof first || memcmp(at, first, sizeof first - 1) != 0) return "format";
  at += sizeof first - 1;
  lua_Integer number = 0;
  const char *digits = at;
  for (; at < end && *at >= '0' && *at <= '9' && at - digits < 18; at++) {
    number = number * 10 + (*at - '0');
  }
  size_t rest = (size_t)(end - at);
  if (at == digits || *digits == '0') return "format";
  if (rest < sizeof second - 1 + dx_journal_hash_size + 3) return "format";
  if (memcmp(at, second, sizeof second - 1) != 0) return "format";
  const char *hash = at + sizeof second - 1;
  if (memcmp(hash + dx_journal_hash_size, "\",", 2) != 0 || end[-1] != '}') return "format";
  if (number != seq) return "sequence";
  return memcmp(hash, prev, dx_journal_hash_size) != 0 ? "hash" : NULL;
}

int dx_journal_verify(lua_State *L)
{
  const char *path = luaL_checkstring(L, 1), *line, *why = NULL;
  struct reader *reader;
  int code = reader_open(L, path, &reader);
  lua_toclose(L, -1);
  if (code != 0) return dx_fail_journal(L, code, "read", path);
  char head[dx_journal_hash_size + 1];
  memset(head, '0', dx_journal_hash_size);
  head[dx_journal_hash_size] = '\0';
  lua_Integer lines = 0, broken = 0;
  size_t size;
  enum found found;
  while ((found = reader_next(reader, &line, &size)) == found_line) {
    lines++;
    if (why == NULL) {
      why = line_fault(line, size, lines, head);
      broken = lines;
    }
    dx_sha256_hex(line, size, head);
  }
  if (found == found_failure) return dx_fail_journal(L, errno, "read", path);
  lua_createtable(L, 0, 5);
  dx_field_int(L, "lines", lines);
  dx_field(L, "head", head);
  lua_pushboolean(L, found == found_torn);
  lua_setfield(L, -2, "torn");
  if (why != NULL) dx_field_int(L, "broken", broken);
  dx_field(L, "why", why);
  return 1;
}

void dx_journal_open_reader(lua_State *L)
{
  static const luaL_Reg none[] = {{NULL, NULL}};
  dx_handle_type(L, READER_TYPE, none, reader_close);
}
