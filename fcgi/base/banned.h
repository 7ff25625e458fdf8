/* Force-included by the compiler (-include): functions that this code base does not use become compile errors.
 * A facade that needs one defines ALLOW_<NAME> before any include. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets strtok strtok_r gmtime localtime ctime asctime
#pragma GCC poison mktemp tmpnam system popen rand srand atoi atol atoll atof sscanf alloca setenv
#endif
