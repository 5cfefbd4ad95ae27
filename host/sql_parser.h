/* Calling libpg_query, for prim_sql.c and sql_statements.c. */
#ifndef DIXIS_SQL_PARSER_H
#define DIXIS_SQL_PARSER_H

#include <lua.h>
#include <pg_query.h>
#include <stdbool.h>
#include <stddef.h>

enum dx_sql_call {
  DX_SQL_NONE,
  DX_SQL_PARSE,
  DX_SQL_FINGERPRINT,
  DX_SQL_NORMALISE,
  DX_SQL_PLPGSQL,
};

/* Held by a userdata, so that it is freed when Lua runs out of memory on the way. */
struct dx_sql_result {
  enum dx_sql_call call;
  const char *text;
  PgQueryParseResult parse;
  PgQueryFingerprintResult fingerprint;
  PgQueryNormalizeResult normalise;
  PgQueryPlpgsqlParseResult plpgsql;
};

/* Pushes an empty one. */
struct dx_sql_result *dx_sql_result_new(lua_State *L);

/* Frees what is in it. */
void dx_sql_release(struct dx_sql_result *result);

/* Whether the parser may be given this text: 0, or the failure is on the stack. `deep` is what
 * dx_sql_run has to know of it, or of a part of it. */
int dx_sql_check(lua_State *L, const char *text, size_t length, bool *deep);

/* Runs the parser on a text that ends with a NUL. What it says is in the result, its error too;
 * anything but 0 is a failure on the stack. */
int dx_sql_run(lua_State *L, struct dx_sql_result *result, enum dx_sql_call call, const char *text,
               bool deep);

const PgQueryError *dx_sql_error(const struct dx_sql_result *result);

/* Fails with the parser's error. The parser was given the text from `from` on. */
int dx_sql_fail(lua_State *L, const char *text, size_t length, const char *from,
                const PgQueryError *error);

void dx_sql_register(lua_State *L);

#endif
