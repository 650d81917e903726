#include <stdint.h>
#include <string.h>

#define LOG_MEL bigru_log_mel_generic

#include "log_mel_template.h"
