/* A parse tree's JSON as Lua tables. libpg_query writes it, so it is well formed; what is not is an
 * error all the same. Whole numbers stay integers, null is left out. Faster than a general decoder:
 * lint reads the tree of every statement, and a table is made when it is known how large it is. */
#include "dixis.h"

#include "sql_tree.h"

#include <ctype.h>
#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>

enum {
  max_depth = 2000, /* C stack: some 200 KB */
  batch = 16,       /* of an array's items on the stack */
  names_index = 2,  /* on the stack */
};

struct reader {
  lua_State *L;
  const char *at, *end;
};

static bool read_value(struct reader *reader, int depth);

static bool take(struct reader *reader, char byte)
{
  if (reader->at >= reader->end || *reader->at != byte) return false;
  reader->at++;
  return true;
}

static int hex_digit(char c)
{
  if (c >= '0' && c <= '9') return c - '0';
  c = (char)tolower((unsigned char)c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* libpg_query escapes single bytes only: \u00XX. */
static bool add_unicode(struct reader *reader, luaL_Buffer *buffer)
{
  if (reader->end - reader->at < 4) return false;
  unsigned long code = 0;
  for (int i = 0; i < 4; i++) {
    int digit = hex_digit(*reader->at++);
    if (digit < 0) return false;
    code = code << 4 | (unsigned long)digit;
  }
  lua_pushfstring(reader->L, "%U", code);
  luaL_addvalue(buffer);
  return true;
}

static bool add_escape(struct reader *reader, luaL_Buffer *buffer)
{
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  if (reader->at >= reader->end) return false;
  char c = *reader->at++;
  if (c == 'u') return add_unicode(reader, buffer);
  const char *found = memchr(from, c, sizeof from - 1);
  if (found == NULL) return false;
  luaL_addchar(buffer, to[found - from]);
  return true;
}

static bool read_escaped(struct reader *reader, const char *from)
{
  luaL_Buffer buffer;
  luaL_buffinit(reader->L, &buffer);
  for (;;) {
    while (reader->at < reader->end && *reader->at != '"' && *reader->at != '\\')
      reader->at++;
    luaL_addlstring(&buffer, from, (size_t)(reader->at - from));
    if (take(reader, '"')) break;
    if (!take(reader, '\\') || !add_escape(reader, &buffer)) return false;
    from = reader->at;
  }
  luaL_pushresult(&buffer);
  return true;
}

static bool read_string(struct reader *reader)
{
  const char *from = reader->at;
  while (reader->at < reader->end && *reader->at != '"' && *reader->at != '\\')
    reader->at++;
  if (reader->at >= reader->end) return false;
  if (*reader->at == '\\') return read_escaped(reader, from);
  lua_pushlstring(reader->L, from, (size_t)(reader->at - from));
  reader->at++;
  return true;
}

static bool read_number(struct reader *reader)
{
  const char *from = reader->at;
  bool negative = take(reader, '-');
  lua_Integer number = 0;
  while (reader->at < reader->end && isdigit((unsigned char)*reader->at))
    number = number * 10 + (*reader->at++ - '0');
  if (reader->at == from + negative) return false;
  lua_pushinteger(reader->L, negative ? -number : number);
  return true;
}

static bool read_word(struct reader *reader, const char *word)
{
  size_t length = strlen(word);
  if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, word, length) != 0)
    return false;
  reader->at += length;
  return true;
}

/* A name, {"String":{"sval":"x"}}: the most frequent node by far, so that each is made once. */
static bool read_name(struct reader *reader)
{
  static const char begin[] = "\"String\":{\"sval\":\"";
  lua_State *L = reader->L;
  const size_t skip = sizeof begin - 1;
  if ((size_t)(reader->end - reader->at) < skip || memcmp(reader->at, begin, skip) != 0)
    return false;
  const char *from = reader->at + skip, *at = from;
  while (at < reader->end && *at != '"' && *at != '\\')
    at++;
  if (reader->end - at < 3 || memcmp(at, "\"}}", 3) != 0) return false;
  reader->at = at + 3;
  luaL_checkstack(L, 6, "parse tree");
  lua_pushlstring(L, from, (size_t)(at - from));
  lua_pushvalue(L, -1);
  if (lua_rawget(L, names_index) == LUA_TNIL) {
    lua_pop(L, 1);
    lua_createtable(L, 0, 1);
    lua_createtable(L, 0, 1);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "sval");
    lua_setfield(L, -2, "String");
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -2);
    lua_rawset(L, names_index);
  }
  lua_remove(L, -2);
  return true;
}

/* Keys and values wait on the stack until their number is known. */
static bool read_object(struct reader *reader, int depth)
{
  lua_State *L = reader->L;
  int base = lua_gettop(L), count = 0;
  if (read_name(reader)) return true;
  if (!take(reader, '}')) {
    do {
      luaL_checkstack(L, 6, "parse tree");
      if (!take(reader, '"') || !read_string(reader) || !take(reader, ':')) return false;
      if (!read_value(reader, depth)) return false;
      count++;
    } while (take(reader, ','));
    if (!take(reader, '}')) return false;
  }
  lua_createtable(L, 0, count);
  for (int i = 0; i < count; i++) {
    lua_pushvalue(L, base + 2 * i + 1);
    lua_pushvalue(L, base + 2 * i + 2);
    lua_rawset(L, -3);
  }
  lua_rotate(L, base + 1, 1);
  lua_settop(L, base + 1);
  return true;
}

static bool read_array(struct reader *reader, int depth)
{
  lua_State *L = reader->L;
  int base = lua_gettop(L), waiting = 0;
  lua_Integer count = 0;
  bool more = !take(reader, ']');
  luaL_checkstack(L, batch + 4, "parse tree");
  for (; more && waiting < batch; waiting++, more = take(reader, ',')) {
    if (!read_value(reader, depth)) return false;
  }
  lua_createtable(L, waiting, 0);
  lua_insert(L, base + 1);
  for (count = waiting; waiting > 0; waiting--)
    lua_rawseti(L, base + 1, waiting);
  if (count == 0) return true;
  for (; more; more = take(reader, ',')) {
    if (!read_value(reader, depth)) return false;
    lua_rawseti(L, base + 1, ++count);
  }
  return take(reader, ']');
}

static bool read_value(struct reader *reader, int depth)
{
  if (depth > max_depth || reader->at >= reader->end) return false;
  switch (*reader->at) {
  case '{':
    reader->at++;
    return read_object(reader, depth + 1);
  case '[':
    reader->at++;
    return read_array(reader, depth + 1);
  case '"':
    reader->at++;
    return read_string(reader);
  case 't':
    lua_pushboolean(reader->L, 1);
    return read_word(reader, "true");
  case 'f':
    lua_pushboolean(reader->L, 0);
    return read_word(reader, "false");
  case 'n':
    lua_pushnil(reader->L);
    return read_word(reader, "null");
  default:
    return read_number(reader);
  }
}

int dx_sql_tree(lua_State *L)
{
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length);
  lua_settop(L, 2);
  if (!lua_istable(L, 2)) {
    luaL_argcheck(L, lua_isnil(L, 2), 2, "a table expected");
    lua_newtable(L);
    lua_replace(L, 2);
  }
  struct reader reader = {L, text, text + length};
  if (read_value(&reader, 0) && reader.at == reader.end) return 1;
  return dx_fail(L, "too_large", "the parse tree nests too deeply");
}
