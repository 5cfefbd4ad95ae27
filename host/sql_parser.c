/* libpg_query recurses without a limit of its own: what might go deep is parsed on a thread with a
 * large stack, and what goes absurdly deep not at all (the server's own stack limit would refuse it
 * long before). */
#include "dixis.h"

#include "sql_lex.h"
#include "sql_parser.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

#define RESULT_TYPE "dixis.sql.result"

static const size_t max_text = (size_t)64 << 20;

/* A level takes at most about 400 bytes of stack (measured; normalising takes the most) and two
 * bytes of text, so a short script needs no closer look. */
static const size_t short_text = 16 << 10;
static const size_t max_depth_here = 8 << 10;
static const size_t max_depth_thread = 500 * 1000;
static const size_t thread_stack = (size_t)256 << 20;

/* ---- Failures ------------------------------------------------------------------------------ */

static int fail_at(lua_State *L, const char *text, const char *at, const char *message)
{
  struct dx_sql_place place = {text, 1, 1};
  dx_sql_move(&place, at);
  dx_fail(L, "syntax", "%s", message);
  dx_field_int(L, "position", at - text + 1);
  dx_field_int(L, "line", place.line);
  dx_field_int(L, "column", place.column);
  return 2;
}

int dx_sql_fail(lua_State *L, const char *text, size_t length, const char *from,
                const PgQueryError *error)
{
  if (error->cursorpos <= 0) return dx_fail(L, "syntax", "%s", error->message);
  const char *at = from, *end = text + length;
  for (int left = error->cursorpos - 1; at < end; at++) {
    if ((*at & 0xC0) != 0x80 && left-- == 0) break;
  }
  fail_at(L, text, at, error->message);
  if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
    dx_field(L, "hint", "The text begins with a byte order mark (BOM); save it as UTF-8 without.");
  }
  return 2;
}

/* Length of the valid UTF-8 character at `at`, 0 if it is none: overlong, a surrogate, broken. */
static size_t character_length(const unsigned char *at, size_t left)
{
  unsigned char c = at[0];
  if (c < 0x80) return 1;
  size_t length = c >= 0xC2 && c <= 0xDF   ? 2
                  : (c & 0xF0) == 0xE0     ? 3
                  : c >= 0xF0 && c <= 0xF4 ? 4
                                           : 0;
  if (length == 0 || left < length) return 0;
  for (size_t i = 1; i < length; i++) {
    if ((at[i] & 0xC0) != 0x80) return 0;
  }
  if ((c == 0xE0 && at[1] < 0xA0) || (c == 0xED && at[1] > 0x9F) || (c == 0xF0 && at[1] < 0x90) ||
      (c == 0xF4 && at[1] > 0x8F)) {
    return 0;
  }
  return length;
}

static const char *find_invalid(const char *at, const char *end)
{
  while (at < end) {
    size_t length = character_length((const unsigned char *)at, (size_t)(end - at));
    if (length == 0) return at;
    at += length;
  }
  return NULL;
}

int dx_sql_check(lua_State *L, const char *text, size_t length, bool *deep)
{
  const char *end = text + length;
  if (length > max_text) {
    return dx_fail(L, "too_large", "the script has %zu bytes; at most %zu are parsed", length,
                   max_text);
  }
  const char *bad = memchr(text, '\0', length);
  if (bad != NULL) return fail_at(L, text, bad, "a NUL byte is not allowed in a script");
  bad = find_invalid(text, end);
  if (bad != NULL) return fail_at(L, text, bad, "the text is not valid UTF-8");
  size_t depth = length <= short_text ? 0 : dx_sql_depth_bound(text, end);
  if (depth == SIZE_MAX) return luaL_error(L, "not enough memory");
  if (depth > max_depth_thread) {
    return dx_fail(L, "too_large", "a statement may nest %zu levels deep; at most %zu are parsed",
                   depth, max_depth_thread);
  }
  *deep = depth > max_depth_here;
  return 0;
}

/* ---- Calls --------------------------------------------------------------------------------- */

static void *call_parser(void *context)
{
  struct dx_sql_result *result = context;
  switch (result->call) {
  case DX_SQL_PARSE:
    result->parse = pg_query_parse(result->text);
    break;
  case DX_SQL_FINGERPRINT:
    result->fingerprint = pg_query_fingerprint(result->text);
    break;
  case DX_SQL_NORMALISE:
    result->normalise = pg_query_normalize(result->text);
    break;
  case DX_SQL_PLPGSQL:
    result->plpgsql = pg_query_parse_plpgsql(result->text);
    break;
  case DX_SQL_NONE:
    break;
  }
  return NULL;
}

const PgQueryError *dx_sql_error(const struct dx_sql_result *result)
{
  switch (result->call) {
  case DX_SQL_PARSE:
    return result->parse.error;
  case DX_SQL_FINGERPRINT:
    return result->fingerprint.error;
  case DX_SQL_NORMALISE:
    return result->normalise.error;
  case DX_SQL_PLPGSQL:
    return result->plpgsql.error;
  case DX_SQL_NONE:
    break;
  }
  return NULL;
}

void dx_sql_release(struct dx_sql_result *result)
{
  enum dx_sql_call call = result->call;
  result->call = DX_SQL_NONE;
  if (call == DX_SQL_PARSE) pg_query_free_parse_result(result->parse);
  if (call == DX_SQL_FINGERPRINT) pg_query_free_fingerprint_result(result->fingerprint);
  if (call == DX_SQL_NORMALISE) pg_query_free_normalize_result(result->normalise);
  if (call == DX_SQL_PLPGSQL) pg_query_free_plpgsql_parse_result(result->plpgsql);
}

static int result_close(lua_State *L)
{
  dx_sql_release(luaL_checkudata(L, 1, RESULT_TYPE));
  return 0;
}

void dx_sql_register(lua_State *L)
{
  static const luaL_Reg none[] = {{NULL, NULL}};
  dx_handle_type(L, RESULT_TYPE, none, result_close);
}

struct dx_sql_result *dx_sql_result_new(lua_State *L)
{
  struct dx_sql_result *result = lua_newuserdatauv(L, sizeof *result, 0);
  memset(result, 0, sizeof *result);
  luaL_setmetatable(L, RESULT_TYPE);
  return result;
}

/* The loop's signals are the main thread's; a new thread inherits the mask. */
static int call_on_thread(struct dx_sql_result *result)
{
  pthread_attr_t attributes;
  pthread_t thread;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_attr_init(&attributes);
  int failed = pthread_attr_setstacksize(&attributes, thread_stack);
  if (failed == 0) failed = pthread_create(&thread, &attributes, call_parser, result);
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (failed == 0) pthread_join(thread, NULL);
  return failed;
}

int dx_sql_run(lua_State *L, struct dx_sql_result *result, enum dx_sql_call call, const char *text,
               bool deep)
{
  dx_sql_release(result);
  result->text = text;
  result->call = call;
  int failed = 0;
  if (deep) {
    failed = call_on_thread(result);
  } else {
    call_parser(result);
  }
  if (failed == 0) return 0;
  result->call = DX_SQL_NONE;
  return dx_fail_os(L, -failed, "start a thread for the parser");
}
