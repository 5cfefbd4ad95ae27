/* host.sql: PostgreSQL's parser (libpg_query). Waits: nothing. Raises: misuse, no memory.
 *
 * sql_parser.c calls it, sql_statements.c splits scripts, sql_tree.c makes tables of its trees.
 */
#include "dixis.h"

#include "sql_parser.h"
#include "sql_statements.h"
#include "sql_tree.h"

#include <ctype.h>
#include <string.h>

int luaopen_host_sql(lua_State *L);

/* Runs the parser on argument 1, in one go. NULL: the failure is on the stack. Otherwise the
 * result, whose userdata is on the stack. */
static struct dx_sql_result *call(lua_State *L, enum dx_sql_call call)
{
  size_t length;
  bool deep;
  const char *text = luaL_checklstring(L, 1, &length);
  lua_settop(L, 1);
  struct dx_sql_result *result = dx_sql_result_new(L);
  if (dx_sql_check(L, text, length, &deep) != 0) return NULL;
  if (dx_sql_run(L, result, call, text, deep) != 0) return NULL;
  const PgQueryError *error = dx_sql_error(result);
  if (error == NULL) return result;
  dx_sql_fail(L, text, length, text, error);
  dx_sql_release(result);
  return NULL;
}

static int sql_fingerprint(lua_State *L)
{
  struct dx_sql_result *result = call(L, DX_SQL_FINGERPRINT);
  if (result == NULL) return 2;
  lua_pushstring(L, result->fingerprint.fingerprint_str);
  dx_sql_release(result);
  return 1;
}

static int sql_normalise(lua_State *L)
{
  struct dx_sql_result *result = call(L, DX_SQL_NORMALISE);
  if (result == NULL) return 2;
  lua_pushstring(L, result->normalise.normalized_query);
  dx_sql_release(result);
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
  struct dx_sql_result *result = call(L, DX_SQL_PLPGSQL);
  if (result == NULL) return 2;
  lua_pushstring(L, result->plpgsql.plpgsql_funcs);
  dx_sql_release(result);
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
  dx_sql_register(L);
  static const luaL_Reg functions[] = {
      {"parse", dx_sql_parse},
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
