#ifndef BOARD_H
#define BOARD_H

#include <stddef.h>

/* The program. */
void run(void);

/* What the board can do. */
void say(const char *text, size_t len);
void stop(int code);

/* What airlock and the compiler ask for. */
void airlock_panic(void);
void *memcpy(void *to, const void *from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int byte, size_t len);
int memcmp(const void *one, const void *other, size_t len);
int bcmp(const void *one, const void *other, size_t len);

#endif
