/* Lexing of SQL for what calls its parser. Ranges are [at, end); nothing is read outside them. */
#ifndef DIXIS_SQL_LEX_H
#define DIXIS_SQL_LEX_H

#include <lua.h>
#include <stddef.h>

/* Where a byte is in a text: lines, and columns in characters, from 1. */
struct dx_sql_place {
  const char *at;
  lua_Integer line, column;
};

void dx_sql_move(struct dx_sql_place *place, const char *to);

/* The first byte that is neither white space nor in a comment. */
const char *dx_sql_skip_blank(const char *at, const char *end);

/* The end of the last token; `at` is the beginning of the first. */
const char *dx_sql_trim_end(const char *at, const char *end);

/* Behind the first semicolon from at + size on that ends a statement, as far as can be told without
 * a parser; `end` when there is none. */
const char *dx_sql_cut(const char *at, const char *end, size_t size);

/* No parse tree of the text is deeper. SIZE_MAX: no memory to tell. */
size_t dx_sql_depth_bound(const char *at, const char *end);

#endif
