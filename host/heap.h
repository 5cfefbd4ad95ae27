/* Lua's heap, for state.c. */
#ifndef DIXIS_HEAP_H
#define DIXIS_HEAP_H

#include <stdbool.h>
#include <stddef.h>

/* A lua_Alloc for the one state of the process. */
void *dx_heap_alloc(void *ud, void *block, size_t old_size, size_t new_size);

#endif
