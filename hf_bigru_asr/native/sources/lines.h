/* Memory whose address is a multiple of the cache's lines. */
#ifndef BIGRU_LINES_H
#define BIGRU_LINES_H

#include <stddef.h>

/* NULL if it lacks; `memory` is what to free. */
void *bigru_allocate_lines(size_t num_bytes, void **memory);

#endif
