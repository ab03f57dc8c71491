/* SPDX-License-Identifier: Apache-2.0 */
/* The entry points that main.c's table names. */
#pragma once
