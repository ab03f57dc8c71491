#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The storage engine makes system calls on files only through io_posix.c. Looks at what the objects of
# the library (first argument) want from libc.
calls='open|openat|creat|close|read|pread|preadv|readv|write|pwrite|pwritev|writev|fsync|fdatasync|sync'
calls="$calls|syncfs|sync_file_range|ftruncate|truncate|fallocate|posix_fallocate|unlink|unlinkat|rename"
calls="$calls|renameat|link|linkat|mkdir|mkdirat|rmdir|stat|fstat|fstatat|statvfs|fstatvfs|opendir|fdopendir"
calls="$calls|readdir|fopen|fdopen|fclose|fwrite|fread|fputs|fprintf|printf|puts|mmap|msync|sendfile|splice"
calls="$calls|copy_file_range|syscall|clock_gettime|time|getrandom|exit|abort"
found=$(nm -A -u "$1" | grep -v io_posix | grep -E " ($calls)(64|@.*)?\$")
# The test is worth nothing when it cannot see the door itself.
nm -A -u "$1" | grep io_posix | grep -qE " (pwrite)(64)?(@.*)?\$" || {
	echo "door_test: no pwrite in io_posix.c: is this the library?"
	exit 1
}
if [ -n "$found" ]; then
	echo "src/spool calls the system past io.h; use gp_store.io:"
	echo "$found"
	exit 1
fi
