#include "platform.h"

/* Must equal `VERSION` in library.py, so that a library of another version of the package is not used. */
BIGRU_API int bigru_version(void) { return 1; }
