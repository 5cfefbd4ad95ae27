/* The waiting half of host.tty, see host/prim_tty.c. */
#ifndef DIXIS_TTY_H
#define DIXIS_TTY_H

#include "dixis.h"

int dx_tty_ask(lua_State *L);
int dx_tty_wait_stdin_end(lua_State *L);

/* Writes text to fd (1 or 2), or keeps what the reader does not take now and writes it later, in
 * order; at the end of the process too. False when nobody reads any more. */
bool dx_tty_write(int fd, const char *text, size_t size);

void dx_tty_open_ask(lua_State *L);

#endif
