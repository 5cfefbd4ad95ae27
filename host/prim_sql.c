/* host.sql: PostgreSQL's parser (libpg_query). Waits: nothing. Raises: misuse, no memory.
 *
 * The parser gives JSON with byte ranges that include leading comments; a small lexer here trims
 * them, and bounds how deep a script can nest: libpg_query recurses without a limit of its own, so
 * what might go deep is parsed on a thread with a large stack, and what goes absurdly deep not at
 * all (the server's own stack limit would refuse it long before).
 */
#include "dixis.h"

#include "sql_lex.h"
#include "sql_tree.h"

#include <ctype.h>
#include <pg_query.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int luaopen_host_sql(lua_State *L);

#define RESULT_TYPE "dixis.sql.result"

static const size_t max_text = (size_t)64 << 20;
static const size_t max_tree = (size_t)256 << 20; /* half of what Lua may have */

/* A level takes at most about 400 bytes of stack (measured; normalising takes the most) and two
 * bytes of text, so a short script needs no closer look. */
static const size_t short_text = 16 << 10;
static const size_t max_depth_here = 8 << 10;
static const size_t max_depth_thread = 500 * 1000;
static const size_t thread_stack = (size_t)256 << 20;

/* ---- Places and failures ------------------------------------------------------------------- */

struct place {
  const char *at;
  lua_Integer line, column;
};

static void place_move(struct place *place, const char *to)
{
  for (; place->at < to; place->at++) {
    if (*place->at == '\n') {
      place->line++;
      place->column = 1;
    } else if ((*place->at & 0xC0) != 0x80) {
      place->column++;
    }
  }
}

static int fail_at(lua_State *L, const char *text, const char *at, const char *message)
{
  struct place place = {text, 1, 1};
  place_move(&place, at);
  dx_fail(L, "syntax", "%s", message);
  dx_field_int(L, "position", at - text + 1);
  dx_field_int(L, "line", place.line);
  dx_field_int(L, "column", place.column);
  return 2;
}

static int fail_parser(lua_State *L, const char *text, size_t length, const PgQueryError *error)
{
  if (error->cursorpos <= 0) return dx_fail(L, "syntax", "%s", error->message);
  const char *at = text, *end = text + length;
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

/* ---- Calling the parser -------------------------------------------------------------------- */

enum call { CALL_NONE, CALL_PARSE, CALL_FINGERPRINT, CALL_NORMALISE, CALL_PLPGSQL };

/* Held by a userdata, so that it is freed when Lua runs out of memory on the way. */
struct result {
  enum call call;
  const char *text;
  PgQueryParseResult parse;
  PgQueryFingerprintResult fingerprint;
  PgQueryNormalizeResult normalise;
  PgQueryPlpgsqlParseResult plpgsql;
};

static void *call_parser(void *context)
{
  struct result *result = context;
  switch (result->call) {
  case CALL_PARSE:
    result->parse = pg_query_parse(result->text);
    break;
  case CALL_FINGERPRINT:
    result->fingerprint = pg_query_fingerprint(result->text);
    break;
  case CALL_NORMALISE:
    result->normalise = pg_query_normalize(result->text);
    break;
  case CALL_PLPGSQL:
    result->plpgsql = pg_query_parse_plpgsql(result->text);
    break;
  case CALL_NONE:
    break;
  }
  return NULL;
}

static const PgQueryError *result_error(const struct result *result)
{
  switch (result->call) {
  case CALL_PARSE:
    return result->parse.error;
  case CALL_FINGERPRINT:
    return result->fingerprint.error;
  case CALL_NORMALISE:
    return result->normalise.error;
  case CALL_PLPGSQL:
    return result->plpgsql.error;
  case CALL_NONE:
    break;
  }
  return NULL;
}

static int result_close(lua_State *L)
{
  struct result *result = luaL_checkudata(L, 1, RESULT_TYPE);
  enum call call = result->call;
  result->call = CALL_NONE;
  if (call == CALL_PARSE) pg_query_free_parse_result(result->parse);
  if (call == CALL_FINGERPRINT) pg_query_free_fingerprint_result(result->fingerprint);
  if (call == CALL_NORMALISE) pg_query_free_normalize_result(result->normalise);
  if (call == CALL_PLPGSQL) pg_query_free_plpgsql_parse_result(result->plpgsql);
  return 0;
}

/* The loop's signals are the main thread's; a new thread inherits the mask. */
static int call_on_thread(struct result *result)
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

static int call_checked(lua_State *L, struct result *result, const char *text, size_t length,
                        enum call call)
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
  result->text = text;
  result->call = call;
  int failed = 0;
  if (depth > max_depth_here) {
    failed = call_on_thread(result);
  } else {
    call_parser(result);
  }
  if (failed != 0) {
    result->call = CALL_NONE;
    return dx_fail_os(L, -failed, "start a thread for the parser");
  }
  const PgQueryError *error = result_error(result);
  return error != NULL ? fail_parser(L, text, length, error) : 0;
}

static void result_done(lua_State *L)
{
  lua_pushcfunction(L, result_close);
  lua_pushvalue(L, 2);
  lua_call(L, 1, 0);
}

/* Runs the parser on argument 1. NULL: the failure is on the stack. Otherwise the result, whose
 * userdata is on the stack; result_done frees it early. */
static struct result *result_new(lua_State *L, enum call call)
{
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length);
  lua_settop(L, 1);
  struct result *result = lua_newuserdatauv(L, sizeof *result, 0);
  memset(result, 0, sizeof *result);
  luaL_setmetatable(L, RESULT_TYPE);
  if (call_checked(L, result, text, length, call) == 0) return result;
  result_done(L);
  return NULL;
}

/* ---- The statements in the parser's JSON --------------------------------------------------- */

struct cursor {
  const char *at;
};

static bool take(struct cursor *cursor, const char *literal)
{
  size_t length = strlen(literal);
  if (strncmp(cursor->at, literal, length) != 0) return false;
  cursor->at += length;
  return true;
}

static size_t take_number(struct cursor *cursor)
{
  size_t number = 0;
  while (isdigit((unsigned char)*cursor->at))
    number = number * 10 + (size_t)(*cursor->at++ - '0');
  return number;
}

static const char *skip_json_string(const char *at)
{
  for (at++; *at != '"' && *at != '\0'; at++) {
    if (*at == '\\' && at[1] != '\0') at++;
  }
  return *at == '"' ? at + 1 : at;
}

static const char *skip_json_object(const char *at)
{
  for (int depth = 0;;) {
    at += strcspn(at, "{}\"");
    if (*at == '\0') return at;
    if (*at == '"') {
      at = skip_json_string(at);
    } else if (*at++ == '{') {
      depth++;
    } else if (--depth == 0) {
      return at;
    }
  }
}

struct statement {
  const char *node, *tree;
  size_t node_length, tree_length;
  size_t location, length; /* length 0: to the end of the text */
};

static bool take_statement(struct cursor *cursor, struct statement *statement)
{
  *statement = (struct statement){0};
  if (!take(cursor, "{\"stmt\":{\"")) return false;
  statement->node = cursor->at;
  statement->node_length = strcspn(cursor->at, "\"");
  cursor->at += statement->node_length;
  if (!take(cursor, "\":")) return false;
  statement->tree = cursor->at;
  cursor->at = skip_json_object(cursor->at);
  statement->tree_length = (size_t)(cursor->at - statement->tree);
  if (!take(cursor, "}")) return false;
  if (take(cursor, ",\"stmt_location\":")) statement->location = take_number(cursor);
  if (take(cursor, ",\"stmt_len\":")) statement->length = take_number(cursor);
  return take(cursor, "}");
}

static void push_statement(lua_State *L, const struct statement *statement, const char *text,
                           size_t length, struct place *place)
{
  const char *from = text + statement->location;
  const char *end = statement->length == 0 ? text + length : from + statement->length;
  const char *first = dx_sql_skip_blank(from, end);
  const char *last = dx_sql_trim_end(first, end);
  place_move(place, first);
  lua_createtable(L, 0, 6);
  dx_field_int(L, "first", first - text + 1);
  dx_field_int(L, "last", last - text);
  dx_field_int(L, "line", place->line);
  dx_field_int(L, "column", place->column);
  lua_pushlstring(L, statement->node, statement->node_length);
  lua_setfield(L, -2, "node");
  lua_pushlstring(L, statement->tree, statement->tree_length);
  lua_setfield(L, -2, "tree");
}

static int sql_parse(lua_State *L)
{
  struct result *result = result_new(L, CALL_PARSE);
  if (result == NULL) return 2;
  size_t length;
  const char *text = lua_tolstring(L, 1, &length);
  struct cursor cursor = {result->parse.parse_tree};
  if (strlen(cursor.at) > max_tree) {
    result_done(L);
    return dx_fail(L, "too_large", "the script's parse tree takes more than %zu bytes", max_tree);
  }
  struct place place = {text, 1, 1};
  struct statement statement;
  lua_newtable(L);
  bool understood =
      take(&cursor, "{\"version\":") && take_number(&cursor) > 0 && take(&cursor, ",\"stmts\":[");
  for (lua_Integer i = 1; understood && *cursor.at == '{'; i++) {
    understood = take_statement(&cursor, &statement);
    if (!understood) break;
    push_statement(L, &statement, text, length, &place);
    lua_rawseti(L, -2, i);
    take(&cursor, ",");
  }
  if (!understood || !take(&cursor, "]}")) return luaL_error(L, "unexpected output of the parser");
  result_done(L);
  return 1;
}

static int sql_fingerprint(lua_State *L)
{
  struct result *result = result_new(L, CALL_FINGERPRINT);
  if (result == NULL) return 2;
  lua_pushstring(L, result->fingerprint.fingerprint_str);
  result_done(L);
  return 1;
}

static int sql_normalise(lua_State *L)
{
  struct result *result = result_new(L, CALL_NORMALISE);
  if (result == NULL) return 2;
  lua_pushstring(L, result->normalise.normalized_query);
  result_done(L);
  return 1;
}

#ifdef __SANITIZE_ADDRESS__
/* libpg_query forgets a byte where a body in PL/pgSQL is none. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
  return "leak:pg_query_raw_parse";
}
#endif

/* The functions' trees as they come: few scripts have any. */
static int sql_parse_plpgsql(lua_State *L)
{
  struct result *result = result_new(L, CALL_PLPGSQL);
  if (result == NULL) return 2;
  lua_pushstring(L, result->plpgsql.plpgsql_funcs);
  result_done(L);
  return 1;
}

/* ---- Quoting ------------------------------------------------------------------------------- */

static bool is_plain(const char *name, size_t length)
{
  if (length >= 64 || isdigit((unsigned char)*name)) return false;
  for (size_t i = 0; i < length; i++) {
    if (!(name[i] >= 'a' && name[i] <= 'z') && name[i] != '_' && !isdigit((unsigned char)name[i])) {
      return false;
    }
  }
  return true;
}

/* Asks the scanner. Its answer for one word is a protobuf message whose last field is
 * keyword_kind (field 5), absent for a word that is no keyword; 1 means unreserved. */
static bool is_safe_word(const char *name)
{
  PgQueryScanResult scan = pg_query_scan(name);
  bool safe = false;
  if (scan.error == NULL && scan.pbuf.len >= 2) {
    const unsigned char *tail = (unsigned char *)scan.pbuf.data + scan.pbuf.len - 2;
    safe = tail[0] != 5 << 3 || tail[1] == 1;
  }
  pg_query_free_scan_result(scan);
  return safe;
}

static void add_doubled(luaL_Buffer *buffer, const char *text, size_t length, const char *doubled)
{
  for (size_t i = 0; i < length; i++) {
    if (strchr(doubled, text[i]) != NULL) luaL_addchar(buffer, text[i]);
    luaL_addchar(buffer, text[i]);
  }
}

static const char *check_text(lua_State *L, size_t *length)
{
  const char *text = luaL_checklstring(L, 1, length);
  luaL_argcheck(L, memchr(text, '\0', *length) == NULL, 1, "contains a NUL byte");
  return text;
}

static int sql_quote_identifier(lua_State *L)
{
  size_t length;
  const char *name = check_text(L, &length);
  luaL_argcheck(L, length > 0, 1, "an identifier cannot be empty");
  if (is_plain(name, length) && is_safe_word(name)) {
    lua_settop(L, 1);
    return 1;
  }
  luaL_Buffer buffer;
  luaL_buffinit(L, &buffer);
  luaL_addchar(&buffer, '"');
  add_doubled(&buffer, name, length, "\"");
  luaL_addchar(&buffer, '"');
  luaL_pushresult(&buffer);
  return 1;
}

static int sql_quote_literal(lua_State *L)
{
  size_t length;
  const char *value = check_text(L, &length);
  bool escaped = memchr(value, '\\', length) != NULL;
  luaL_Buffer buffer;
  luaL_buffinit(L, &buffer);
  luaL_addstring(&buffer, escaped ? "E'" : "'");
  add_doubled(&buffer, value, length, escaped ? "'\\" : "'");
  luaL_addchar(&buffer, '\'');
  luaL_pushresult(&buffer);
  return 1;
}

int luaopen_host_sql(lua_State *L)
{
  static const luaL_Reg none[] = {{NULL, NULL}};
  dx_handle_type(L, RESULT_TYPE, none, result_close);
  static const luaL_Reg functions[] = {
      {"parse", sql_parse},
      {"fingerprint", sql_fingerprint},
      {"normalise", sql_normalise},
      {"parse_plpgsql", sql_parse_plpgsql},
      {"tree", dx_sql_tree},
      {"quote_identifier", sql_quote_identifier},
      {"quote_literal", sql_quote_literal},
      {NULL, NULL},
  };
  luaL_newlib(L, functions);
  return 1;
}
