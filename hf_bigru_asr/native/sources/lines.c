#include "lines.h"

#include <stdint.h>
#include <stdlib.h>

enum { LINE = 64 };

void *bigru_allocate_lines(size_t num_bytes, void **memory) {
    *memory = malloc(num_bytes + LINE - 1);
    return *memory ? (void *)(((uintptr_t)*memory + LINE - 1) / LINE * LINE) : NULL;
}
