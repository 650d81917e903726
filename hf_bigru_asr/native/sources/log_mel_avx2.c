#include <stdint.h>
#include <string.h>

#define LOG_MEL bigru_log_mel_avx2

#include "log_mel_template.h"
