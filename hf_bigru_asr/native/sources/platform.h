/* What differs between platforms. */
#ifndef BIGRU_PLATFORM_H
#define BIGRU_PLATFORM_H

#if defined(_WIN32)
#define BIGRU_API __declspec(dllexport)
#else
#define BIGRU_API __attribute__((visibility("default")))
#endif

#endif
