// The plain C interface between the program and its modules: nothing of C++ crosses it.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct CodecModule {
    /// Loads weights; null when they cannot be read.
    void* (*open)(const char* weights_path);
    void (*close)(void* codec);
    /// Encodes width x height pixels of interleaved 8-bit RGB. Returns the size of the stream, of which at most `capacity`
    /// bytes were written to `out`; 0 when it failed.
    size_t (*encode)(void* codec, const uint8_t* rgb, int width, int height, double quality, uint8_t* out,
                     size_t capacity);
    /// Decodes into width x height pixels, which must be the image's own size. Returns 1, or 0 when it failed.
    int (*decode)(void* codec, const uint8_t* stream, size_t size, uint8_t* rgb, int width, int height);
};

/// What each module exports under this name.
#define CODEC_MODULE_SYMBOL "codec_module"
