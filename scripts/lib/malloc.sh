# glibc's allocator for processes that train; sourced, never run.
# shellcheck shell=bash

# Keeps the big blocks that PyTorch frees and asks for again at every operation, where glibc would return and fetch them from
# the kernel page by page. What the environment says wins; without glibc it means nothing. See docs/models.md.
export MALLOC_MMAP_THRESHOLD_=${MALLOC_MMAP_THRESHOLD_:-1073741824}
export MALLOC_TRIM_THRESHOLD_=${MALLOC_TRIM_THRESHOLD_:-1073741824}
export MALLOC_TOP_PAD_=${MALLOC_TOP_PAD_:-67108864}
