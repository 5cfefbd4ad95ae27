/* sql.parse: a script's statements, by the JSON that the parser gives.
 *
 * The parser takes fifty times the memory of its text, so a large script is parsed in pieces of
 * whole statements. What comes out is what parsing in one go gives, errors too:
 * - Where a piece may end is a guess of our lexer that the parser confirms: it gives a statement a
 *   length only when it saw the semicolon behind it. A piece that does not parse, or not up to its
 *   very end, grows; in the end it is the rest of the script.
 * - The next piece begins with that semicolon. So the parser stands where it stood, and nothing is
 *   at offset 0, which is left out of a tree.
 * - The locations in a tree are moved to where the piece is in the script.
 * Of such a script only the first trees are kept: who asks for another one has its piece parsed
 * again. Columns are counted when they are asked for; a statement is as small as a table can be.
 */
#include "dixis.h"

#include "sql_lex.h"
#include "sql_parser.h"
#include "sql_statements.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const lua_Integer piece_size = 512 << 10;
static const size_t kept_trees = 32; /* times the piece's size */

/* By what Lua may have. */
static const size_t max_tree = (size_t)256 << 20;
static const lua_Integer max_statements = 1000 * 1000;

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

/* Its location is that in the piece. */
struct statement {
  const char *node, *tree;
  size_t node_length, tree_length;
  size_t location, length; /* length 0: to the end of the piece */
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

static void check_understood(lua_State *L, bool understood)
{
  if (!understood) luaL_error(L, "unexpected output of the parser");
}

static struct cursor begin_statements(lua_State *L, const struct dx_sql_result *result)
{
  struct cursor cursor = {result->parse.parse_tree};
  bool understood =
      take(&cursor, "{\"version\":") && take_number(&cursor) > 0 && take(&cursor, ",\"stmts\":[");
  check_understood(L, understood);
  return cursor;
}

static bool next_statement(lua_State *L, struct cursor *cursor, struct statement *statement)
{
  if (take(cursor, "]}")) return false;
  take(cursor, ",");
  check_understood(L, take_statement(cursor, statement));
  return true;
}

/* ---- Pieces -------------------------------------------------------------------------------- */

struct range {
  const char *from, *to;
};

struct script {
  const char *text, *end;
  bool deep;
  struct dx_sql_result *result;
};

static int parse_range(lua_State *L, const struct script *script, const struct range *range)
{
  const char *text = range->from;
  bool copied = range->to != script->end;
  if (copied) text = lua_pushlstring(L, text, (size_t)(range->to - text));
  int failed = dx_sql_run(L, script->result, DX_SQL_PARSE, text, script->deep);
  if (copied) lua_remove(L, -1 - failed);
  return failed;
}

static bool ends_with_semicolon(lua_State *L, const struct script *script, size_t length)
{
  if (dx_sql_error(script->result) != NULL) return false;
  struct cursor cursor = begin_statements(L, script->result);
  struct statement last = {0};
  while (next_statement(L, &cursor, &last))
    continue;
  return last.length > 0 && last.location + last.length + 1 == length;
}

/* Parses a piece of the size or a larger one, and says where it ends. 0, or the failure is on the
 * stack. */
static int parse_piece(lua_State *L, const struct script *script, size_t size, struct range *piece)
{
  for (;;) {
    bool rest = size >= (size_t)(script->end - piece->from);
    piece->to = rest ? script->end : dx_sql_cut(piece->from, script->end, size);
    int failed = parse_range(L, script, piece);
    if (failed != 0) return failed;
    size_t length = (size_t)(piece->to - piece->from);
    if (piece->to == script->end || ends_with_semicolon(L, script, length)) break;
    size = 2 * length;
  }
  const PgQueryError *error = dx_sql_error(script->result);
  if (error != NULL) {
    return dx_sql_fail(L, script->text, (size_t)(script->end - script->text), piece->from, error);
  }
  if (strlen(script->result->parse.parse_tree) <= max_tree) return 0;
  return dx_fail(L, "too_large", "a statement's parse tree takes more than %zu bytes", max_tree);
}

/* ---- Statements ---------------------------------------------------------------------------- */

/* Without what is around it. */
static struct range trim(const struct statement *statement, const struct range *piece)
{
  const char *from = piece->from + statement->location;
  const char *end = statement->length == 0 ? piece->to : from + statement->length;
  const char *first = dx_sql_skip_blank(from, end);
  return (struct range){first, dx_sql_trim_end(first, end)};
}

/* The tree as it is in a text that has `offset` bytes more before it. Locations are "location":N
 * everywhere, and no string can look like that: its quotes are escaped. */
static void push_tree(lua_State *L, const struct statement *statement, size_t offset)
{
  static const char key[] = "\"location\":";
  const char *at = statement->tree, *end = at + statement->tree_length, *found;
  if (offset == 0) {
    lua_pushlstring(L, at, statement->tree_length);
    return;
  }
  luaL_Buffer buffer;
  luaL_buffinit(L, &buffer);
  while ((found = memmem(at, (size_t)(end - at), key, sizeof key - 1)) != NULL) {
    struct cursor number = {found + sizeof key - 1};
    luaL_addlstring(&buffer, at, (size_t)(number.at - at));
    at = number.at;
    if (!isdigit((unsigned char)*at)) continue; /* -1, for none; the LOCATION of a tablespace */
    char moved[24];
    size_t location = take_number(&number) + offset;
    luaL_addlstring(&buffer, moved, (size_t)snprintf(moved, sizeof moved, "%zu", location));
    at = number.at;
  }
  luaL_addlstring(&buffer, at, (size_t)(end - at));
  luaL_pushresult(&buffer);
}

/* ---- Statements of a script in pieces ------------------------------------------------------- */

/* Upvalues. pieces: the offset where each begins, and the column there. trees: of one piece, by
 * `first` of the statements. */
enum { up_text = 1, up_deep, up_pieces, up_trees };

struct begin {
  lua_Integer offset, column;
};

static void add_piece(lua_State *L, int pieces, struct begin begin)
{
  lua_Integer count = (lua_Integer)lua_rawlen(L, pieces);
  lua_pushinteger(L, begin.offset);
  lua_rawseti(L, pieces, count + 1);
  lua_pushinteger(L, begin.column);
  lua_rawseti(L, pieces, count + 2);
}

static struct begin get_piece(lua_State *L, lua_Integer number)
{
  lua_rawgeti(L, lua_upvalueindex(up_pieces), 2 * number - 1);
  lua_rawgeti(L, lua_upvalueindex(up_pieces), 2 * number);
  struct begin begin = {lua_tointeger(L, -2), lua_tointeger(L, -1)};
  lua_pop(L, 2);
  return begin;
}

/* Number of the last piece that begins before the statement. */
static lua_Integer find_piece(lua_State *L, lua_Integer first)
{
  lua_Integer low = 1, after = (lua_Integer)lua_rawlen(L, lua_upvalueindex(up_pieces)) / 2 + 1;
  while (after - low > 1) {
    lua_Integer middle = low + (after - low) / 2;
    if (get_piece(L, middle).offset < first) {
      low = middle;
    } else {
      after = middle;
    }
  }
  return low;
}

/* Pushes the trees of the statement's piece, which are kept in the place of another's. */
static void push_trees(lua_State *L, lua_Integer first)
{
  size_t length;
  const char *text = lua_tolstring(L, lua_upvalueindex(up_text), &length);
  struct script script = {text, text + length, lua_toboolean(L, lua_upvalueindex(up_deep)),
                          dx_sql_result_new(L)};
  lua_Integer number = find_piece(L, first);
  struct range piece = {text + get_piece(L, number).offset, script.end};
  if (2 * number < (lua_Integer)lua_rawlen(L, lua_upvalueindex(up_pieces))) {
    piece.to = text + get_piece(L, number + 1).offset + 1;
  }
  if (parse_range(L, &script, &piece) != 0) lua_error(L);
  lua_newtable(L);
  lua_copy(L, -1, lua_upvalueindex(up_trees));
  struct cursor cursor = begin_statements(L, script.result);
  struct statement statement;
  while (next_statement(L, &cursor, &statement)) {
    push_tree(L, &statement, (size_t)(piece.from - text));
    lua_rawseti(L, -2, trim(&statement, &piece).from - text + 1);
  }
  dx_sql_release(script.result);
}

static int push_tree_of(lua_State *L, lua_Integer first)
{
  if (lua_rawgeti(L, lua_upvalueindex(up_trees), first) != LUA_TNIL) return 1;
  push_trees(L, first);
  lua_rawgeti(L, -1, first);
  return 1;
}

static int push_column_of(lua_State *L, lua_Integer first)
{
  struct begin begin = get_piece(L, find_piece(L, first));
  const char *text = lua_tostring(L, lua_upvalueindex(up_text)), *from = text + begin.offset;
  const char *newline = memrchr(from, '\n', (size_t)(text + first - 1 - from));
  struct dx_sql_place place = {from, 1, begin.column};
  if (newline != NULL) place = (struct dx_sql_place){newline + 1, 1, 1};
  dx_sql_move(&place, text + first - 1);
  lua_pushinteger(L, place.column);
  return 1;
}

/* What a statement does not hold itself. */
static int statement_index(lua_State *L)
{
  const char *key = lua_tostring(L, 2);
  bool tree = key != NULL && strcmp(key, "tree") == 0;
  if (!tree && (key == NULL || strcmp(key, "column") != 0)) return 0;
  lua_getfield(L, 1, "first");
  lua_Integer first = luaL_checkinteger(L, -1);
  return tree ? push_tree_of(L, first) : push_column_of(L, first);
}

/* Pushes the pieces, none yet, and the metatable of the script's statements. */
static void push_metatable(lua_State *L, const struct script *script)
{
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushvalue(L, 1);
  lua_pushboolean(L, script->deep);
  lua_pushvalue(L, -4);
  lua_newtable(L);
  lua_pushcclosure(L, statement_index, up_trees);
  lua_setfield(L, -2, "__index");
}

/* ---- sql.parse ----------------------------------------------------------------------------- */

enum { at_statements = 3, at_pieces, at_metatable }; /* on the stack */

/* Adds the statements of the result. */
static lua_Integer add_statements(lua_State *L, const struct script *script,
                                  const struct range *piece, struct dx_sql_place *place,
                                  lua_Integer count, bool kept)
{
  bool whole = lua_gettop(L) == at_statements;
  struct cursor cursor = begin_statements(L, script->result);
  struct statement statement;
  while (next_statement(L, &cursor, &statement)) {
    struct range range = trim(&statement, piece);
    dx_sql_move(place, range.from);
    lua_createtable(L, 0, whole ? 6 : 4 + kept);
    dx_field_int(L, "first", range.from - script->text + 1);
    dx_field_int(L, "last", range.to - script->text);
    dx_field_int(L, "line", place->line);
    lua_pushlstring(L, statement.node, statement.node_length);
    lua_setfield(L, -2, "node");
    if (whole) {
      dx_field_int(L, "column", place->column);
    } else {
      lua_pushvalue(L, at_metatable);
      lua_setmetatable(L, -2);
    }
    if (kept) {
      push_tree(L, &statement, (size_t)(piece->from - script->text));
      lua_setfield(L, -2, "tree");
    }
    lua_rawseti(L, at_statements, ++count);
  }
  return count;
}

static int parse_script(lua_State *L, const struct script *script, size_t size)
{
  struct range piece = {script->text, script->end};
  struct dx_sql_place place = {script->text, 1, 1};
  lua_Integer count = 0;
  int failed = parse_piece(L, script, size, &piece);
  if (failed != 0) return failed;
  lua_newtable(L);
  bool whole = piece.to == script->end;
  if (!whole) push_metatable(L, script);
  for (size_t room = whole ? SIZE_MAX : kept_trees * size;;) {
    if (!whole) add_piece(L, at_pieces, (struct begin){piece.from - script->text, place.column});
    size_t taken = strlen(script->result->parse.parse_tree);
    bool kept = taken <= room;
    if (kept) room -= taken;
    count = add_statements(L, script, &piece, &place, count, kept);
    if (count > max_statements) {
      return dx_fail(L, "too_large", "the script has more than %d statements", (int)max_statements);
    }
    if (piece.to == script->end) break;
    piece.from = piece.to - 1;
    dx_sql_move(&place, piece.from);
    failed = parse_piece(L, script, size, &piece);
    if (failed != 0) return failed;
  }
  lua_settop(L, at_statements);
  return 1;
}

int dx_sql_parse(lua_State *L)
{
  size_t length;
  struct script script = {.text = luaL_checklstring(L, 1, &length)};
  lua_Integer size = luaL_optinteger(L, 2, piece_size);
  luaL_argcheck(L, size > 0, 2, "out of range");
  lua_settop(L, 1);
  script.end = script.text + length;
  script.result = dx_sql_result_new(L);
  int results = dx_sql_check(L, script.text, length, &script.deep);
  if (results == 0) results = parse_script(L, &script, (size_t)size);
  dx_sql_release(script.result);
  return results;
}
