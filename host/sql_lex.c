/* Just enough of PostgreSQL's lexer to trim a statement, to guess where a script can be cut, and to
 * bound how deep it can nest. */
#include "sql_lex.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The parser's own stack holds 10,000 entries; deeper brackets are its error, not a deep tree. */
enum { max_brackets = 10000 };

void dx_sql_move(struct dx_sql_place *place, const char *to)
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

static bool is_space(char c)
{
  return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_word_start(char c)
{
  return isalpha((unsigned char)c) || c == '_' || (c & 0x80);
}

static bool is_word(char c)
{
  return is_word_start(c) || isdigit((unsigned char)c) || c == '$';
}

static const char *skip_block_comment(const char *at, const char *end)
{
  int depth = 0;
  do {
    if (end - at >= 2 && at[0] == '/' && at[1] == '*') {
      depth++;
      at += 2;
    } else if (end - at >= 2 && at[0] == '*' && at[1] == '/') {
      depth--;
      at += 2;
    } else {
      at++;
    }
  } while (depth > 0 && at < end);
  return at;
}

const char *dx_sql_skip_blank(const char *at, const char *end)
{
  while (at < end) {
    if (is_space(*at)) {
      at++;
    } else if (end - at >= 2 && at[0] == '-' && at[1] == '-') {
      while (at < end && *at != '\n' && *at != '\r')
        at++;
    } else if (end - at >= 2 && at[0] == '/' && at[1] == '*') {
      at = skip_block_comment(at, end);
    } else {
      break;
    }
  }
  return at;
}

/* `at` is the opening quote; a doubled one inside reads as two strings side by side. */
static const char *skip_quoted(const char *at, const char *end)
{
  const char *closing = memchr(at + 1, *at, (size_t)(end - at - 1));
  return closing != NULL ? closing + 1 : end;
}

/* E'...': goes on over doubled quotes and over a line break to the next part of the same string,
 * where backslashes still count. */
static const char *skip_escaped(const char *at, const char *end)
{
  for (;;) {
    at++;
    while (at < end && *at != '\'')
      at += *at == '\\' && end - at > 1 ? 2 : 1;
    if (at >= end) return end;
    at++;
    if (at < end && *at == '\'') continue;
    const char *next = dx_sql_skip_blank(at, end);
    if (next >= end || *next != '\'' || memchr(at, '\n', (size_t)(next - at)) == NULL) return at;
    at = next;
  }
}

/* $tag$...$tag$, or just the dollar when it opens nothing. */
static const char *skip_dollar(const char *at, const char *end)
{
  const char *tag = at + 1;
  if (tag < end && is_word_start(*tag)) {
    while (tag < end && is_word(*tag) && *tag != '$')
      tag++;
  }
  if (tag >= end || *tag != '$') return at + 1;
  size_t length = (size_t)(tag + 1 - at);
  const char *closing = memmem(tag + 1, (size_t)(end - tag - 1), at, length);
  return closing != NULL ? closing + length : end;
}

/* The end of the token at `at`, which is neither white space nor a comment. */
static const char *skip_token(const char *at, const char *end)
{
  if (*at == '\'' || *at == '"') return skip_quoted(at, end);
  if (*at == '$') return skip_dollar(at, end);
  if (!is_word(*at)) return at + 1;
  const char *word = at;
  while (at < end && is_word(*at))
    at++;
  bool escaped = at - word == 1 && (*word == 'e' || *word == 'E') && at < end && *at == '\'';
  return escaped ? skip_escaped(at, end) : at;
}

static bool word_is(const char *at, const char *end, const char *word)
{
  size_t length = strlen(word);
  return (size_t)(end - at) == length && strncasecmp(at, word, length) == 0;
}

/* Brackets hold semicolons in a rule, END closes BEGIN ATOMIC and the CASEs inside of it. */
const char *dx_sql_cut(const char *at, const char *end, size_t size)
{
  const char *from = at;
  size_t brackets = 0, blocks = 0;
  bool begins = false;
  for (at = dx_sql_skip_blank(at, end); at < end; at = dx_sql_skip_blank(at, end)) {
    const char *token = at;
    at = skip_token(at, end);
    if (*token == ';' && brackets == 0 && blocks == 0 && (size_t)(token - from) >= size) return at;
    if (*token == '(' || *token == '[') brackets++;
    if ((*token == ')' || *token == ']') && brackets > 0) brackets--;
    if (begins && word_is(token, at, "atomic")) blocks++;
    if (blocks > 0 && word_is(token, at, "case")) blocks++;
    if (blocks > 0 && word_is(token, at, "end")) blocks--;
    begins = word_is(token, at, "begin");
  }
  return end;
}

/* Set operations chain statements that have commas of their own. */
static bool is_set_operation(const char *at, const char *end)
{
  return word_is(at, end, "union") || word_is(at, end, "except") || word_is(at, end, "intersect");
}

struct level {
  size_t since_comma; /* tokens of this list item */
  size_t longest;     /* of the items before it */
  size_t set_operations;
};

static size_t level_depth(const struct level *level)
{
  size_t item = level->since_comma > level->longest ? level->since_comma : level->longest;
  return item + level->set_operations;
}

/* Every level of a tree takes a token, and the items of a list do not nest. */
size_t dx_sql_depth_bound(const char *at, const char *end)
{
  struct level *levels = calloc(max_brackets + 1, sizeof *levels), *top = levels;
  if (levels == NULL) return SIZE_MAX;
  size_t outer = 0, deepest = 0;
  for (at = dx_sql_skip_blank(at, end); at < end; at = dx_sql_skip_blank(at, end)) {
    const char *token = at;
    at = skip_token(at, end);
    if (*token == ';' && top == levels) {
      *top = (struct level){0};
      continue;
    }
    if (*token == ',') {
      if (top->since_comma > top->longest) top->longest = top->since_comma;
      top->since_comma = 0;
      continue;
    }
    top->since_comma++;
    if (is_set_operation(token, at)) top->set_operations++;
    if (outer + level_depth(top) > deepest) deepest = outer + level_depth(top);
    if ((*token == '(' || *token == '[') && top < levels + max_brackets) {
      outer += level_depth(top);
      *++top = (struct level){0};
    } else if ((*token == ')' || *token == ']') && top > levels) {
      size_t inner = level_depth(top);
      top--;
      outer -= level_depth(top);
      top->since_comma += inner;
      if (outer + level_depth(top) > deepest) deepest = outer + level_depth(top);
    }
  }
  free(levels);
  return deepest;
}

const char *dx_sql_trim_end(const char *at, const char *end)
{
  const char *last = at;
  while (at < end) {
    last = skip_token(at, end);
    at = dx_sql_skip_blank(last, end);
  }
  return last;
}
