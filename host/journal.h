/* Reading a journal, see host/journal_read.c. */
#ifndef DIXIS_JOURNAL_H
#define DIXIS_JOURNAL_H

#include "dixis.h"

/* Longer lines are neither written nor read: a file that is no journal must not fill the memory. */
enum { dx_journal_line_max = 64 << 20, dx_journal_hash_size = 64 };

/* nil, err of kind "journal" for an errno, with err.code and err.path. */
int dx_fail_journal(lua_State *L, int code, const char *action, const char *path);

int dx_journal_lines(lua_State *L);
int dx_journal_verify(lua_State *L);
void dx_journal_open_reader(lua_State *L);

#endif
