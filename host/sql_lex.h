/* Lexing of SQL for prim_sql.c. Ranges are [at, end); nothing is read outside them. */
#ifndef DIXIS_SQL_LEX_H
#define DIXIS_SQL_LEX_H

#include <stddef.h>

/* The first byte that is neither white space nor in a comment. */
const char *dx_sql_skip_blank(const char *at, const char *end);

/* The end of the last token; `at` is the beginning of the first. */
const char *dx_sql_trim_end(const char *at, const char *end);

/* No parse tree of the text is deeper. SIZE_MAX: no memory to tell. */
size_t dx_sql_depth_bound(const char *at, const char *end);

#endif
