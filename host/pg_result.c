/* A PGresult as Lua values, and Lua values as parameters. */
#include "dixis.h"

#include "pg.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  TYPE_BOOL = 16,
  TYPE_INT8 = 20,
  TYPE_INT2 = 21,
  TYPE_INT4 = 23,
  TYPE_OID = 26,
  TYPE_FLOAT4 = 700,
  TYPE_FLOAT8 = 701,
  PARAMS_MAX = 65535,
  NUMBER_SIZE = 32
};

static void push_value(lua_State *L, const PGresult *result, int row, int column)
{
  const char *text = dx_pq.PQgetvalue(result, row, column);
  switch (dx_pq.PQftype(result, column)) {
  case TYPE_BOOL:
    lua_pushboolean(L, text[0] == 't');
    break;
  case TYPE_INT8:
  case TYPE_INT2:
  case TYPE_INT4:
  case TYPE_OID:
    lua_pushinteger(L, strtoll(text, NULL, 10));
    break;
  case TYPE_FLOAT4:
  case TYPE_FLOAT8:
    lua_pushnumber(L, strtod(text, NULL));
    break;
  default:
    lua_pushlstring(L, text, (size_t)dx_pq.PQgetlength(result, row, column));
  }
}

void dx_pg_push_row(lua_State *L, const PGresult *result, int row, int type)
{
  type = lua_absindex(L, type);
  int columns = dx_pq.PQnfields(result);
  lua_createtable(L, columns, 0);
  for (int column = 0; column < columns; column++) {
    if (dx_pq.PQgetisnull(result, row, column)) continue;
    push_value(L, result, row, column);
    lua_rawseti(L, -2, column + 1);
  }
  lua_pushvalue(L, type);
  lua_setmetatable(L, -2);
}

/* Reached for what the row does not hold itself: a column by name, or NULL by position. A name that
 * is none raises, since nil would read as NULL. */
static int row_index(lua_State *L)
{
  if (lua_type(L, 2) != LUA_TSTRING) return 0;
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(1)) == LUA_TNIL) {
    return luaL_error(L, "the result has no column \"%s\"", lua_tostring(L, 2));
  }
  lua_rawgeti(L, 1, lua_tointeger(L, -1));
  return 1;
}

void dx_pg_push_row_type(lua_State *L, const PGresult *result)
{
  int columns = dx_pq.PQnfields(result);
  lua_createtable(L, 0, 1);
  lua_createtable(L, 0, columns);
  for (int column = columns; column > 0; column--) {
    lua_pushinteger(L, column);
    lua_setfield(L, -2, dx_pq.PQfname(result, column - 1));
  }
  lua_pushcclosure(L, row_index, 1);
  lua_setfield(L, -2, "__index");
}

void dx_pg_push_result(lua_State *L, const PGresult *result)
{
  luaL_checkstack(L, 10, "result");
  int rows = dx_pq.PQntuples(result), columns = dx_pq.PQnfields(result);
  lua_createtable(L, rows, 3);
  lua_pushstring(L, dx_pq.PQcmdStatus((PGresult *)result));
  lua_setfield(L, -2, "tag");
  lua_pushinteger(L, strtoll(dx_pq.PQcmdTuples((PGresult *)result), NULL, 10));
  lua_setfield(L, -2, "affected");
  lua_createtable(L, columns, 0);
  for (int column = 0; column < columns; column++) {
    lua_pushstring(L, dx_pq.PQfname(result, column));
    lua_rawseti(L, -2, column + 1);
  }
  lua_setfield(L, -2, "columns");
  if (rows == 0) return;
  dx_pg_push_row_type(L, result);
  for (int row = 0; row < rows; row++) {
    dx_pg_push_row(L, result, row, -1);
    lua_rawseti(L, -3, row + 1);
  }
  lua_pop(L, 1);
}

/* ---- Parameters ----------------------------------------------------------------------------- */

static void format_number(lua_State *L, char *text)
{
  if (lua_isinteger(L, -1)) {
    snprintf(text, NUMBER_SIZE, LUA_INTEGER_FMT, lua_tointeger(L, -1));
    return;
  }
  lua_Number number = lua_tonumber(L, -1);
  if (isnan(number)) {
    strcpy(text, "NaN");
  } else if (isinf(number)) {
    strcpy(text, number > 0 ? "Infinity" : "-Infinity");
  } else {
    snprintf(text, NUMBER_SIZE, "%.17g", number);
  }
}

static int params_count(lua_State *L, int arg)
{
  int type = lua_getfield(L, arg, "n");
  lua_Integer n = type == LUA_TNIL ? (lua_Integer)lua_rawlen(L, arg) : luaL_checkinteger(L, -1);
  lua_pop(L, 1);
  if (n < 0 || n > PARAMS_MAX) luaL_argerror(L, arg, "number of parameters out of range");
  return (int)n;
}

bool dx_pg_params(lua_State *L, int arg, struct pg_params *params)
{
  params->n = 0;
  params->values = NULL;
  if (lua_isnoneornil(L, arg)) {
    lua_pushnil(L);
    return true;
  }
  luaL_checktype(L, arg, LUA_TTABLE);
  int n = params_count(L, arg);
  const char **values = lua_newuserdatauv(L, (size_t)n * (sizeof *values + NUMBER_SIZE) + 1, 0);
  char *numbers = (char *)(values + n);
  for (int i = 0; i < n; i++, numbers += NUMBER_SIZE) {
    size_t size = 0;
    switch (lua_rawgeti(L, arg, i + 1)) {
    case LUA_TNIL:
      values[i] = NULL;
      break;
    case LUA_TBOOLEAN:
      values[i] = lua_toboolean(L, -1) ? "t" : "f";
      break;
    case LUA_TNUMBER:
      format_number(L, numbers);
      values[i] = numbers;
      break;
    case LUA_TSTRING:
      values[i] = lua_tolstring(L, -1, &size);
      if (strlen(values[i]) != size) {
        dx_fail(L, "usage", "parameter $%d holds a zero byte, which PostgreSQL's text cannot",
                i + 1);
        return false;
      }
      break;
    default:
      luaL_argerror(L, arg, lua_pushfstring(L, "$%d is a %s", i + 1, luaL_typename(L, -1)));
    }
    lua_pop(L, 1);
  }
  params->n = n;
  params->values = values;
  return true;
}

const char *dx_pg_statement(lua_State *L, int arg)
{
  size_t size;
  const char *sql = luaL_checklstring(L, arg, &size);
  size_t length = strlen(sql);
  if (length == size) return sql;
  dx_fail(L, "usage", "the statement holds a zero byte (byte %d)", (int)length + 1);
  return NULL;
}
